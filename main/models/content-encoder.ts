import { createHash } from 'node:crypto';
import type { ChatMessage, Content } from '../../shared/domain/content.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../shared/domain/rendering.ts';
import { ChatTemplate } from './chat-template.ts';
import { readChatTemplates } from './export/chat-template.ts';
import { readSpecialTokens } from './special-tokens.ts';
import { loadTokenizer, type TextTokenizer } from './tokenizer.ts';
import { type EncodedContent, encodeInParallel, type ParallelOptions } from './tokenizers/parallel-encoding.ts';
import type { Span } from './tokenizers/text-encoder.ts';
import { UnusableDocument } from './unusable-document.ts';

/** Changes whenever the same document gives other ids or another mask than before. */
const WAY_OF_RENDERING = 'conversations by the chat template, the assistant learned; prompt, blank line, completion';

/** For models without a chat template whose tokenizer has the tokens of ChatML. */
const CHAT_ML = `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;
const CHAT_ML_TOKENS = ['<|im_start|>', '<|im_end|>'];

/** For all others: who speaks, in words; each answer ends with the end token, where there is one. */
const PLAIN = `{{ start }}{% for message in messages %}{{ message['role'] | capitalize }}: {{ message['content'] }}{% if message['role'] == 'assistant' %}{{ end }}{% endif %}{{ '\\n\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}`;

/** How conversations are written for a model. */
export type TemplateOrigin = 'model' | 'ChatML' | 'plain';

/** In words for the user; null for the model's own. */
export const TEMPLATE_NOTES: Readonly<Record<TemplateOrigin, string | null>> = {
  model: null,
  ChatML: 'The model has no chat template: conversations are written as ChatML, whose tokens its tokenizer has.',
  plain: 'The model has no chat template: conversations are written as "User: ..." and "Assistant: ...".',
};

/** Turns documents into what a model trains on. */
export interface ContentEncoder {
  /**
   * Ids of a document, and which of them are learned. A text is learned as a whole, with the tokenizer's start and end. Of a prompt with its
   * completion, and of a conversation, only the answers are, each with the token that ends it. Nothing is cut.
   * @throws UnusableDocument for a question with choices, which is for evaluation; as the chat template.
   */
  encode(content: Content): EncodedContent;
  /** {@link encode} of each document, in order; many are encoded by several threads. With `onRefused` those that cannot be are left out. */
  encodeAll(contents: AsyncIterable<Content>, options?: ParallelOptions): AsyncIterable<EncodedContent>;
  readonly tokenizer: TextTokenizer;
  readonly templateOrigin: TemplateOrigin;
  readonly vocabularySize: number;
  /** Of the tokenizer, the chat template and the rendering: token shards belong to it. */
  readonly hash: string;
}

/**
 * Loads a model folder's tokenizer and chat template.
 * @throws StrataError as the tokenizer; UNSUPPORTED when the chat template cannot be understood.
 */
export async function loadContentEncoder(directory: string, rendering: Rendering = DEFAULT_RENDERING): Promise<ContentEncoder> {
  const tokenizer = await loadTokenizer(directory);
  const own = (await readChatTemplates(directory)).get('default') ?? null;
  const hasChatML = CHAT_ML_TOKENS.every((name) => tokenizer.specialTokens.includes(name));
  const templateOrigin = own !== null ? 'model' : hasChatML ? 'ChatML' : 'plain';
  const source = own ?? (hasChatML ? CHAT_ML : PLAIN);
  const named = await readSpecialTokens(directory);
  const nameOf = (ids: readonly number[]): string => ids.map((id) => tokenizer.specialToken(id) ?? '').join('');
  const variables = templateOrigin === 'plain' ? { start: nameOf(tokenizer.documentStart), end: nameOf(tokenizer.documentEnd) } : named;
  const hash = createHash('sha256')
    .update(JSON.stringify([WAY_OF_RENDERING, tokenizer.hash, source, variables, rendering]))
    .digest('hex');
  // Understood when the first conversation needs it: a model that only reads texts may have any template.
  let template: ChatTemplate | null = null;
  const chat = (messages: readonly ChatMessage[]): EncodedContent => {
    template ??= new ChatTemplate(source, variables, tokenizer.specialTokens);
    const { text, spans, literals } = template.render(messages);
    const { ids, inSpan } = tokenizer.encodeSpans(text, spans, { interpretSpecialTokens: true, literals });
    return rendering.learn === 'all' ? { ids } : { ids, learned: inSpan };
  };
  const encode = (content: Content): EncodedContent => {
    switch (content.kind) {
      case 'text':
        return { ids: tokenizer.encodeDocument(content.text) };
      case 'completion':
        return rendering.completions === 'chat'
          ? chat([
              { role: 'user', content: content.prompt },
              { role: 'assistant', content: content.completion },
            ])
          : plainCompletion(tokenizer, content, rendering);
      case 'chat':
        return chat(content.messages);
      case 'choice':
        throw new UnusableDocument('UNSUPPORTED', 'A question with choices cannot be trained on: it is for evaluation.', {
          found: content.question.slice(0, 80),
          allowed: 'texts, prompts with completions, and conversations',
          hint: 'Score the model on this dataset, or import it with another mapping, such as a question and its answer.',
        });
    }
  };
  return {
    encode,
    encodeAll: (contents, options) => encodeInParallel({ encode }, { directory, hash, rendering }, contents, options),
    tokenizer,
    templateOrigin,
    vocabularySize: tokenizer.vocabularySize,
    hash,
  };
}

/** One after the other, a blank line between them unless the prompt ends with white space of its own; the end token is learned too. */
function plainCompletion(tokenizer: TextTokenizer, content: { prompt: string; completion: string }, { learn }: Rendering): EncodedContent {
  const { prompt, completion } = content;
  const before = prompt === '' || /\s$/.test(prompt) ? prompt : `${prompt}\n\n`;
  const span: Span = [before.length, before.length + completion.length];
  const { ids, inSpan } = tokenizer.encodeSpans(before + completion, [span]);
  const { documentStart, documentEnd } = tokenizer;
  const whole = [...documentStart, ...ids, ...documentEnd];
  if (learn === 'all') return { ids: whole };
  const learned = new Uint8Array(whole.length);
  learned.set(inSpan, documentStart.length);
  learned.fill(1, documentStart.length + ids.length);
  return { ids: whole, learned };
}
