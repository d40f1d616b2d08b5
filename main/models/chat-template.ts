import { Template } from '@huggingface/jinja';
import type { ChatMessage } from '../../shared/domain/content.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Literals, Span } from './tokenizers/text-encoder.ts';
import { UnusableDocument } from './unusable-document.ts';

/** A conversation as a model's template writes it. */
export interface RenderedChat {
  /** The text, whose special tokens are to be interpreted. */
  text: string;
  /** What the assistant says in it, each time with the end of its turn. */
  spans: Span[];
  /** Characters of the text that stand for names of special tokens in what people wrote: text, whatever they say. */
  literals: Literals;
}

/** Messages as templates know them. */
type TemplateMessage = Pick<ChatMessage, 'role' | 'content'>;

/**
 * Today in templates that tell the model the date: a fixed day, so that the same conversation has the same tokens tomorrow. It is the day that
 * Llama 3's own template takes when nobody says one.
 */
const TODAY: Readonly<Record<string, string>> = {
  d: '26',
  m: '07',
  Y: '2024',
  y: '24',
  b: 'Jul',
  B: 'July',
  A: 'Friday',
  a: 'Fri',
  H: '00',
  M: '00',
  S: '00',
};

/** Marks of Hugging Face's templates around what the assistant says; the library leaves them out. */
const GENERATION = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;

/** What the marks become: tags that print a character, with the same effect on white space and line ends around them. */
const MARKED = (_tag: string, before: string, isEnd: string | undefined, after: string): string =>
  `{%${before} if true %}{{ strata_${isEnd ? 'end' : 'begin'} }}{% endif ${after}%}`;

/**
 * A chat template (Jinja, as transformers knows it) that also says which of its text is the assistant's: where the template marks it
 * (`{% generation %}`), what is marked; else what comes to the text with each of the assistant's messages, after the prompt for it; and where
 * earlier text changes with later messages, what follows the prompt up to the special token behind the message.
 */
export class ChatTemplate {
  readonly #template: Template;
  readonly #isMarked: boolean;
  readonly #source: string;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #specialTokens: RegExp | null;

  /**
   * @param variables special tokens by the names that templates use, such as `eos_token`.
   * @throws StrataError UNSUPPORTED when the template cannot be understood.
   */
  constructor(source: string, variables: Readonly<Record<string, string>>, specialTokens: readonly string[]) {
    this.#source = source;
    this.#variables = variables;
    this.#isMarked = source.search(GENERATION) !== -1;
    const names = specialTokens.filter((name) => name !== '').sort((a, b) => b.length - a.length);
    this.#specialTokens = names.length === 0 ? null : new RegExp(names.map((name) => RegExp.escape(name)).join('|'), 'g');
    try {
      this.#template = new Template(source.replace(GENERATION, MARKED).replace(/\bstrftime_now\b/g, 'strata_today'));
    } catch (error) {
      throw new StrataError('UNSUPPORTED', "The model's chat template cannot be read.", {
        found: error instanceof Error ? error.message : String(error),
        allowed: 'a Jinja template as transformers uses it',
        hint: 'Take the chat template of the model as it was published.',
        cause: error,
      });
    }
  }

  /**
   * Writes a conversation. A template that refuses system messages gets the system's before the first of the user.
   * @throws UnusableDocument BAD_INPUT when the template refuses the conversation, UNSUPPORTED when it hides what the assistant says.
   */
  render(given: readonly ChatMessage[]): RenderedChat {
    const signs = freeCharacters(this.#source + given.map(({ content }) => content).join(''));
    const [begin, end] = [signs.next().value!, signs.next().value!];
    const literals = new Map<string, string>();
    const messages = given.map(({ role, content }) => ({ role, content: this.#withoutNames(content, literals, signs) }));
    try {
      return { ...this.#renderWith(messages, begin, end), literals };
    } catch (error) {
      const merged = withSystemInUser(messages);
      if (!(error instanceof Refusal) || merged === null) throw asStrataError(error);
      try {
        return { ...this.#renderWith(merged, begin, end), literals };
      } catch {
        throw asStrataError(error);
      }
    }
  }

  /** A message in which characters stand for names of special tokens. */
  #withoutNames(content: string, literals: Map<string, string>, signs: Iterator<string, never>): string {
    if (!this.#specialTokens) return content;
    return content.replace(this.#specialTokens, (name) => {
      const known = [...literals].find(([, literal]) => literal === name);
      if (known) return known[0];
      const sign = signs.next().value;
      literals.set(sign, name);
      return sign;
    });
  }

  #renderWith(messages: readonly TemplateMessage[], begin: string, end: string): Pick<RenderedChat, 'text' | 'spans'> {
    if (this.#isMarked) {
      const { text, begins, ends } = withoutSigns(this.#run(messages, false, begin, end), begin, end);
      return { text, spans: begins.map((first, index) => [first, ends[index]!]) };
    }
    const text = this.#run(messages, false);
    const spans = this.#spansByGrowth(messages, text) ?? this.#spansByContent(messages, text, begin, end);
    return { text, spans };
  }

  /** What comes with each message of the assistant, after the prompt for it; null where the text does not only grow. */
  #spansByGrowth(messages: readonly TemplateMessage[], text: string): Span[] | null {
    const spans: Span[] = [];
    for (const [index, { role }] of messages.entries()) {
      if (role !== 'assistant') continue;
      const before = this.#attempt(messages.slice(0, index), true);
      const after = index === messages.length - 1 ? text : this.#attempt(messages.slice(0, index + 1), false);
      if (before === null || after === null || !after.startsWith(before) || !text.startsWith(after)) return null;
      spans.push([before.length, after.length]);
    }
    return spans;
  }

  /**
   * The assistant's messages where earlier text changes, such as thoughts that are left out of all but the last: each from the end of the prompt
   * for it, or else from where its content begins, to the end of the special token behind its content.
   */
  #spansByContent(messages: readonly TemplateMessage[], text: string, begin: string, end: string): Span[] {
    const isSaid = ({ role, content }: TemplateMessage): boolean => role === 'assistant' && content.trim() !== '';
    const marked = messages.map((message) => {
      if (!isSaid(message)) return message;
      // Inside of the white space around it, which templates take away.
      const [, before, content, after] = /^(\s*)([^]*?)(\s*)$/.exec(message.content)!;
      return { ...message, content: `${before}${begin}${content}${end}${after}` };
    });
    const found = withoutSigns(this.#run(marked, false), begin, end);
    const places = messages.flatMap((message, index) => (isSaid(message) ? [index] : []));
    if (found.text !== text || found.ends.length !== places.length) throw hidden();
    return places.map((index, place): Span => {
      const last = found.ends[place]!;
      const prompt = this.#attempt(messages.slice(0, index), true);
      const isPrompt = prompt !== null && text.startsWith(prompt) && prompt.length <= last;
      const first = isPrompt ? prompt.length : found.begins.findLast((each) => each <= last && each >= (found.ends[place - 1] ?? 0));
      if (first === undefined) throw hidden();
      return [first, this.#behindSpecial(text, last)];
    });
  }

  /** The end of the special token that follows, blanks between left out; the same place where none does. */
  #behindSpecial(text: string, place: number): number {
    if (!this.#specialTokens) return place;
    const next = new RegExp(`\\s*(?:${this.#specialTokens.source})`, 'y');
    next.lastIndex = place;
    return next.exec(text) ? next.lastIndex : place;
  }

  #attempt(messages: readonly TemplateMessage[], addsPrompt: boolean): string | null {
    try {
      return this.#run(messages, addsPrompt);
    } catch (error) {
      if (error instanceof Refusal) return null;
      throw error;
    }
  }

  #run(messages: readonly TemplateMessage[], addsPrompt: boolean, begin = '', end = ''): string {
    try {
      return this.#template.render({
        ...this.#variables,
        messages: messages.map(({ role, content }) => ({ role, content })),
        add_generation_prompt: addsPrompt,
        tools: null,
        documents: null,
        strata_begin: begin,
        strata_end: end,
        strata_today: (format: string) => format.replace(/%-?([a-zA-Z])/g, (sign, letter: string) => TODAY[letter] ?? sign),
      });
    } catch (error) {
      throw new Refusal(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }
}

/** A template ended with an error: its own `raise_exception`, or one of the library. */
class Refusal extends Error {}

function asStrataError(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error;
  return new UnusableDocument('BAD_INPUT', "The model's chat template refuses a conversation.", {
    found: error.message,
    allowed: 'conversations that the template takes',
    hint: 'Leave that conversation out, or use a model whose template takes it.',
    cause: error.cause,
  });
}

function hidden(): UnusableDocument {
  return new UnusableDocument('UNSUPPORTED', "The model's chat template does not show which text is the assistant's.", {
    found: 'a template that changes what messages say',
    allowed: 'a template that keeps messages as they are, or marks the assistant with {% generation %}',
    hint: 'Learn all of the text instead, or give the model another chat template.',
  });
}

/** The system's message as the beginning of the user's first one; null where there is nothing to change. */
function withSystemInUser([system, ...others]: readonly TemplateMessage[]): TemplateMessage[] | null {
  if (system?.role !== 'system' || others[0]?.role !== 'user') return null;
  return [{ role: 'user', content: `${system.content}\n\n${others[0].content}` }, ...others.slice(1)];
}

/** A text without the signs, and where they stood in it. */
function withoutSigns(marked: string, begin: string, end: string): { text: string; begins: number[]; ends: number[] } {
  const places = { begins: [] as number[], ends: [] as number[] };
  let text = '';
  for (const part of marked.split(new RegExp(`([${begin}${end}])`))) {
    if (part === begin) places.begins.push(text.length);
    else if (part === end) places.ends.push(text.length);
    else text += part;
  }
  return { text, ...places };
}

/** Characters of the private-use area that a text does not have: there are 6400 of them. */
function* freeCharacters(text: string): Generator<string, never> {
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) yield character;
  }
  throw new UnusableDocument('UNSUPPORTED', 'A conversation uses all of the characters that are for private use.', {
    found: 'all 6400 characters from U+E000 to U+F8FF',
    allowed: 'texts that leave some of them free',
    hint: 'Leave that conversation out.',
  });
}
