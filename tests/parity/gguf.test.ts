import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { hiddenStates, logitsOf } from '../../main/llama/model.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { exportGguf, type GgufExportType } from '../../main/models/gguf/export-gguf.ts';
import { writeGgufFolder } from '../../main/models/gguf/import-gguf.ts';
import { quantise } from '../../main/models/gguf/quantise.ts';
import { openGguf } from '../../main/models/gguf/read-gguf.ts';
import { WORD_CUTTERS } from '../../main/models/gguf/word-cutters.ts';
import { importModel } from '../../main/models/import-model.ts';
import { toHuggingFaceConfig } from '../../main/models/model-config.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { fastEngine } from '../support/engines.ts';
import { packTensors } from '../support/raw-models.ts';
import { sharedData } from '../support/shared-data.ts';
import { randomWeights, tinyConfig } from '../support/tiny-llama.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const python = process.env.STRATA_PYTHON ?? 'python3';
const base = join(root, 'resources/base');

const TEXTS = [
  'Once upon a time there was a small boat that wanted to see the whole sea.',
  'Emma Woodhouse, handsome, clever, and rich – “with a comfortable home”. Ünïcödé, 漢字, 🙂.',
];
const GREEDY_TOKENS = 24;
const CONTEXT = 256;
const CROSSING_TOKENS = 6000;

/** Strings that tokenizers stumble over. */
const HOSTILE = [
  '',
  ' ',
  '  a  b   c    d ',
  '\n\n\n \n\t\t x\r\n',
  'a\u0000b\u0000\u0000',
  '🙂👩‍👩‍👧‍👦🏳️‍🌈 e\u0301\u0323\u0308 Z͑ͫ̓ͪ̂ͫ̽͏',
  'ａｂｃ ﬁ ½ Ⅳ ³ ٣ ๓ 12345678901234567890',
  "don't I'll WE'RE they'Ve 'tis ''s",
  'ÉcoleÀÉ ÜBERgröße éÉ ǅabc ΑΒγδ iPhone15Pro',
  'العربية עברית हिन्दी ไทย 日本語 한국어 Ελληνικά русский',
  'x'.repeat(3000),
  ' '.repeat(77) + 'y' + ' '.repeat(16),
  '=-'.repeat(50) + '!?'.repeat(30) + '\u200b\u00a0\u3000\u2028end',
  'function add(a, b) {\n  return a + b; // 1 + 2 = 3\n}\n',
];

interface LlamaCpp {
  ids: number[][];
  logits: Float32Array[];
  tokenised: number[][];
  reference: number[][];
  greedy: number[];
  greedyText: string;
  metadata: Record<string, unknown>;
  tensors: Record<string, { type: string; shape: number[]; sha256: string }>;
}

/** What llama.cpp and the Python packages make of a file. */
async function inLlamaCpp(file: string, tokenizer: string, { texts = TEXTS, tokenise = HOSTILE, greedy = 0 } = {}): Promise<LlamaCpp> {
  const out = await mkdtemp(join(tmpdir(), 'strata-gguf-'));
  try {
    await writeFile(join(out, 'request.json'), JSON.stringify({ texts, tokenise, greedy, context: CONTEXT, tokenizer }));
    await run(python, [join(import.meta.dirname, 'llama_cpp_logits.py'), file, join(out, 'request.json'), out]);
    const result = JSON.parse(await readFile(join(out, 'result.json'), 'utf8')) as Omit<LlamaCpp, 'logits'>;
    const logits: Float32Array[] = [];
    for (const index of texts.keys()) logits.push(new Float32Array((await readFile(join(out, `logits-${index}.f32`))).buffer.slice(0)));
    return { ...result, logits };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** Our own logits of ids, and our greedy continuation of the first. */
async function inStrata(
  directory: string,
  ids: readonly number[][],
  greedy: number,
): Promise<{ logits: Float32Array[]; greedy: number[] }> {
  const engine = await loadEngine(fastEngine, engineDirectory());
  const folder = await openModelFolder(directory);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name) });
  const compute = async (inputs: readonly number[]): Promise<Float32Array> => {
    const batch = { batch: 1, time: inputs.length, inputs: Int32Array.from(inputs) };
    const values = engine.scope(() => logitsOf(engine, model, hiddenStates(engine, model, batch)));
    const logits = ((await engine.read(values)) as Float32Array).slice();
    engine.dispose(values);
    return logits;
  };
  const logits: Float32Array[] = [];
  for (const one of ids) logits.push(await compute(one));
  const continued = [...(ids[0] ?? [])];
  for (let step = 0; step < greedy; step++) {
    const last = (await compute(continued)).subarray(-folder.config.vocabularySize);
    continued.push(last.reduce((best, value, id) => (value > last[best]! ? id : best), 0));
  }
  disposeLlama(model);
  await folder.close();
  return { logits, greedy: continued.slice(continued.length - greedy) };
}

function largest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

/** Root of the mean squared difference, as a share of the second's own spread. */
function relative(a: Float32Array, b: Float32Array): number {
  let [error, total] = [0, 0];
  for (let index = 0; index < b.length; index++) {
    error += (a[index]! - b[index]!) ** 2;
    total += b[index]! ** 2;
  }
  return Math.sqrt(error / total);
}

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'strata-gguf-parity-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** A model folder with random weights and a tokenizer of another model. */
async function randomFolder(name: string, config: LlamaConfig, tokenizer: string): Promise<string> {
  const directory = join(work, name);
  await mkdir(directory, { recursive: true });
  const weights = randomWeights(config);
  const tensors = llamaTensors(config).map(({ name: tensor, shape }) => {
    const values = weights.get(tensor)!;
    return [tensor, { dtype: 'F32', shape, bytes: Buffer.from(values.buffer, values.byteOffset, values.byteLength) }] as const;
  });
  await writeFile(join(directory, 'model.safetensors'), packTensors(new Map(tensors), { format: 'pt' }));
  await writeFile(join(directory, 'config.json'), JSON.stringify(toHuggingFaceConfig(config)));
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(tokenizer, file), join(directory, file));
  return directory;
}

/** How far each type may be from ours: the largest difference for F32, the relative one for the others. Measured values are about half. */
const BOUNDS: readonly [GgufExportType, number][] = [
  ['F32', 1e-4],
  ['F16', 5e-3],
  ['BF16', 4e-2],
  ['Q8_0', 5e-2],
  ['Q4_0', 0.5],
];

interface RealModel {
  name: string;
  prepare: () => Promise<string>;
}
const models: RealModel[] = [{ name: 'the embedded base', prepare: () => Promise.resolve(base) }];
if (sharedData) {
  const data = sharedData;
  models.push({
    name: 'stories260k',
    prepare: async () => {
      await importModel(join(data, 'models/stories260k/stories260K.bin'), join(work, 'stories260k'));
      return join(work, 'stories260k');
    },
  });
  // Its own tokenizer is refused (see below); its weights are computed with ids of another one of the same size.
  models.push({
    name: 'tinystories-656k with the tokenizer of the embedded base',
    prepare: async () => {
      const directory = join(work, 'tinystories');
      await mkdir(directory);
      for (const file of ['config.json', 'model.safetensors'])
        await copyFile(join(data, 'models/tinystories-656k', file), join(directory, file));
      for (const file of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(base, file), join(directory, file));
      return directory;
    },
  });
}

describe.each(models)('$name in llama.cpp', ({ name, prepare }) => {
  let directory: string;
  beforeAll(async () => {
    directory = await prepare();
  }, 120_000);

  it.each(BOUNDS)(
    'as %s: tensors as the gguf package reads them, the same tokens, the logits within %d',
    async (dtype, bound) => {
      const file = join(work, `${name.replaceAll(/\W/g, '-')}-${dtype}.gguf`);
      expect((await exportGguf(directory, file, { dtype })).verified).toBe(true);
      const theirs = await inLlamaCpp(file, join(directory, 'tokenizer.json'), { greedy: GREEDY_TOKENS });

      const opened = await openGguf(file);
      expect(Object.keys(theirs.tensors)).toEqual([...opened.tensors.keys()]);
      for (const [tensor, { type, shape }] of opened.tensors) {
        const sha256 = createHash('sha256')
          .update(await opened.readBytes(tensor))
          .digest('hex');
        expect(theirs.tensors[tensor], tensor).toEqual({ type, shape, sha256 });
      }
      await opened.close();

      const tokenizer = await loadTokenizer(directory);
      expect(theirs.ids).toEqual(TEXTS.map((text) => tokenizer.encode(text)));
      expect(theirs.tokenised).toEqual(HOSTILE.map((text) => (text === '' ? [] : tokenizer.encode(text))));

      const ours = await inStrata(directory, theirs.ids, GREEDY_TOKENS);
      const differences = theirs.logits.map((logits, index) => (dtype === 'F32' ? largest : relative)(logits, ours.logits[index]!));
      console.info(`${name}, ${dtype}: ${differences.map((value) => value.toExponential(1)).join(', ')}`);
      expect(Math.max(...differences)).toBeLessThan(bound);
      if (dtype === 'F32') expect(theirs.greedy).toEqual(ours.greedy);
    },
    120_000,
  );
});

it.runIf(sharedData !== null)('a tokenizer that llama.cpp cannot be told is refused', async () => {
  const source = join(sharedData!, 'models/tinystories-656k');
  await expect(exportGguf(source, join(work, 'refused.gguf'), { dtype: 'F16' })).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    found: 'no pieces for 256 of the 256 bytes',
  });
});

describe('numbers in an element type', () => {
  it('have the bits that the gguf package writes, ordinary ones and those at the ends of what there is', async () => {
    const random = randomStream(7);
    const normal = normalStream(random);
    const scales = [1, 1, 1, 1e-44, 1e-40, 1e-38, 1e-37, 1e-20, 1e-8, 1e-5, 1e4, 1e6, 1e20, 1e37];
    const bits = new Float32Array(Uint32Array.from({ length: 32 * 4000 }, () => random() * 2 ** 32).buffer);
    const values = Float32Array.from([
      ...scales.flatMap((scale) => Array.from({ length: 32 * 1500 }, () => normal() * scale)),
      ...Array.from({ length: 32 * 3000 }, () => Math.round(normal() * 60) / 2), // halves, where rounding decides
      ...bits.map((value) => (Number.isFinite(value) ? value : 1)),
      ...new Float32Array(32),
      ...new Float32Array(32).fill(-0),
    ]);
    const out = join(work, 'quantised');
    await mkdir(out);
    await writeFile(join(out, 'values.f32'), values);
    await run(python, [join(import.meta.dirname, 'quantise.py'), join(out, 'values.f32'), out]);
    for (const type of ['F16', 'BF16', 'Q8_0', 'Q4_0'] as const) {
      expect(Buffer.from(quantise(values, type)).equals(await readFile(join(out, `${type}.bin`))), type).toBe(true);
    }
  }, 120_000);
});

describe('architectures in llama.cpp as in transformers', () => {
  // Wide enough that every matrix is whole blocks; more than one head per key.
  const plain: LlamaConfig = {
    ...tinyConfig,
    hiddenSize: 64,
    intermediateSize: 96,
    heads: 4,
    keyValueHeads: 2,
    headSize: 16,
    vocabularySize: 2048,
    contextLength: 512,
  };
  const variants: [string, Partial<LlamaConfig>][] = [
    [
      'tied, one key for all heads, heads apart from the width',
      { tiedEmbeddings: true, keyValueHeads: 1, headSize: 32, ropeTheta: 500_000, normEpsilon: 1e-6 },
    ],
    [
      'all biases, rows that are no whole blocks',
      { attentionBias: true, mlpBias: true, hiddenSize: 48, headSize: 12, intermediateSize: 80 },
    ],
    ['linear scaling', { ropeScaling: { type: 'linear', factor: 4 } }],
    ['dynamic scaling', { ropeScaling: { type: 'dynamic', factor: 2 } }],
    [
      'llama3 scaling',
      {
        ropeTheta: 10_000,
        ropeScaling: { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 64 },
      },
    ],
    [
      'yarn',
      {
        ropeScaling: {
          type: 'yarn',
          factor: 8,
          originalContextLength: 64,
          betaFast: 32,
          betaSlow: 1,
          attentionFactor: 1 + 0.1 * Math.log(8),
          truncate: true,
        },
      },
    ],
    [
      'yarn with another factor',
      {
        ropeScaling: {
          type: 'yarn',
          factor: 8,
          originalContextLength: 64,
          betaFast: 32,
          betaSlow: 1,
          attentionFactor: 0.75,
          truncate: true,
        },
      },
    ],
    ['Mistral with a window as long as its context', { slidingWindow: 512 }],
  ];

  it.each(variants)(
    '%s',
    async (name, changes) => {
      const config = { ...plain, ...changes };
      const directory = await randomFolder(name.replaceAll(/\W/g, '-'), config, base);
      const ids = TEXTS.map((text) => `${text} ${text}`);
      const out = join(work, 'transformers');
      await mkdir(out, { recursive: true });
      await writeFile(join(out, 'texts.json'), JSON.stringify(ids));
      await run(python, [join(import.meta.dirname, 'transformers_logits.py'), directory, join(out, 'texts.json'), out]);
      for (const dtype of ['F32', 'Q8_0'] as const) {
        const file = join(directory, `model-${dtype}.gguf`);
        await exportGguf(directory, file, { dtype });
        const theirs = await inLlamaCpp(file, join(directory, 'tokenizer.json'), { texts: ids, tokenise: [] });
        for (const [index, logits] of theirs.logits.entries()) {
          const wanted = new Float32Array((await readFile(join(out, `logits-${index}.f32`))).buffer.slice(0));
          if (dtype === 'F32')
            expect(largest(logits, wanted)).toBeLessThan(1e-4 * Math.max(1, largest(wanted, new Float32Array(wanted.length))));
          else expect(relative(logits, wanted)).toBeLessThan(0.2);
        }
      }
    },
    120_000,
  );
});

describe('tokens in llama.cpp as in the tokenizers package', () => {
  const config: LlamaConfig = {
    ...tinyConfig,
    hiddenSize: 32,
    intermediateSize: 32,
    blocks: 1,
    heads: 1,
    keyValueHeads: 1,
    headSize: 32,
    tiedEmbeddings: true,
  };

  it.each(['gpt-2', 'smollm', 'llama-bpe', 'smaug-bpe', 'qwen2', 'tekken', 'deepseek-coder', 'falcon', 'default'])(
    'words cut as by %s',
    async (name) => {
      const { steps, cutsLikeGpt2, ignoresMerges } = WORD_CUTTERS.get(name)!;
      const directory = await randomFolder(`cut-${name}`, { ...config, vocabularySize: CROSSING_TOKENS }, base);
      const json = JSON.parse(await readFile(await crossingTokenizer(), 'utf8')) as { model: Record<string, unknown> };
      json.model.ignore_merges = ignoresMerges;
      const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: cutsLikeGpt2 };
      const changed = { ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [...steps, byteLevel] } };
      await writeFile(join(directory, 'tokenizer.json'), JSON.stringify(changed));
      const { metadata, tokenised, reference } = await tokensOf(directory);
      expect(metadata['tokenizer.ggml.pre']).toBe(name);
      expect(tokenised).toEqual(reference);
    },
    120_000,
  );

  it.runIf(sharedData !== null)(
    'SmolLM2',
    async () => {
      const source = join(work, 'smollm2-tokenizer');
      await mkdir(source);
      const from = join(sharedData!, 'tokenizers/smollm2');
      await writeFile(join(source, 'tokenizer.json'), gunzipSync(await readFile(join(from, 'tokenizer.json.gz'))));
      await copyFile(join(from, 'tokenizer_config.json'), join(source, 'tokenizer_config.json'));
      const directory = await randomFolder('smollm2', { ...config, vocabularySize: 49_152 }, source);
      const { metadata, tokenised, reference } = await tokensOf(directory);
      expect(metadata).toMatchObject({
        'tokenizer.ggml.bos_token_id': 1,
        'tokenizer.ggml.eos_token_id': 2,
        'tokenizer.ggml.add_bos_token': false,
      });
      expect(tokenised).toEqual(reference);
    },
    120_000,
  );

  it.runIf(sharedData !== null)(
    'SentencePiece pieces of LLaMA 2, also after a second import',
    async () => {
      const [first, second] = [join(work, 'llama2'), join(work, 'llama2-again')];
      for (const folder of [first, second]) await mkdir(folder);
      await writeGgufFolder(join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf'), first);
      const { metadata, tokenised, reference } = await tokensOf(first);
      expect(metadata).toMatchObject({ 'tokenizer.ggml.model': 'llama', 'tokenizer.ggml.add_space_prefix': true });
      expect(tokenised).toEqual(reference);
      await writeGgufFolder(join(first, 'model.gguf'), second);
      expect((await tokensOf(second)).tokenised).toEqual(reference);
    },
    120_000,
  );

  /** tokenizer.json with a vocabulary in which tokens cross words: it is trained once. */
  async function crossingTokenizer(): Promise<string> {
    const out = join(work, 'crossing.json');
    if (existsSync(out)) return out;
    const texts = join(work, 'crossing-texts.json');
    await writeFile(texts, JSON.stringify([...HOSTILE, ...HOSTILE, ...(await realTexts())]));
    await run(python, [join(import.meta.dirname, 'train_tokenizer.py'), texts, String(CROSSING_TOKENS), out]);
    return out;
  }

  async function tokensOf(directory: string): Promise<LlamaCpp> {
    const file = join(directory, 'model.gguf');
    await exportGguf(directory, file, { dtype: 'F16' });
    const runs = Array.from({ length: 70 }, (_, length) => `a${' '.repeat(length)}b${'-'.repeat(length)}${'='.repeat(length)}`);
    const texts = [...HOSTILE, ...runs, ...(await realTexts())];
    return inLlamaCpp(file, join(directory, 'tokenizer.json'), { texts: [], tokenise: texts });
  }
});

/** Some of each kind of text in the shared data: English, German, code, formulas. */
async function realTexts(): Promise<string[]> {
  if (!sharedData) return [];
  const files = [
    'text/wikitext2/wikitext2-valid.txt.gz',
    'text/tinystories/tinystories.txt.gz',
    'text/web-and-wiki/c4-demo.jsonl',
    'language/german/german.txt',
    'code/python-stdlib/python-stdlib.jsonl.gz',
    'math/gsm8k-train/gsm8k-train.jsonl.gz',
    'law/german-statutes/bgb.md.gz',
  ];
  return Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(join(sharedData!, file));
      return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes)
        .subarray(0, 60_000)
        .toString('utf8')
        .replace(/\uFFFD$/, '')
        .replaceAll(/<\|endoftext\|>|<unk>/g, '');
    }),
  );
}
