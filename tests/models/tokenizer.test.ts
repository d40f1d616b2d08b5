import { createHash } from 'node:crypto';
import { copyFile, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../main/models/tokenizer.ts';
import { letterTokenizer } from '../support/raw-models.ts';
import { sharedData } from '../support/shared-data.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

async function load(
  json: unknown = letterTokenizer(),
  settings: unknown = { bos_token: '<s>', eos_token: '</s>' },
  config?: unknown,
): Promise<TextTokenizer> {
  await folder.write('tokenizer.json', typeof json === 'string' ? json : JSON.stringify(json));
  if (settings !== null) await folder.write('tokenizer_config.json', JSON.stringify(settings));
  if (config !== undefined) await folder.write('config.json', JSON.stringify(config));
  return loadTokenizer(folder.path);
}

const { added_tokens: special, model: letterModel } = letterTokenizer() as { added_tokens: object[]; model: { vocab: object } };
const letters = letterModel.vocab;

/** The letter tokenizer with one part changed. */
const changed = (part: 'model' | 'root', fields: Record<string, unknown>): Record<string, unknown> => {
  const json = letterTokenizer();
  return part === 'root' ? { ...json, ...fields } : { ...json, model: { ...(json.model as object), ...fields } };
};

describe('a tokenizer', () => {
  it('merges as its file says, and puts the start token in front', async () => {
    const tokenizer = await load();
    expect(tokenizer.encode('abc ab')).toEqual([1, 21, 3, 20]); // <s> abc ' ' ab
    expect(tokenizer.encode('')).toEqual([1]);
    expect(tokenizer.decode([1, 21, 3, 20, 2])).toBe('abc ab');
  });

  it('puts start and end around a document', async () => {
    const tokenizer = await load();
    expect(tokenizer.encodeDocument('abc')).toEqual([1, 21, 2]);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabularySize]).toEqual([1, 2, 22]);
  });

  it('gives a character that it does not know the unknown token', async () => {
    expect((await load()).encode('az')).toEqual([1, 4, 0]);
  });

  it('gives no ids an empty text', async () => {
    expect((await load()).decode([])).toBe('');
  });

  it('is known by a hash of its file, which is not that of shards made before special tokens in text were text', async () => {
    const { hash } = await load();
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect((await load()).hash).toBe(hash);
    expect((await load(changed('root', { added_tokens: [] }))).hash).not.toBe(hash);
    const file = await readFile(join(folder.path, 'tokenizer.json'));
    expect((await load()).hash).not.toBe(createHash('sha256').update(file).digest('hex'));
  });

  it('takes the text of a special token for ordinary text, unless asked', async () => {
    const tokenizer = await load(changed('root', { added_tokens: [...special, { ...special[0], id: 22, content: 'bc', special: false }] }));
    expect(tokenizer.encode('a</s>b')).toEqual([1, 4, 0, 0, 0, 0, 5]);
    expect(tokenizer.encode('a</s>b', { interpretSpecialTokens: true })).toEqual([1, 4, 2, 5]);
    expect(tokenizer.encodeDocument('</s>')).toEqual([1, 0, 0, 0, 0, 2]);
    expect(tokenizer.encodeDocument('</s>', { interpretSpecialTokens: true })).toEqual([1, 2, 2]);
    // An added token that is no mark is part of the text.
    expect(tokenizer.encode('abc')).toEqual([1, 4, 22]);
  });

  it('finds an added token in the blanks that another took along', async () => {
    const token = (id: number, content: string, strips: object): object => ({ ...special[0], id, content, special: false, ...strips });
    const added = [token(5, 'b', { lstrip: true, rstrip: true }), token(22, ' a', {}), token(23, ' c', { lstrip: true })];
    const tokenizer = await load(changed('root', { added_tokens: [...special, ...added] }));
    // Recorded from tokenizers 0.22.2.
    const recorded: [string, number[]][] = [
      ['a b a', [1, 4, 5, 22]],
      ['ab   aa', [1, 4, 5, 22, 4]],
      ['b  b a', [1, 5, 5, 22]],
      ['b   c', [1, 5, 23]],
      ['b a  c b', [1, 5, 22, 23, 5]],
      ['a  b', [1, 4, 5]],
    ];
    for (const [text, ids] of recorded) expect(tokenizer.encode(text)).toEqual(ids);
  });

  it('takes halves of surrogate pairs for the replacement character', async () => {
    const tokenizer = await load(changed('model', { vocab: { ...letters, '\uFFFD': 22 } }));
    for (const half of ['\uD800', '\uDC00', '\uDC00\uD800'.slice(0, 1)]) expect(tokenizer.encode(`a${half}b`)).toEqual([1, 4, 22, 5]);
  });

  it('needs no more than a moment for a word of a million letters', async () => {
    const tokenizer = await load();
    const began = performance.now();
    expect(tokenizer.encode('abc'.repeat(333_333)).length).toBe(1 + 333_333);
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  it.each<[string, unknown, unknown, [number | null, number | null]]>([
    ['the texts of tokenizer_config.json', { bos_token: '<s>', eos_token: '</s>' }, { bos_token_id: 9, eos_token_id: 9 }, [1, 2]],
    ['the objects of tokenizer_config.json', { bos_token: { content: '<s>' }, eos_token: { content: '</s>' } }, undefined, [1, 2]],
    ['the ids of config.json', {}, { bos_token_id: 1, eos_token_id: [2, 9] }, [1, 2]],
    ['nothing that the vocabulary has', { bos_token: '<start>' }, { eos_token_id: 22 }, [null, null]],
    ['nothing', null, undefined, [null, null]],
  ])('finds its special tokens by %s', async (_what, settings, config, expected) => {
    const tokenizer = await load(letterTokenizer(), settings, config);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId]).toEqual(expected);
  });

  it('that puts no start token in front of a text puts none in front of a document', async () => {
    const tokenizer = await load(changed('root', { post_processor: null }));
    expect(tokenizer.encodeDocument('abc')).toEqual([21, 2]);
    expect(tokenizer.bosTokenId).toBe(1);
  });

  it('without an end token ends a document with nothing', async () => {
    expect((await load(letterTokenizer(), { bos_token: '<s>' })).encodeDocument('abc')).toEqual([1, 21]);
  });

  it('may be a list of pieces with scores', async () => {
    const vocab = [
      ['<unk>', 0],
      ['<s>', 0],
      ['</s>', 0],
      ['a', -1],
      ['b', -2],
      ['ab', -1.5],
    ];
    const tokenizer = await load(changed('root', { model: { type: 'Unigram', unk_id: 0, vocab } }));
    expect(tokenizer.encode('abb')).toEqual([1, 5, 4]);
    expect(tokenizer.vocabularySize).toBe(6);
  });

  it('has scores as the library reads them', async () => {
    // The library reads the first as -3.928492798777356 (tokenizers 0.22), the nearest float to what stands there is one less likely.
    const vocab = [
      ['<unk>', -9],
      ['a', -3.9284927987773557],
      ['aa', -7.856985597554712],
    ];
    const tokenizer = await load({
      ...changed('root', { model: { type: 'Unigram', unk_id: 0, vocab }, post_processor: null }),
      added_tokens: [],
    });
    expect(tokenizer.encode('aa')).toEqual([2]);
  });
});

const template = (single: unknown[]): object => ({ type: 'TemplateProcessing', single, pair: [], special_tokens: {} });

/** A tokenizer whose normaliser is a sequence of a sequence of a sequence; as text, for JSON.stringify does not go so deep. */
function nested(depth: number): string {
  const normalizer = '{"type":"Sequence","normalizers":['.repeat(depth) + ']}'.repeat(depth);
  return JSON.stringify(changed('root', { normalizer: 'HERE' })).replace('"HERE"', normalizer);
}

describe('a hostile tokenizer.json is refused:', () => {
  it.each<[string, unknown, string | RegExp]>([
    ['cut short', JSON.stringify(letterTokenizer()).slice(0, 1000), /JSON/],
    ['empty', '', /JSON/],
    ['null', null, 'a tokenizer must be an object, not null'],
    ['a list', [], 'a tokenizer must be an object, not []'],
    ['without a model', {}, 'a model must be an object, not nothing'],
    ['without a vocabulary', changed('model', { vocab: undefined }), 'a vocabulary must be an object, not nothing'],
    ['with an empty vocabulary', { ...changed('model', { vocab: {} }), added_tokens: [] }, 'an empty vocabulary'],
    ['with added tokens that are no list', changed('root', { added_tokens: 'x' }), 'added_tokens must be a list, not "x"'],
    ['with an id that is a text', changed('model', { vocab: { a: 'x' } }), 'a token with the id "x"'],
    ['with a negative id', changed('model', { vocab: { a: -1 } }), 'a token with the id -1'],
    ['with half an id', changed('model', { vocab: { a: 0.5 } }), 'a token with the id 0.5'],
    ['with an enormous id', changed('model', { vocab: { a: 1e300 } }), 'a token with the id 1e+300'],
    ['with an added token of no id', changed('root', { added_tokens: [{ content: 'x' }] }), 'a token with the id undefined'],
    ['with an added token of nothing', changed('root', { added_tokens: [null] }), /null/],
    ['with merges of nothing', changed('model', { merges: [null] }), /./],
    ['with merges that are a text', changed('model', { merges: 'a b' }), /./],
    [
      'with a token of two ids',
      changed('root', { added_tokens: [{ ...special[0], id: 9, content: 'a' }] }),
      'a token with the ids 4 and 9',
    ],
    ['with two tokens of one id', changed('model', { vocab: { a: 4, b: 4 }, merges: [] }), 'two tokens with the id 4: "a" and "b"'],
    [
      'with an added token that has the id of another',
      changed('root', { added_tokens: [...special, { ...special[0], id: 4, content: '<x>' }] }),
      'two tokens with the id 4: "a" and "<x>"',
    ],
    [
      'with two added tokens of one id',
      changed('root', { added_tokens: [...special, { ...special[0], id: 90, content: '<x>' }, { ...special[0], id: 90, content: '<y>' }] }),
      'two tokens with the id 90: "<x>" and "<y>"',
    ],
    ['with a merge of unknown letters', changed('model', { merges: [['a', 'ß']] }), /^a merge with "ß"/],
    ['with half a surrogate pair', changed('model', { vocab: { '\uD800': 0 } }), /^the text of a token must be a text/],
    ['with a place for no text', changed('root', { post_processor: template([]) }), 'a template with 0 places for the text'],
    ['with a step of steps of steps', nested(20_000), /./],
    [
      'with a pattern that takes for ever',
      changed('root', { pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+a+)+b' }, behavior: 'Isolated', invert: false } }),
      'a regular expression that takes too long: (a+a+)+b',
    ],
    [
      'with a damaged table of replacements',
      changed('root', { normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }),
      'a table of replacements of 3 bytes with a trie of -1',
    ],
    [
      'with a pattern that is none',
      changed('root', { pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated', invert: false } }),
      /regular expression/,
    ],
  ])('%s', async (_what, json, found) => {
    await expect(load(json)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: `${join(folder.path, 'tokenizer.json')} cannot be understood.`,
      found: typeof found === 'string' ? found : (expect.stringMatching(found) as string),
      hint: 'tokenizer.json must be the one that was saved with the model: download or copy it again.',
    });
  });

  it('of a kind that would give wrong ids', async () => {
    await expect(load(changed('model', { type: 'WordLevel' }))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      found: 'WordLevel',
      allowed: 'BPE, Unigram',
    });
  });

  it.each([
    ['normalizer', 'normalizer', { type: 'Nonsense' }],
    ['pre_tokenizer', 'pre-tokenizer', { type: 'UnicodeScripts' }],
    ['decoder', 'decoder', { type: 'constructor' }],
    ['post_processor', 'post-processor', { type: 7 }],
  ])('with a %s of a kind that is not known', async (name, part, json) => {
    await expect(load(changed('root', { [name]: json }))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: `Strata does not know this ${part} of a tokenizer.`,
      found: typeof json.type === 'string' ? json.type : 'type 7',
    });
  });

  it('that leaves out merges by chance', async () => {
    await expect(load(changed('model', { dropout: 0.1 }))).rejects.toMatchObject({ code: 'UNSUPPORTED', found: 'dropout 0.1' });
  });

  it('that puts a token in front which it does not have', async () => {
    const single = [{ SpecialToken: { id: '<start>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    await expect(load(changed('root', { post_processor: template(single) }))).rejects.toMatchObject({
      code: 'CORRUPT',
      found: 'the special token <start> must be an object, not nothing',
    });
  });

  it('whose unknown token is unknown, when it is needed', async () => {
    const tokenizer = await load(changed('model', { unk_token: '<none>' }));
    expect(tokenizer.encode('ab')).toEqual([1, 20]);
    expect(() => tokenizer.encode('ß')).toThrow('The tokenizer uses a token that its vocabulary does not have.');
  });

  it.each(['null', '[]', '"text"', '{"bos_token":'])('beside settings that are none: %s', async (content) => {
    await load();
    await folder.write('tokenizer_config.json', content);
    await expect(loadTokenizer(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining(join(folder.path, 'tokenizer_config.json')) as string,
    });
  });

  it('larger than any, before it is read', async () => {
    await truncate(await folder.write('tokenizer.json', ''), 300_000_000);
    await expect(loadTokenizer(folder.path)).rejects.toMatchObject({ code: 'CORRUPT', found: 'tokenizer.json of 300000000 bytes' });
  });

  it('missing, with the folder', async () => {
    await expect(loadTokenizer(folder.path)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'The model has no tokenizer that Strata reads.',
      found: `no tokenizer.json in ${folder.path}`,
    });
  });
});

/** Texts of many kinds. */
const TEXTS = [
  'Once upon a time, there was a little girl named Lily.',
  'def f(x):\n    return x ** 2  # square\n\n\nclass A(B):\n\tpass\r\n',
  'for (let i = 0; i < n; i++) { a[i] += `${b}`; }',
  '😀 👩‍👩‍👧‍👦 🇩🇪 e\u0301 é ﬁ',
  '日本語のテキスト、中文文本 한국어 עברית العربية',
  ' leading and trailing   blanks  ',
  '\n\n\t \u00a0\u2028x\u0000y',
  "it's 1,234.56 % of 2^10 – “quoted” don't I'LL",
];

describe.skipIf(!sharedData)('the tokenizer of SmolLM2', () => {
  const source = join(sharedData ?? '', 'tokenizers/smollm2');

  async function loadSmol(): Promise<{
    tokenizer: TextTokenizer;
    json: { model: { vocab: Record<string, number>; merges: [string, string][] } };
  }> {
    const bytes = gunzipSync(await readFile(join(source, 'tokenizer.json.gz')));
    await folder.write('tokenizer.json', bytes);
    for (const name of ['config.json', 'tokenizer_config.json']) await copyFile(join(source, name), join(folder.path, name));
    return { tokenizer: await loadTokenizer(folder.path), json: JSON.parse(bytes.toString()) as never };
  }

  it('loses nothing of any text', async () => {
    const { tokenizer } = await loadSmol();
    expect([tokenizer.vocabularySize, tokenizer.bosTokenId, tokenizer.eosTokenId]).toEqual([49_152, 1, 2]);
    for (const text of TEXTS) expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it('gives the ids that byte-level BPE gives, as its authors describe it', async () => {
    const { tokenizer, json } = await loadSmol();
    const ranks = new Map(json.model.merges.map((pair, rank) => [pair.join('\n'), rank]));
    for (const text of TEXTS) expect(tokenizer.encode(text), text).toEqual(byteLevelBpe(text, json.model.vocab, ranks));
  });

  it('does not cut a long text, though its file says that others would', async () => {
    const { tokenizer } = await loadSmol();
    const text = 'one two three '.repeat(1000);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.encodeDocument(text)).toEqual([...tokenizer.encode(text), 2]);
  });
});

/** GPT-2's encoder (Radford et al. 2019, encoder.py): words by a pattern, bytes as letters, then merges by rank. */
function byteLevelBpe(text: string, vocabulary: Record<string, number>, ranks: ReadonlyMap<string, number>): number[] {
  const words = text.match(/'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu) ?? [];
  return words.flatMap((word) => {
    let parts = [...Buffer.from(word)].map(letterOfByte);
    for (;;) {
      const rankOf = (index: number): number => ranks.get(`${parts[index]}\n${parts[index + 1]}`) ?? Infinity;
      const best = parts.slice(1).reduce((least, _, index) => (rankOf(index) < rankOf(least) ? index : least), 0);
      if (parts.length < 2 || rankOf(best) === Infinity) return parts.map((part) => vocabulary[part]!);
      parts = [...parts.slice(0, best), parts[best]! + parts[best + 1]!, ...parts.slice(best + 2)];
    }
  });
}

/** The letter that stands for a byte: itself where it can be seen, else the next one above 255. */
function letterOfByte(byte: number): string {
  const isVisible = (value: number): boolean => (value >= 33 && value <= 126) || (value >= 161 && value <= 172) || value >= 174;
  if (isVisible(byte)) return String.fromCharCode(byte);
  return String.fromCharCode(256 + Array.from({ length: byte }, (_, value) => value).filter((value) => !isVisible(value)).length);
}

describe.skipIf(!sharedData)('the tokenizer of TinyStories-656K', () => {
  it('gives back every story of the excerpt that its letters can write', async () => {
    const tokenizer = await loadTokenizer(join(sharedData!, 'models/tinystories-656k'));
    const text = gunzipSync(await readFile(join(sharedData!, 'text/tinystories/tinystories.txt.gz'))).toString();
    const stories = text.split('<|endoftext|>\n').slice(0, 300);
    const writable = stories.filter((story) => !tokenizer.encode(story).includes(0));
    expect(writable.length).toBeGreaterThan(250);
    for (const story of writable) expect(tokenizer.decode(tokenizer.encode(story))).toBe(story);
  });

  it('knows start and end of a story', async () => {
    const tokenizer = await loadTokenizer(join(sharedData!, 'models/tinystories-656k'));
    const ids = tokenizer.encodeDocument('Once upon a time');
    expect(ids).toEqual([1, 80, 147, 201, 282, 57, 2]);
    expect([tokenizer.vocabularySize, tokenizer.bosTokenId, tokenizer.eosTokenId]).toEqual([2048, 1, 2]);
  });
});

describe('the bytes of tokens', () => {
  it('of the embedded base add up to the bytes of any text, and special tokens have none', async () => {
    const tokenizer = await loadTokenizer(join(import.meta.dirname, '../../resources/base'));
    for (const text of ['Once upon a time', ' two  blanks', 'Über Flüsse, 東京 🙂', 'a\n\tb', '']) {
      const ids = tokenizer.encodeDocument(text);
      expect(ids.length).toBeGreaterThan(0);
      const bytes = ids.reduce((sum, id, index) => sum + tokenizer.byteLength(id, index <= 1 ? ids.slice(0, index) : null), 0);
      expect(bytes, text).toBe(Buffer.byteLength(text));
    }
    expect(tokenizer.byteLength(tokenizer.eosTokenId!, null)).toBe(0);
    expect(tokenizer.byteLength(1e9, null)).toBe(0);
  });
});
