import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ContentEncoder, loadContentEncoder, TEMPLATE_NOTES } from '../../main/models/content-encoder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { tokenPieces } from '../../main/models/token-pieces.ts';
import type { ChatMessage, Content } from '../../shared/domain/content.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../shared/domain/rendering.ts';
import { CHAT_TEMPLATES } from '../support/chat-templates.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const BASE = join(import.meta.dirname, '../../resources/base');
const CHAT_ML = CHAT_TEMPLATES.ChatML!;

/** The embedded base's tokenizer with the special tokens of templates. */
beforeEach(async () => {
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'config.json']) await copyFile(join(BASE, name), join(folder.path, name));
});

async function addTokens(...names: string[]): Promise<void> {
  const path = join(folder.path, 'tokenizer.json');
  const json = JSON.parse(await readFile(path, 'utf8')) as { added_tokens: object[]; model: { vocab: object } };
  const first = Object.keys(json.model.vocab).length + 10;
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  json.added_tokens.push(...names.map((content, index) => ({ id: first + index, content, ...flags })));
  await writeFile(path, JSON.stringify(json));
}

async function withTemplate(source: string, tokens: readonly string[] = []): Promise<ContentEncoder> {
  await addTokens(...tokens);
  await folder.write('chat_template.jinja', source);
  return loadContentEncoder(folder.path);
}

/** A document as [learned or not, text] parts. */
function partsOf(encoder: ContentEncoder, content: Content): [learned: boolean, text: string][] {
  const parts: [boolean, string][] = [];
  for (const { text, learned } of tokenPieces(encoder.tokenizer, encoder.encode(content))) {
    if (parts.at(-1)?.[0] === learned) parts.at(-1)![1] += text;
    else parts.push([learned, text]);
  }
  return parts;
}

const chat = (...turns: string[]): Content => ({
  kind: 'chat',
  messages: turns.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content })),
});
const withSystem = (content: Content): Content => ({
  kind: 'chat',
  messages: [{ role: 'system', content: 'Be kind.' }, ...(content as { messages: ChatMessage[] }).messages],
});

describe('a text', () => {
  it('is learned as a whole, with start and end', async () => {
    const encoder = await loadContentEncoder(folder.path);
    const { ids, learned } = encoder.encode({ kind: 'text', text: 'Once <|im_end|> upon' });
    expect(ids).toEqual((await loadTokenizer(folder.path)).encodeDocument('Once <|im_end|> upon'));
    expect(learned).toBeUndefined();
  });
});

describe('a prompt with its completion', () => {
  const plain: Content = { kind: 'completion', prompt: 'What is a tide?', completion: 'The moon pulls.' };

  it('is one after the other; the completion and its end are learned', async () => {
    const encoder = await loadContentEncoder(folder.path);
    const tokenizer = await loadTokenizer(folder.path);
    const end = tokenizer.specialToken(tokenizer.documentEnd[0]!)!;
    expect(encoder.encode(plain).ids).toEqual(tokenizer.encodeDocument('What is a tide?\n\nThe moon pulls.'));
    expect(partsOf(encoder, plain).slice(-1)).toEqual([[true, `The moon pulls.${end}`]]);
    expect(partsOf(encoder, plain)).toHaveLength(2);
  });

  it('has no blank line of ours where the prompt ends with white space', async () => {
    const encoder = await loadContentEncoder(folder.path);
    const ids = encoder.tokenizer.encodeDocument('### Response:\nYes');
    expect(encoder.encode({ kind: 'completion', prompt: '### Response:\n', completion: 'Yes' }).ids).toEqual(ids);
    expect(encoder.encode({ kind: 'completion', prompt: '', completion: 'Yes' }).ids).toEqual(encoder.tokenizer.encodeDocument('Yes'));
  });

  it('is learned as a whole where that is wanted', async () => {
    const encoder = await loadContentEncoder(folder.path, { ...DEFAULT_RENDERING, learn: 'all' });
    expect(encoder.encode(plain)).toEqual({ ids: encoder.tokenizer.encodeDocument('What is a tide?\n\nThe moon pulls.') });
  });

  it('is two messages where that is wanted', async () => {
    await withTemplate(CHAT_ML.source, CHAT_ML.tokens);
    const encoder = await loadContentEncoder(folder.path, { ...DEFAULT_RENDERING, completions: 'chat' });
    expect(encoder.encode(plain)).toEqual(encoder.encode(chat('What is a tide?', 'The moon pulls.')));
  });
});

describe('a conversation', () => {
  it('is written by the model template; what the assistant says is learned, with the end of its turn', async () => {
    const encoder = await withTemplate(CHAT_ML.source, CHAT_ML.tokens);
    expect(encoder.templateOrigin).toBe('model');
    expect(partsOf(encoder, withSystem(chat('Hi', 'Hello!', 'Why?', ' Because.')))).toEqual([
      [false, '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n'],
      [true, 'Hello!<|im_end|>\n'],
      [false, '<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n'],
      [true, ' Because.<|im_end|>\n'],
    ]);
  });

  it('may have nothing to learn', async () => {
    const encoder = await withTemplate(CHAT_ML.source, CHAT_ML.tokens);
    expect(partsOf(encoder, chat('Hi'))).toEqual([[false, '<|im_start|>user\nHi<|im_end|>\n']]);
  });

  it('is learned where the template says it, and as a whole where that is wanted', async () => {
    const { source, tokens } = CHAT_TEMPLATES['ChatML, marked']!;
    const encoder = await withTemplate(source, tokens);
    expect(partsOf(encoder, chat('Hi', 'Hello!'))).toEqual([
      [false, '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n'],
      [true, 'Hello!<|im_end|>'],
      [false, '\n'],
    ]);
    const all = await loadContentEncoder(folder.path, { ...DEFAULT_RENDERING, learn: 'all' });
    expect(all.encode(chat('Hi', 'Hello!'))).toEqual({ ids: encoder.encode(chat('Hi', 'Hello!')).ids });
  });

  it.each(Object.entries(CHAT_TEMPLATES))(
    'in %s: names of special tokens that people write stay text',
    async (_name, { source, tokens }) => {
      const encoder = await withTemplate(source, tokens);
      const { specialTokens } = encoder.tokenizer;
      const specialsIn = (content: Content): string[] =>
        tokenPieces(encoder.tokenizer, encoder.encode(content)).flatMap(({ special, text }) => (special ? [text] : []));
      const saying = (what: string): Content => chat(`A ${what}B ${what}`, `${what} C`, 'D', `E${what}`);
      const hostile = saying(`${specialTokens.join(' ')} `);
      expect(specialsIn(hostile)).toEqual(specialsIn(saying('word ')));
      const text = partsOf(encoder, hostile)
        .map(([, part]) => part)
        .join('');
      expect(text).toContain(`A ${specialTokens.join(' ')} B ${specialTokens.join(' ')}`);
      const learned = partsOf(encoder, hostile).flatMap(([isLearned, part]) => (isLearned ? [part.trim()] : []));
      expect(learned).toHaveLength(2);
      expect(learned[0]).toMatch(/ C/);
      expect(learned[1]).toMatch(/^E/);
    },
  );

  it('tells the same of a text that has no names, whether they are looked for or not', async () => {
    const { source, tokens } = CHAT_TEMPLATES['Llama 3']!;
    const encoder = await withTemplate(source, tokens);
    const rendered =
      '<|start_header_id|>user<|end_header_id|>\n\nHi\ue000<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYes<|eot_id|>';
    const bos = encoder.tokenizer.specialToken(encoder.tokenizer.bosTokenId!)!;
    const { ids } = encoder.tokenizer.encodeSpans(bos + rendered, [], { interpretSpecialTokens: true });
    expect(encoder.encode(chat(' Hi\ue000', 'Yes\n')).ids).toEqual(ids);
  });

  it.each([
    ['with a prompt for the answer', `{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}`, '<|im_start|>assistant\n', ''],
    ['without', '', '', '<|im_start|>assistant\n'],
  ])('of a template that leaves out earlier thoughts, %s, is learned as it is written', async (_what, prompt, read, said) => {
    const source = `{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.role == 'assistant' and not loop.last %}{{ message.content.split('</think>')[-1] | trim }}{% else %}{{ message.content | trim }}{% endif %}<|im_end|>{% endfor %}${prompt}`;
    const encoder = await withTemplate(source, CHAT_ML.tokens);
    expect(partsOf(encoder, chat('Hi', ' <think>Hm</think> Hello! ', 'Why?', ' <think>Ha</think> Because. '))).toEqual([
      [false, `<|im_start|>user\nHi<|im_end|>${read}`],
      [true, `${said}Hello!<|im_end|>`],
      [false, `<|im_start|>user\nWhy?<|im_end|>${read}`],
      [true, `${said}<think>Ha</think> Because.<|im_end|>`],
    ]);
  });

  it('of a template that changes what comes before is learned from where the messages begin', async () => {
    const source = `{{ messages | length }}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content | trim }}<|im_end|>{% endfor %}`;
    const encoder = await withTemplate(source, CHAT_ML.tokens);
    expect(partsOf(encoder, chat('Hi', ' Hello! ', 'Why?', ''))).toEqual([
      [false, '4<|im_start|>user\nHi<|im_end|><|im_start|>assistant\n'],
      [true, 'Hello!<|im_end|>'],
      [false, '<|im_start|>user\nWhy?<|im_end|><|im_start|>assistant\n<|im_end|>'],
    ]);
  });

  it('of a template that hides what the assistant says is refused', async () => {
    const encoder = await withTemplate(
      `{{ messages | length }}{% for message in messages %}{{ message.content | upper | length }}{% endfor %}`,
    );
    expect(() => encoder.encode(chat('Hi', 'Hello!'))).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: "The model's chat template does not show which text is the assistant's.",
      }) as Error,
    );
  });

  it('has the system message with the first of the user where the template refuses it', async () => {
    const encoder = await withTemplate(CHAT_TEMPLATES.Mistral!.source);
    expect(encoder.encode(withSystem(chat('Hi', 'Hello!')))).toEqual(encoder.encode(chat('Be kind.\n\nHi', 'Hello!')));
  });

  it('is refused as the template refuses it', async () => {
    const encoder = await withTemplate(CHAT_TEMPLATES.Mistral!.source);
    const content: Content = { kind: 'chat', messages: [{ role: 'assistant', content: 'Hello!' }] };
    expect(() => encoder.encode(content)).toThrow(
      expect.objectContaining({
        code: 'BAD_INPUT',
        message: "The model's chat template refuses a conversation.",
        found: 'Conversation roles must alternate user/assistant/user/assistant/...',
      }) as Error,
    );
  });

  it('knows the same day every day', async () => {
    const encoder = await withTemplate(
      `{% if strftime_now is defined %}{{ strftime_now('%d %b %Y, %Y-%m-%d') }}{% endif %}{% for message in messages %}{{ message.content }}{% endfor %}`,
    );
    expect(partsOf(encoder, chat('!'))).toEqual([[false, '26 Jul 2024, 2024-07-26!']]);
  });
});

describe('a model without a chat template', () => {
  it('writes ChatML where its tokenizer has the tokens', async () => {
    await addTokens(...CHAT_ML.tokens);
    const encoder = await loadContentEncoder(folder.path);
    expect([encoder.templateOrigin, TEMPLATE_NOTES[encoder.templateOrigin]]).toEqual([
      'ChatML',
      'The model has no chat template: conversations are written as ChatML, whose tokens its tokenizer has.',
    ]);
    const own = partsOf(encoder, chat('Hi', 'Hello!'));
    await folder.write('chat_template.jinja', CHAT_ML.source);
    expect(own).toEqual(partsOf(await loadContentEncoder(folder.path), chat('Hi', 'Hello!')));
  });

  it('writes who speaks, in words, otherwise', async () => {
    const encoder = await loadContentEncoder(folder.path);
    const { documentStart, documentEnd } = encoder.tokenizer;
    const [start, end] = [documentStart, documentEnd].map((ids) => ids.map((id) => encoder.tokenizer.specialToken(id)).join(''));
    expect(encoder.templateOrigin).toBe('plain');
    expect(partsOf(encoder, withSystem(chat('Hi', 'Hello!', 'Why?')))).toEqual([
      [false, `${start}System: Be kind.\n\nUser: Hi\n\nAssistant:`],
      [true, ` Hello!${end}\n\n`],
      [false, 'User: Why?\n\n'],
    ]);
  });
});

describe('what cannot be encoded', () => {
  it('is a question with choices', async () => {
    const encoder = await loadContentEncoder(folder.path);
    expect(() => encoder.encode({ kind: 'choice', question: 'Which?', choices: ['a', 'b'], answer: 0 })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', found: 'Which?' }) as Error,
    );
  });

  it('is a conversation by a template that cannot be read; texts still can', async () => {
    const encoder = await withTemplate('{% for %}');
    expect(encoder.encode({ kind: 'text', text: 'a' }).ids.length).toBeGreaterThan(0);
    expect(() => encoder.encode(chat('Hi'))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: "The model's chat template cannot be read." }) as Error,
    );
  });
});

describe('the hash', () => {
  it('changes with the template, its tokens, and what is learned', async () => {
    const hashes = new Set<string>();
    const add = async (rendering: Rendering = DEFAULT_RENDERING): Promise<unknown> =>
      hashes.add((await loadContentEncoder(folder.path, rendering)).hash);
    await add();
    await add({ ...DEFAULT_RENDERING, learn: 'all' });
    await add({ ...DEFAULT_RENDERING, completions: 'chat' });
    await folder.write('chat_template.jinja', CHAT_ML.source);
    await add();
    await folder.write('special_tokens_map.json', JSON.stringify({ sep_token: '</s>' }));
    await add();
    expect(hashes.size).toBe(5);
    await add();
    expect(hashes.size).toBe(5);
  });
});

describe('the pieces of a text', () => {
  it('are together the text, characters of several tokens at their last', async () => {
    const encoder = await loadContentEncoder(folder.path);
    const text = 'Grüße, 日本語 😀👩‍👩‍👧  two\n\n\tlines \u0000';
    const encoded = encoder.encode({ kind: 'text', text });
    const pieces = tokenPieces(encoder.tokenizer, encoded);
    expect(pieces.map(({ id }) => id)).toEqual([...encoded.ids]);
    expect(pieces.flatMap((piece) => (piece.special ? [] : [piece.text])).join('')).toBe(text);
    expect(tokenPieces(encoder.tokenizer, encoded, 3)).toEqual(pieces.slice(0, 3));
  });
});
