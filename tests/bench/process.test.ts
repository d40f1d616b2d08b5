import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { benchAnswerSchema, type BenchJob, type Measurement } from '../../main/bench/job.ts';
import { writeRandomModel, writeTokenizer, writeWindows } from '../../main/bench/model-files.ts';
import { shapeOf } from '../../main/bench/shapes.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { llamaTensors } from '../../shared/domain/llama-tensors.ts';
import { LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { fastEngine } from '../support/engines.ts';
import { referenceLoss } from '../support/reference-llama.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

/** Our side of the benchmark in its own process: that it does the work it is timed for. */

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const { config } = await shapeOf('tiny', join(root, 'resources'));
const folder = useTemporaryFolder();
const SIZE = { batch: 2, context: 12, warmUpSteps: 1, steps: 3 };

/** `distinctSteps`: after so many the windows begin anew. */
async function prepare(job: Partial<BenchJob>, distinctSteps = SIZE.warmUpSteps + SIZE.steps): Promise<BenchJob> {
  const baseDirectory = join(folder.path, 'model');
  await writeRandomModel(baseDirectory, config, 'float32');
  const windowsPath = join(folder.path, 'windows.i32');
  await writeWindows(windowsPath, distinctSteps * SIZE.batch, SIZE.context + 1, config.vocabularySize);
  return {
    task: 'train',
    method: null,
    cachesPrefix: false,
    engine: fastEngine,
    device: 'cpu',
    threads: 1,
    baseDirectory,
    expandedDirectory: baseDirectory,
    windowsPath,
    outputPath: join(folder.path, 'output'),
    newTokens: 5,
    optimizer: { learningRate: 1e-2, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 },
    ...SIZE,
    ...job,
  };
}

async function measure(job: BenchJob): Promise<Measurement> {
  const path = `${job.windowsPath}.json`;
  await writeFile(path, JSON.stringify(job));
  const { stdout } = await run(process.execPath, [join(root, 'main/bench/process.ts'), path]);
  const answer = benchAnswerSchema.parse(JSON.parse(stdout.trimEnd().split('\n').at(-1)!));
  if ('error' in answer) throw new Error(JSON.stringify(answer.error));
  return answer;
}

/** The loss of one step's windows before any training, by plain TensorFlow.js. */
async function plainLoss(job: BenchJob, step: number): Promise<number> {
  await tf.setBackend('cpu');
  const folder = await openModelFolder(job.baseDirectory);
  const weights: Record<string, tf.Tensor> = {};
  for (const { name, shape } of llamaTensors(folder.config)) weights[name] = tf.tensor(await folder.readTensor(name), shape);
  await folder.close();
  const bytes = await readFile(job.windowsPath);
  const ids = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const windows = Array.from({ length: SIZE.batch }, (_, row) => {
    const start = (step * SIZE.batch + row) * (SIZE.context + 1);
    return [...ids.subarray(start, start + SIZE.context + 1)];
  });
  return referenceLoss(
    config,
    weights,
    windows.map((window) => window.slice(0, -1)),
    windows.map((window) => window.slice(1)),
  ).dataSync()[0]!;
}

const METHODS: Method[] = [
  { name: 'full' },
  { name: 'expand', plan: planExpansion(config.blocks, 1, 'even') },
  { name: 'lora', rank: 2, alpha: 4, targets: [...LORA_TARGETS] },
];

test.each(METHODS)('trains: the first loss is the model’s, later ones are of changed weights ($name)', async (method) => {
  const job = await prepare({ method });
  const { losses, seconds, peakMemory } = await measure(job);
  expect(losses).toHaveLength(SIZE.warmUpSteps + SIZE.steps);
  expect(losses[0]).toBeCloseTo(await plainLoss(job, 0), 4);
  expect(Math.abs(losses[3]! - (await plainLoss(job, 3)))).toBeGreaterThan(1e-4);
  expect(seconds).toHaveLength(SIZE.steps);
  expect(Math.min(...seconds)).toBeGreaterThan(0);
  expect(peakMemory).toBeGreaterThan(50e6);
});

test('with the frozen blocks cached, windows that come again have the same losses as without', async () => {
  const method: Method = { name: 'expand', plan: planExpansion(config.blocks, undefined, [config.blocks - 1]) };
  const plain = await measure(await prepare({ method }, 2));
  const job = await prepare({ method, cachesPrefix: true }, 2);
  const cached = await measure(job);
  expect((await stat(`${job.windowsPath}.prefixes`)).size).toBe(2 * SIZE.batch * SIZE.context * config.hiddenSize * 4);
  expect(cached.losses[2]).not.toBe(cached.losses[0]); // the same windows, after training
  for (const [step, loss] of plain.losses.entries()) expect(cached.losses[step]).toBeCloseTo(loss, 5);
});

test('evaluates: the loss of each window, of the same weights every time', async () => {
  const job = await prepare({ task: 'evaluate' });
  const { losses, seconds } = await measure(job);
  expect(seconds).toHaveLength(SIZE.steps);
  expect(losses).toHaveLength(SIZE.warmUpSteps + SIZE.steps);
  // Of the window less its last token, as `strata eval` cuts it.
  const bytes = await readFile(job.windowsPath);
  expect(bytes.byteLength).toBe(losses.length * SIZE.batch * (SIZE.context + 1) * 4);
  for (const [step, loss] of losses.entries()) expect(Math.abs(loss - (await plainLoss(job, step)))).toBeLessThan(0.1);
});

test('generates and loads', async () => {
  expect((await measure(await prepare({ task: 'generate' }))).seconds).toHaveLength(SIZE.steps);
  const loaded = await measure(await prepare({ task: 'load' }));
  expect({ measured: loaded.seconds.length, losses: loaded.losses }).toEqual({ measured: 1, losses: [] });
});

test.each(['import', 'expand'] as const)('moves the files of a model, and removes what it wrote: %s', async (task) => {
  const job = await prepare({ task, method: task === 'expand' ? { name: 'expand', plan: planExpansion(config.blocks, 1, 'even') } : null });
  await writeTokenizer(job.baseDirectory);
  const { seconds, losses, peakMemory } = await measure(job);
  expect({ measured: seconds.length, losses }).toEqual({ measured: 1, losses: [] });
  expect(peakMemory).toBeLessThan(300e6);
  expect(await folder.list()).not.toContainEqual(expect.stringContaining('output'));
});
