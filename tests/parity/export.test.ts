import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { hiddenStates, logitsOf } from '../../main/llama/model.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { python, root } from './sides.ts';

/** Exports as Hugging Face folders, in transformers: a model with trained blocks, in every element type, in one file and in several. */

const run = promisify(execFile);
const TEXTS = ['Once upon a time there was a small boat', 'function add(a, b) {\n  return a', 'Emma Woodhouse, handsome, clever, 漢字 🙂'];
const LARGEST_DIFFERENCE = 1e-4;
const CONTINUATION = 24;

const exports = [
  { name: 'as stored', options: [], dtype: 'torch.float32' },
  { name: 'F32', options: ['--dtype', 'f32'], dtype: 'torch.float32' },
  { name: 'F16', options: ['--dtype', 'f16'], dtype: 'torch.float16' },
  { name: 'BF16', options: ['--dtype', 'bf16'], dtype: 'torch.bfloat16' },
  { name: 'as stored, in several files', options: ['--shard-size', '2MB'], dtype: 'torch.float32' },
  { name: 'BF16, in several files', options: ['--dtype', 'bf16', '--shard-size', '900kB'], dtype: 'torch.bfloat16' },
];

interface InTransformers {
  dtype: string;
  complaints: unknown[];
  ids: number[][];
  continued: number[][];
  differing: string[];
  files: string[];
  index: { metadata: Record<string, number>; weight_map: Record<string, string> } | null;
}

let home: string;
let answers: InTransformers[];
const folderOf = (index: number): string => join(home, `exported-${index}`);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strata-parity-export-'));
  await strata('model', 'import', join(root, 'resources/base'), '--name', 'base');
  await strata('data', 'import', join(root, 'resources/samples/new/documents.jsonl.gz'), '--name', 'new');
  const request = ['--model', 'base', '--new', 'new', '--at', '1,4', '--steps', '6', '--batch', '4'];
  const { model, modelPath } = await strata<RunSummary>('train', ...request);
  for (const [index, { options }] of exports.entries()) await strata('model', 'export', model!, '--out', folderOf(index), ...options);
  await mkdir(join(home, 'out'));
  await writeFile(join(home, 'texts.json'), JSON.stringify(TEXTS));
  const folders = exports.map((_, index) => folderOf(index));
  answers = JSON.parse(
    await python('transformers_exports.py', modelPath!, join(home, 'texts.json'), join(home, 'out'), ...folders),
  ) as InTransformers[];
}, 900_000);
afterAll(() => rm(home, { recursive: true, force: true }));

async function strata<Result>(...args: string[]): Promise<Result> {
  const { stdout } = await run(process.execPath, [join(root, 'main/cli/main.ts'), ...args, '--home', home, '--json'], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as Result;
}

describe.each(exports.map((each, index) => ({ ...each, index })))('an export $name', ({ index, dtype }) => {
  it('is loaded by transformers without complaint, as what it says it is', () => {
    expect(answers[index]).toMatchObject({ complaints: [], dtype });
  });

  it('has the numbers that torch makes of the stored ones', () => {
    expect(answers[index]!.differing).toEqual([]);
  });

  it('gives the same logits there as here, and the same most likely words', async () => {
    const { ids, continued } = answers[index]!;
    const ours = await inStrata(folderOf(index));
    expect(ours.ids).toEqual(ids);
    for (const place of TEXTS.keys()) {
      const theirs = new Float32Array((await readFile(join(home, `out/${index}-${place}.f32`))).buffer.slice(0));
      expect(largest(ours.logits[place]!, theirs)).toBeLessThan(LARGEST_DIFFERENCE);
    }
    expect(ours.continued).toEqual(continued);
  }, 120_000);
});

it('an export in several files has an index like the one that transformers writes', async () => {
  for (const index of exports.keys()) {
    const { files, index: theirs } = answers[index]!;
    if (files.length === 1) continue;
    const ours = JSON.parse(await readFile(join(folderOf(index), 'model.safetensors.index.json'), 'utf8')) as NonNullable<typeof theirs>;
    expect(Object.keys(ours)).toEqual(Object.keys(theirs!));
    expect(Object.keys(ours.weight_map)).toEqual(Object.keys(theirs!.weight_map));
    expect([...new Set(Object.values(ours.weight_map))].sort()).toEqual(files);
    // Loading makes all tensors of one type, so only an export of one type has the same size there.
    if (exports[index]!.options.includes('--dtype')) expect(ours.metadata).toEqual(theirs!.metadata);
  }
});

/** Token ids, logits and the most likely continuation by our own forward pass. */
async function inStrata(directory: string): Promise<{ ids: number[][]; logits: Float32Array[]; continued: number[][] }> {
  const engine = await loadEngine(fastEngine, engineDirectory());
  const folder = await openModelFolder(directory);
  const tokenizer = await loadTokenizer(directory);
  const model = await loadLlama(engine, { config: folder.config, read: (name) => folder.readTensor(name) });
  const forward = async (inputs: readonly number[]): Promise<Float32Array> => {
    const batch = { batch: 1, time: inputs.length, inputs: Int32Array.from(inputs) };
    const values = engine.scope(() => logitsOf(engine, model, hiddenStates(engine, model, batch)));
    const logits = ((await engine.read(values)) as Float32Array).slice();
    engine.dispose(values);
    return logits;
  };
  const ids = TEXTS.map((text) => tokenizer.encode(text));
  const logits: Float32Array[] = [];
  const continued: number[][] = [];
  for (const prompt of ids) {
    logits.push(await forward(prompt));
    const sequence = [...prompt];
    while (sequence.length < prompt.length + CONTINUATION) {
      const last = (await forward(sequence)).subarray(-folder.config.vocabularySize);
      sequence.push(last.indexOf(Math.max(...last)));
    }
    continued.push(sequence.slice(prompt.length));
  }
  disposeLlama(model);
  await folder.close();
  return { ids, logits, continued };
}

function largest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}
