import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { readSentencePieceModel, writeTokenizerFromSentencePiece } from '../../main/models/tokenizers/sentencepiece-file.ts';
import { StrataError } from '../../shared/errors.ts';
import { FUZZ_CASES, FUZZ_SEED, mutate } from '../support/mutate.ts';
import { letterTokenizer } from '../support/raw-models.ts';
import { LETTER_PIECES, sentencePieceFile } from '../support/sentencepiece-model.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const TEXT = " ab  </s> cab\u0000'll don't 😀 \uD800 12.5\n\n ▁▁é";
const LONGEST_MS = 2000;
const MOST_BYTES = 256e6;

/** A damaged file gives an error that says so or a result that works, soon and in little memory. */
async function endures(seed: number, act: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  const before = process.memoryUsage().rss;
  await act().catch((error: unknown) => {
    if (!(error instanceof StrataError) || error.code === 'INTERNAL') throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
  });
  const took = performance.now() - began;
  expect(took, `milliseconds of seed ${seed}`).toBeLessThan(LONGEST_MS);
  expect(process.memoryUsage().rss - before, `bytes of seed ${seed}`).toBeLessThan(MOST_BYTES);
}

async function useTokenizer(): Promise<void> {
  const tokenizer = await loadTokenizer(folder.path);
  for (const interpretSpecialTokens of [false, true]) {
    const ids = tokenizer.encode(TEXT, { interpretSpecialTokens });
    if (!ids.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabularySize))
      throw new Error('an id beyond the vocabulary');
    tokenizer.decode(ids);
  }
  tokenizer.encodeDocument(TEXT);
}

/** tokenizer.json files that use every part. */
function documents(): object[] {
  const letters = letterTokenizer();
  const split = {
    type: 'Split',
    pattern: { Regex: "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|\\s+(?!\\S)|\\s+" },
    behavior: 'Isolated',
  };
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true };
  const map = Buffer.alloc(4 + 64 + 8);
  map.writeUInt32LE(64, 0);
  const normalizers = [
    { type: 'Precompiled', precompiled_charsmap: map.toString('base64') },
    { type: 'NFKC' },
    { type: 'Strip', strip_left: true, strip_right: false },
    { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
    { type: 'Prepend', prepend: '▁' },
  ];
  const decoders = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ];
  const vocab = [['<unk>', 0], ['<s>', 0], ['</s>', 0], ...[...'▁abc'].map((text, index) => [text, -index]), ['ab', -0.5]];
  return [
    letters,
    { ...letters, pre_tokenizer: { type: 'Sequence', pretokenizers: [split, { type: 'Digits', individual_digits: true }, byteLevel] } },
    { ...letters, normalizer: { type: 'Sequence', normalizers }, decoder: { type: 'Sequence', decoders }, pre_tokenizer: metaspace },
    { ...letters, model: { type: 'Unigram', unk_id: 0, byte_fallback: true, vocab }, pre_tokenizer: metaspace, decoder: metaspace },
  ];
}

describe('a damaged', () => {
  it(
    'tokenizer.json is refused or works',
    async () => {
      const files = documents().map((json) => Buffer.from(JSON.stringify(json)));
      await folder.write('tokenizer_config.json', JSON.stringify({ bos_token: '<s>', eos_token: '</s>' }));
      for (let seed = FUZZ_SEED; seed < FUZZ_SEED + FUZZ_CASES; seed++) {
        const bytes = files[seed % files.length]!;
        await folder.write('tokenizer.json', mutate(bytes, seed, bytes.length));
        await endures(seed, useTokenizer);
      }
    },
    FUZZ_CASES * 100 + 60_000,
  );

  it(
    'value of a tokenizer.json is refused or works',
    async () => {
      const values = [
        null,
        -1,
        0,
        1e9,
        0.5,
        '',
        'x',
        '▁',
        '(',
        [],
        {},
        [[]],
        true,
        'Sequence',
        'ByteLevel',
        ['a', 'b'],
        '\uD800',
        ' '.repeat(1000),
      ];
      const roots = documents();
      await folder.write('tokenizer_config.json', JSON.stringify({ bos_token: '<s>', eos_token: '</s>' }));
      for (let seed = FUZZ_SEED; seed < FUZZ_SEED + FUZZ_CASES; seed++) {
        const root = structuredClone(roots[seed % roots.length]!);
        replaceOne(root, seed * 7919, values[seed % values.length]);
        await folder.write('tokenizer.json', JSON.stringify(root));
        await endures(seed, useTokenizer);
      }
    },
    FUZZ_CASES * 100 + 60_000,
  );

  it(
    'tokenizer.model is refused or works',
    async () => {
      const bytes = sentencePieceFile(LETTER_PIECES, { 3: 2, 24: 0, 40: 0, 41: 1, 42: 2 }, { 3: 1, 4: 1, 5: 1 });
      for (let seed = FUZZ_SEED; seed < FUZZ_SEED + FUZZ_CASES; seed++) {
        const damaged = mutate(bytes, seed, bytes.length);
        const path = await folder.write('tokenizer.model', damaged);
        await endures(seed, async () => {
          const { pieces, bosId, eosId } = await readSentencePieceModel(path);
          for (const id of [bosId, eosId]) if (id !== null && !(id in pieces)) throw new Error('a mark that is no piece');
          await writeTokenizerFromSentencePiece(folder.path);
          await useTokenizer();
        });
      }
      expect((await readFile(join(folder.path, 'tokenizer.model'))).length).toBeGreaterThan(0);
    },
    FUZZ_CASES * 100 + 60_000,
  );
});

/** Puts a value in the place of another one, anywhere in a document. */
function replaceOne(root: object, choice: number, value: unknown): void {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (holder: Record<string, unknown>): void => {
    for (const [key, each] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof each === 'object' && each !== null && key !== 'vocab') collect(each as Record<string, unknown>);
    }
  };
  collect(root as Record<string, unknown>);
  const [holder, key] = places[choice % places.length]!;
  holder[key] = value;
}
