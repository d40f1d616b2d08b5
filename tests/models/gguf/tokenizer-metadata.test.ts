import { describe, expect, it } from 'vitest';
import { tokenizerMetadata } from '../../../main/models/gguf/tokenizer-metadata.ts';
import { blockyConfig, byteLevelTokenizer, pieceTokenizer, writeGgufSource } from '../../support/gguf-folders.ts';
import { letterTokenizer } from '../../support/raw-models.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

async function metadataOf(tokenizer: object, settings?: object): Promise<{ values: Record<string, unknown>; notes: string[] }> {
  await writeGgufSource(folder.path, { tokenizer, ...(settings && { settings }) });
  const { metadata, notes } = await tokenizerMetadata(folder.path, blockyConfig);
  return { values: Object.fromEntries([...metadata].map(([key, { value }]) => [key.replace('tokenizer.ggml.', ''), value])), notes };
}

async function refusal(tokenizer: object): Promise<{ code: string; message: string; found: string; allowed: string }> {
  return metadataOf(tokenizer).then(
    () => expect.fail('it was taken'),
    (error: { code: string; message: string; found: string; allowed: string }) => error,
  );
}

describe('a byte-level tokenizer', () => {
  it('has its tokens, merges, kinds and special ids', async () => {
    const { values, notes } = await metadataOf(byteLevelTokenizer());
    expect(values).toMatchObject({
      model: 'gpt2',
      pre: 'gpt-2',
      merges: ['a b', 'Ġ ab', 'ab ab'],
      bos_token_id: 0,
      eos_token_id: 1,
      add_bos_token: true,
      add_eos_token: false,
    });
    const [tokens, types] = [values.tokens as string[], values.token_type as number[]];
    expect([tokens.length, tokens[0], tokens[2], tokens[258], tokens[261], tokens[287]]).toEqual([
      288,
      '<s>',
      'Ā',
      'ab',
      '[PAD261]',
      '[PAD287]',
    ]);
    expect([types[0], types[1], types[2], types[260], types[261]]).toEqual([3, 3, 1, 1, 5]);
    expect(values).not.toHaveProperty('scores');
    expect(notes).toEqual([]);
  });

  const split = (Regex: string): object[] => [
    { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
  ];
  const LLAMA_3 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  const gpt2 = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };

  it.each([
    ['smollm', [{ type: 'Digits', individual_digits: true }, gpt2], false],
    ['llama-bpe', split(LLAMA_3), true],
    ['smaug-bpe', split(LLAMA_3), false],
    ['qwen2', split(LLAMA_3.replace('{1,3}', '')), false],
  ])('that cuts words as %s does is called so', async (name, pretokenizers, ignoresMerges) => {
    const tokenizer = byteLevelTokenizer();
    tokenizer.pre_tokenizer = { type: 'Sequence', pretokenizers };
    tokenizer.model.ignore_merges = ignoresMerges;
    expect((await metadataOf(tokenizer)).values.pre).toBe(name);
  });

  it.each<[string, (tokenizer: ReturnType<typeof byteLevelTokenizer>) => void, string]>([
    [
      'another way to cut words',
      (json) => (json.pre_tokenizer = { type: 'Sequence', pretokenizers: split('\\w+') }),
      'words cut by [{"type":"Split"',
    ],
    [
      'digits in groups',
      (json) => (json.pre_tokenizer = { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: false }, gpt2] }),
      'words cut by',
    ],
    ['a blank before the text', (json) => (json.pre_tokenizer = { ...gpt2, add_prefix_space: true }), 'words cut by'],
    ['words taken as they are', (json) => (json.model.ignore_merges = true), 'ignore_merges true in tokenizer.json'],
    ['a normaliser', (json) => (json.normalizer = { type: 'NFC' }), 'the normaliser {"type":"NFC"}'],
    ['merges left out', (json) => (json.model.dropout = 0.1), 'merges that are left out at random (dropout 0.1)'],
    ['endings of words', (json) => (json.model.end_of_word_suffix = '</w>'), 'an ending of words ("</w>")'],
    [
      'an unknown token for bytes',
      (json) => {
        json.model.unk_token = '</s>';
        delete (json.model.vocab as Record<string, number>)['Ā'];
      },
      'no tokens for 1 of the 256 bytes, and </s> for them',
    ],
    ['two ids with the same text', (json) => json.added_tokens.push({ id: 270, content: 'ab' }), '"ab" as 258 and 270'],
    [
      'two tokens before a text',
      (json) => {
        const special = { SpecialToken: { id: '<s>', type_id: 0 } };
        (json.post_processor as { single: object[] }).single.unshift(special);
      },
      'tokens 0, 0 before it and (none) after it',
    ],
    [
      'another post-processor',
      (json) => (json.post_processor = { type: 'RobertaProcessing' }),
      'the post-processor {"type":"RobertaProcessing"}',
    ],
  ])('with %s is refused', async (_, change, found) => {
    const tokenizer = byteLevelTokenizer();
    change(tokenizer);
    const error = await refusal(tokenizer);
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.found).toContain(found);
    expect(error.allowed).toBeTruthy();
  });

  it('beyond the model is not its own', async () => {
    const tokenizer = byteLevelTokenizer();
    tokenizer.added_tokens.push({ id: 288, content: 'beyond' });
    expect(await refusal(tokenizer)).toMatchObject({ code: 'CORRUPT', found: 'the token "beyond" with the id 288' });
  });

  it.each([
    [{ model: {} }, 'added_tokens'],
    [{ added_tokens: [], model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }, 'vocab: an object'],
    [{ added_tokens: [], model: { type: 'BPE', vocab: { a: 1 }, merges: ['ab'] } }, '"ab"'],
  ])('that is none is refused: %o', async (json, found) => {
    const error = await refusal(json);
    expect(error.code).toBe('CORRUPT');
    expect(error.found).toContain(found);
  });

  it('keeps a token called __proto__', async () => {
    const tokenizer = byteLevelTokenizer();
    tokenizer.model.vocab = JSON.parse(JSON.stringify(tokenizer.model.vocab).replace('"abab"', '"__proto__"')) as object;
    expect((await metadataOf(tokenizer)).values.tokens).toContain('__proto__');
  });
});

describe('a tokenizer with byte pieces', () => {
  it('has scores in the order of its merges, and the kinds of its pieces', async () => {
    const { values, notes } = await metadataOf(pieceTokenizer());
    const [tokens, scores, types] = [values.tokens as string[], values.scores as number[], values.token_type as number[]];
    expect(values).toMatchObject({
      model: 'llama',
      pre: 'default',
      add_space_prefix: true,
      unknown_token_id: 0,
      bos_token_id: 1,
      eos_token_id: 2,
      add_bos_token: true,
    });
    const made = ['bc', 'ab', 'abc', '▁abc', '▁▁▁', '▁▁'];
    const scoreOf = (piece: string): number => scores[tokens.indexOf(piece)]!;
    // The two pieces of blanks come from merges that lie between each other's: they share a score.
    expect(made.map(scoreOf)).toEqual([-1, -2, -3, -4, -5, -5]);
    for (const single of ['▁', 'a', 'b', 'c']) expect(scoreOf(single)).toBeLessThan(-5);
    expect([types[0], types[1], types[2], types[3], types[258], types[259], types[287]]).toEqual([2, 3, 3, 6, 6, 1, 5]);
    expect(notes).toEqual([]);
  });

  it('out of a tokenizer.model with user-defined symbols says that llama.cpp puts a blank behind them', async () => {
    const tokenizer = pieceTokenizer();
    const symbol = { ...(tokenizer.added_tokens[0] as object), id: 287, content: '<sep>', special: false, normalized: false };
    tokenizer.added_tokens.push(symbol as never);
    expect((await metadataOf(tokenizer)).notes).toEqual([]);
    Object.assign(tokenizer.model, { sentencepiece_model: '' });
    expect((await metadataOf(tokenizer)).notes).toEqual(['llama.cpp puts a blank behind "<sep>"; SentencePiece, and so Strata, does not.']);
  });

  it('of the newer form has the same pieces, and a note', async () => {
    const tokenizer = pieceTokenizer();
    tokenizer.normalizer = null;
    tokenizer.pre_tokenizer = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false };
    const { values, notes } = await metadataOf(tokenizer);
    expect(values).toMatchObject({ model: 'llama', add_space_prefix: true });
    expect(notes).toEqual([expect.stringContaining('llama.cpp puts a blank before a text that begins with one')]);
  });

  it('without a blank before the text says so', async () => {
    const tokenizer = pieceTokenizer();
    tokenizer.normalizer = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
    expect((await metadataOf(tokenizer)).values.add_space_prefix).toBe(false);
  });

  it.each<[string, (tokenizer: ReturnType<typeof pieceTokenizer>) => void, string]>([
    [
      'without a piece for a byte',
      (json) => delete (json.model.vocab as Record<string, number>)['<0xC3>'],
      'no pieces for 1 of the 256 bytes',
    ],
    ['that does not spell bytes', (json) => (json.model.byte_fallback = false), 'characters without a piece become <unk>'],
    [
      'that misses a way to join',
      (json) => (json.model.merges = (json.model.merges as string[]).filter((merge) => merge !== 'a bc')),
      '"abc" is a token, but "a" and "bc" are not joined to it',
    ],
    [
      'whose merges lie between each other',
      (json) => (json.model.merges = ['ab c', 'b c', 'a bc', 'a b', '▁ abc', '▁▁ ▁', '▁ ▁▁', '▁ ▁']),
      'merges of "bc" before and after',
    ],
    [
      'that joins a run from the right',
      (json) => {
        json.model.merges = ['b c', 'a b', 'ab c', 'a bc', '▁ abc', '▁ ▁▁', '▁ ▁', '▁▁ ▁'];
      },
      'whose merges do not go from left to right',
    ],
    [
      'that cuts at blanks within pieces',
      (json) => {
        json.normalizer = null;
        json.pre_tokenizer = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
      },
      'the piece "▁▁", while text is cut at blanks',
    ],
    [
      'with a compiled normaliser',
      (json) => (json.normalizer = { type: 'Precompiled', precompiled_charsmap: '' }),
      'the normaliser {"type":"Precompiled"',
    ],
    ['with a pre-tokenizer', (json) => (json.pre_tokenizer = { type: 'Whitespace' }), 'the pre-tokenizer {"type":"Whitespace"}'],
    ['that leaves blanks', (json) => (json.normalizer = null), 'blanks that stay blanks'],
  ])('%s is refused', async (_, change, found) => {
    const tokenizer = pieceTokenizer();
    change(tokenizer);
    const error = await refusal(tokenizer);
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.found).toContain(found);
  });
});

it('other kinds are refused by name', async () => {
  expect(await refusal(letterTokenizer())).toMatchObject({ code: 'UNSUPPORTED', found: 'no pieces for 256 of the 256 bytes' });
  const unigram = { added_tokens: [], model: { type: 'Unigram', unk_id: 0, vocab: [['a', 0]] } };
  expect(await refusal(unigram)).toMatchObject({ code: 'UNSUPPORTED', found: 'a Unigram model in tokenizer.json' });
});

describe('special tokens and templates', () => {
  it('come from the settings, the generation settings and the post-processor', async () => {
    const tokenizer = byteLevelTokenizer();
    tokenizer.post_processor = null;
    tokenizer.added_tokens.push(
      { id: 270, content: '<|im_end|>', special: true, lstrip: true },
      { id: 271, content: '<tool>', special: false, single_word: true },
    );
    await folder.write('generation_config.json', '{"eos_token_id": [1, 270]}');
    const { values, notes } = await metadataOf(tokenizer, {
      bos_token: { content: '<s>' },
      eos_token: '</s>',
      unk_token: '<none>',
      pad_token: '<|im_end|>',
      chat_template: '{{ messages }}',
    });
    expect(values).toMatchObject({ bos_token_id: 0, eos_token_id: 1, eot_token_id: 270, padding_token_id: 270, add_bos_token: false });
    expect(values).toHaveProperty(['tokenizer.chat_template'], '{{ messages }}');
    expect(values).not.toHaveProperty('unknown_token_id');
    expect((values.token_type as number[]).slice(270, 272)).toEqual([3, 4]);
    expect(notes).toEqual([
      expect.stringContaining('"<|im_end|>" would take blanks'),
      expect.stringContaining('"<tool>" would be found as whole words'),
    ]);
  });

  it('templates by name have keys of their own; a file of its own goes first', async () => {
    await folder.write('chat_template.jinja', 'the file');
    const { values } = await metadataOf(byteLevelTokenizer(), {
      chat_template: [
        { name: 'default', template: 'the list' },
        { name: 'tool use', template: 'tools' },
      ],
    });
    expect(values).toMatchObject({
      'tokenizer.chat_template': 'the file',
      'tokenizer.chat_template.tool_use': 'tools',
      'tokenizer.chat_templates': ['tool_use'],
    });
  });

  it('a text that ends with a token says so', async () => {
    const tokenizer = byteLevelTokenizer();
    tokenizer.post_processor = {
      type: 'Sequence',
      processors: [
        { type: 'ByteLevel', trim_offsets: false },
        { type: 'TemplateProcessing', single: [{ Sequence: { id: 'A' } }, { SpecialToken: { id: '</s>' } }], special_tokens: {} },
      ],
    };
    expect((await metadataOf(tokenizer)).values).toMatchObject({ add_bos_token: false, add_eos_token: true });
  });
});
