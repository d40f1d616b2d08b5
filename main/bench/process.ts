import { readFile, rm } from 'node:fs/promises';
import { planOf, roleOfTarget, trainabilityOf } from '../../shared/domain/method.ts';
import { engineDirectory } from '../engine/engine-directory.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { type EngineName, loadEngine } from '../engine/load-engine.ts';
import { generate } from '../llama/generate.ts';
import type { Batch } from '../llama/model.ts';
import { Optimizer } from '../llama/optimizer.ts';
import { type Llama, loadLlama, parametersOf } from '../llama/parameters.ts';
import { expandModelFolder } from '../models/expansion/expand-folder.ts';
import { importModel } from '../models/import-model.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { measureLoss } from '../training/evaluation.ts';
import { PrefixCache } from '../training/prefix-cache.ts';
import { peakMemory } from '../training/process-memory.ts';
import { lossAndGradientsOfStep } from '../training/step.ts';
import { explainFailure } from '../training/trainer-end.ts';
import { type BenchJob, benchJobSchema, type Measurement } from './job.ts';

/**
 * Our side of a benchmark, in a process of its own: does one job with the functions that the trainer calls and prints what it took, as one
 * line of JSON. `peer/bench.py` is its counterpart.
 */

/** The windows of each step, in order. */
class Windows {
  readonly #ids: Int32Array;
  readonly #job: BenchJob;

  constructor(ids: Int32Array, job: BenchJob) {
    this.#ids = ids;
    this.#job = job;
  }

  /** Steps until the windows begin anew. */
  get epoch(): number {
    return this.#ids.length / (this.#job.batch * (this.#job.context + 1));
  }

  of(step: number): Int32Array[] {
    const { batch, context } = this.#job;
    const length = context + 1;
    const first = (step % this.epoch) * batch;
    return Array.from({ length: batch }, (_, row) => this.#ids.slice((first + row) * length, (first + row + 1) * length));
  }

  /** A name for each window of a step, the same whenever it comes again. */
  keys(step: number): string[] {
    return Array.from({ length: this.#job.batch }, (_, row) => `${step % this.epoch} ${row}`);
  }

  batch(step: number): Batch {
    const { batch, context } = this.#job;
    const inputs = new Int32Array(batch * context);
    const targets = new Int32Array(batch * context);
    for (const [row, window] of this.of(step).entries()) {
      inputs.set(window.subarray(0, context), row * context);
      targets.set(window.subarray(1), row * context);
    }
    return { batch, time: context, inputs, targets };
  }
}

async function measure(job: BenchJob): Promise<Omit<Measurement, 'peakMemory'>> {
  if (job.task === 'import') return moveOnce(job, () => importModel(job.baseDirectory, job.outputPath));
  if (job.task === 'expand') {
    return moveOnce(job, () =>
      expandModelFolder(job.baseDirectory, job.outputPath, planOf(job.method!)!, { name: 'random weights', hash: '' }),
    );
  }
  const engine = await loadEngine(job.engine as EngineName, engineDirectory());
  const bytes = await readFile(job.windowsPath);
  const windows = new Windows(new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), job);
  switch (job.task) {
    case 'train':
      return train(engine, job, windows);
    case 'evaluate':
      return evaluate(engine, job, windows);
    case 'generate':
      return continuePrompts(engine, job, windows);
    case 'load':
      return loadOnce(engine, job, windows);
  }
}

async function train(engine: Engine, job: BenchJob, windows: Windows): Promise<Omit<Measurement, 'peakMemory'>> {
  const model = await load(engine, job);
  const optimizer = new Optimizer(engine, parametersOf(model), job.optimizer);
  const cache = job.cachesPrefix ? new PrefixCache(engine, model, `${job.windowsPath}.prefixes`) : null;
  return timed(job, async (step) => {
    const batch = windows.batch(step);
    const prefixOf = cache && ((): Promise<Tensor[]> => cache.prefixOf(batch, windows.keys(step)));
    const { loss, gradients } = await lossAndGradientsOfStep(engine, model, [batch], false, prefixOf);
    const [value] = await engine.read(loss);
    await optimizer.update(gradients, job.optimizer.learningRate, step + 1);
    engine.dispose(loss, ...gradients.values());
    return value!;
  });
}

async function evaluate(engine: Engine, job: BenchJob, windows: Windows): Promise<Omit<Measurement, 'peakMemory'>> {
  const model = await load(engine, job);
  return timed(job, async (step) => {
    const cut = windows.of(step).map((window) => ({ tokens: window.subarray(0, job.context) }));
    return (await measureLoss(engine, model, cut)).loss;
  });
}

async function continuePrompts(engine: Engine, job: BenchJob, windows: Windows): Promise<Omit<Measurement, 'peakMemory'>> {
  const model = await load(engine, job);
  return timed(job, async (step) => {
    const prompt = [...windows.of(step)[0]!.subarray(0, job.context)];
    await generate(engine, model, prompt, { maxTokens: job.newTokens, temperature: 0, seed: 0 });
    return null;
  });
}

/** A process loads once: what was read before would lie in its memory. */
async function loadOnce(engine: Engine, job: BenchJob, windows: Windows): Promise<Omit<Measurement, 'peakMemory'>> {
  const prompt = [...windows.of(0)[0]!.subarray(0, job.context)];
  const started = performance.now();
  const model = await load(engine, job);
  await generate(engine, model, prompt, { maxTokens: 1, temperature: 0, seed: 0 });
  return { seconds: [(performance.now() - started) / 1000], losses: [] };
}

/** Once, as a command does it: buffers that a second time would find at hand count. */
async function moveOnce(job: BenchJob, move: () => Promise<unknown>): Promise<Omit<Measurement, 'peakMemory'>> {
  const started = performance.now();
  await move();
  const seconds = (performance.now() - started) / 1000;
  await rm(job.outputPath, { recursive: true });
  return { seconds: [seconds], losses: [] };
}

async function load(engine: Engine, { task, baseDirectory, method }: BenchJob): Promise<Llama> {
  const folder = await openModelFolder(baseDirectory);
  try {
    return await loadLlama(engine, {
      config: folder.config,
      read: (name) => folder.readTensor(name),
      isCompact: task === 'train' || task === 'evaluate',
      ...(method && { plan: planOf(method), isTrainable: trainabilityOf(method) }),
      lora: method?.name === 'lora' ? { ...method, targets: method.targets.map(roleOfTarget), seed: 1 } : null,
    });
  } finally {
    await folder.close();
  }
}

/** Repeats a step and times all but the first ones. */
async function timed(job: BenchJob, once: (step: number) => Promise<number | null>): Promise<Omit<Measurement, 'peakMemory'>> {
  const seconds: number[] = [];
  const losses: number[] = [];
  for (let step = 0; step < job.warmUpSteps + job.steps; step++) {
    const started = performance.now();
    const loss = await once(step);
    if (step >= job.warmUpSteps) seconds.push((performance.now() - started) / 1000);
    if (loss !== null) losses.push(loss);
  }
  return { seconds, losses };
}

let answer: unknown;
try {
  const job = benchJobSchema.parse(JSON.parse(await readFile(process.argv[2]!, 'utf8')));
  answer = { ...(await measure(job)), peakMemory: peakMemory() };
} catch (error) {
  answer = { error: explainFailure(error, 'other').toRecord() };
}
// The engine's threads would keep the process alive, and to end before the line is out would lose it.
process.stdout.write(`\n${JSON.stringify(answer)}\n`, () => process.exit(0));
