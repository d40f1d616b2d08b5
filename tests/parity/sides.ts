import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { promisify } from 'node:util';
import type { Engine } from '../../main/engine/engine.ts';
import { type Batch, hiddenStates, logitsOf } from '../../main/llama/model.ts';
import { Optimizer, type OptimizerSettings } from '../../main/llama/optimizer.ts';
import { disposeLlama, type Llama, loadLlama, type Parameter, parametersOf } from '../../main/llama/parameters.ts';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { exportHuggingFace } from '../../main/models/export/export-model.ts';
import { importModel } from '../../main/models/import-model.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { openSafetensors, writeSafetensors } from '../../main/models/safetensors.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { lossAndGradientsOfStep } from '../../main/training/step.ts';
import { elementsOf } from '../../shared/domain/llama-tensors.ts';
import { type Method, planOf, roleOfTarget, trainabilityOf } from '../../shared/domain/method.ts';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import { sharedData } from '../support/shared-data.ts';
import { randomIds } from '../support/tiny-llama.ts';

/** The two sides of the comparison: Strata in this process, transformers, peft and PyTorch in a Python. */

const run = promisify(execFile);
export const root = join(import.meta.dirname, '../..');

/** A Python script of this folder, to its end; its last line of output. */
export function python(script: string, ...args: string[]): Promise<string> {
  return runPython(['-B'], script, args);
}

/** The same without assertions: a program that ends at one then computes what it would. */
export function pythonWithoutAssertions(script: string, ...args: string[]): Promise<string> {
  return runPython(['-B', '-O'], script, args);
}

async function runPython(options: string[], script: string, args: string[]): Promise<string> {
  const { stdout } = await run(process.env.STRATA_PYTHON ?? 'python3', [...options, join(import.meta.dirname, script), ...args], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.trimEnd().split('\n').at(-1)!;
}

/** The models that are compared, and how each becomes a folder that both sides open. */
export const models: { name: string; prepare: (folder: string) => Promise<unknown> }[] = [
  { name: 'embedded base', prepare: (folder) => importAndExport(join(root, 'resources/base'), folder) },
  ...(sharedData
    ? [
        {
          name: 'stories260k',
          prepare: (folder: string) => importAndExport(join(sharedData!, 'models/stories260k/stories260K.bin'), folder),
        },
        { name: 'tinystories-656k', prepare: (folder: string) => importAndExport(join(sharedData!, 'models/tinystories-656k'), folder) },
        {
          name: 'llama2-tiny-random',
          prepare: (folder: string) =>
            importAndExport(join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf'), folder),
        },
      ]
    : []),
];

/** A base may keep its tied table under a name that transformers does not find; the export puts it where it is looked for. */
async function importAndExport(path: string, folder: string): Promise<void> {
  await importModel(path, `${folder}.imported`);
  await exportHuggingFace(`${folder}.imported`, folder, { dtype: 'F32' });
}

/** Windows of both sides: [steps, batch, context + 1] token ids. */
export interface Windows {
  ids: Int32Array;
  steps: number;
  batch: number;
  context: number;
}

/** Windows of the samples' text, one after the other; of random ids where a model has no tokenizer. */
export async function windowsFor(folder: string, size: Omit<Windows, 'ids'>): Promise<Windows> {
  const length = size.steps * size.batch * (size.context + 1);
  const tokenizer = await loadTokenizer(folder).catch(() => null);
  if (tokenizer === null) {
    const { config } = await openAndClose(folder);
    return { ...size, ids: randomIds(config, length, 1) };
  }
  const lines = gunzipSync(await readFile(join(root, 'resources/samples/new/documents.jsonl.gz')))
    .toString('utf8')
    .split('\n');
  const ids: number[] = [];
  for (let line = 0; ids.length < length; line++) ids.push(...tokenizer.encode((JSON.parse(lines[line]!) as { text: string }).text));
  return { ...size, ids: Int32Array.from(ids.slice(0, length)) };
}

async function openAndClose(folder: string): Promise<Pick<Awaited<ReturnType<typeof openModelFolder>>, 'config'>> {
  const opened = await openModelFolder(folder);
  await opened.close();
  return opened;
}

/** The rows of one step, or of a part of it. */
export function batchOf({ ids, batch, context }: Windows, step: number, firstRow = 0, rows = batch): Batch {
  const inputs = new Int32Array(rows * context);
  const targets = new Int32Array(rows * context);
  for (let row = 0; row < rows; row++) {
    const start = (step * batch + firstRow + row) * (context + 1);
    inputs.set(ids.subarray(start, start + context), row * context);
    targets.set(ids.subarray(start + 1, start + 1 + context), row * context);
  }
  return { batch: rows, time: context, inputs, targets };
}

/** What both sides are asked for. */
export interface Task {
  kind: 'gradients' | 'train';
  method: Method;
  windows: Windows;
  /** Micro-batches that the windows of a step are cut into. */
  accumulation: number;
}

export interface TrainingSettings extends OptimizerSettings {
  learningRate: number;
}

export interface Answer {
  /** Of every step; one where gradients were asked for. */
  losses: number[];
  /** Global norms of the gradients before clipping, likewise; none where gradients were asked for. */
  norms: number[];
  logits: Float32Array | null; // [B*T, V]
  gradients: Map<string, Float32Array>;
}

/** Strata's side. */
export class Ours {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async answer(folder: string, task: Task, settings: TrainingSettings): Promise<Answer> {
    const model = await this.load(folder, task);
    try {
      return task.kind === 'train' ? await this.#train(model, task, settings) : await this.#gradients(model, task);
    } finally {
      disposeLlama(model);
    }
  }

  /** The model that a task begins with. */
  async load(directory: string, { kind, method }: Pick<Task, 'kind' | 'method'>): Promise<Llama> {
    const engine = this.#engine;
    const folder = await openModelFolder(directory);
    try {
      const model = await loadLlama(engine, {
        config: folder.config,
        read: (name) => folder.readTensor(name),
        plan: planOf(method),
        isTrainable: trainabilityOf(method),
        isCompact: true,
        lora: method.name === 'lora' ? { ...method, targets: method.targets.map(roleOfTarget), seed: 1 } : null,
      });
      // A fresh adapter's B is zero, and with it the gradient of A, which would leave nothing to compare.
      if (kind === 'gradients') this.#pretendTrained(model);
      return model;
    } finally {
      await folder.close();
    }
  }

  #pretendTrained(model: Llama): void {
    const normal = normalStream(randomStream(2));
    for (const { name, shape, variable } of parametersOf(model)) {
      if (!name.endsWith('lora_B.weight')) continue;
      const values = Float32Array.from({ length: elementsOf(shape) }, () => 0.02 * normal());
      this.#engine.scope(() => variable!.assign(this.#engine.tensor(values, shape)));
    }
  }

  /** Writes the adapters that a task begins with, under peft's names. */
  async saveAdapters(folder: string, task: Task, path: string): Promise<void> {
    const model = await this.load(folder, task);
    const adapters = parametersOf(model).filter(({ name }) => name.includes('.lora_'));
    const read = async (parameter: Parameter): Promise<Float32Array> => {
      const value = this.#engine.scope(() => this.#engine.keep(this.#engine.scale(parameter.value(), 1)));
      const values = ((await this.#engine.read(value)) as Float32Array).slice();
      this.#engine.dispose(value);
      return values;
    };
    await writeSafetensors(
      path,
      adapters.map((parameter) => ({ name: parameter.name, shape: [...parameter.shape], dtype: 'F32', data: () => read(parameter) })),
    );
    disposeLlama(model);
  }

  async #gradients(model: Llama, { windows }: Task): Promise<Answer> {
    const engine = this.#engine;
    const batch = batchOf(windows, 0);
    const logits = engine.scope(() => logitsOf(engine, model, hiddenStates(engine, model, batch)));
    const { loss, gradients } = await lossAndGradientsOfStep(engine, model, [batch], false);
    const values = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) values.set(name, ((await engine.read(gradient)) as Float32Array).slice());
    const answer = {
      losses: [(await engine.read(loss))[0]!],
      norms: [],
      logits: ((await engine.read(logits)) as Float32Array).slice(),
      gradients: values,
    };
    engine.dispose(loss, logits, ...gradients.values());
    return answer;
  }

  async #train(model: Llama, { windows, accumulation }: Task, settings: TrainingSettings): Promise<Answer> {
    const engine = this.#engine;
    const optimizer = new Optimizer(engine, parametersOf(model), settings);
    const answer: Answer = { losses: [], norms: [], logits: null, gradients: new Map() };
    const rows = windows.batch / accumulation;
    for (let step = 0; step < windows.steps; step++) {
      const microBatches = Array.from({ length: accumulation }, (_, part) => batchOf(windows, step, part * rows, rows));
      const { loss, gradients } = await lossAndGradientsOfStep(engine, model, microBatches, false);
      answer.losses.push((await engine.read(loss))[0]!);
      answer.norms.push(await optimizer.update(gradients, settings.learningRate, step + 1));
      engine.dispose(loss, ...gradients.values());
    }
    optimizer.dispose();
    return answer;
  }
}

/**
 * PyTorch's side of several tasks on one model, in one process. A folder that is to be expanded is expanded on disk first; adapters begin with
 * the values that Strata drew.
 */
export async function answersOfPyTorch(ours: Ours, folder: string, tasks: readonly Task[], optimizer: TrainingSettings): Promise<Answer[]> {
  const scratch = await mkdtemp(join(tmpdir(), 'strata-parity-'));
  try {
    const jobs: string[] = [];
    for (const [number, task] of tasks.entries()) {
      const out = join(scratch, String(number));
      await mkdir(out);
      const { ids, batch, context } = task.windows;
      await writeFile(join(out, 'windows.i32'), new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
      const plan = planOf(task.method);
      if (plan) await expandModelFolder(folder, join(out, 'expanded'), plan, { name: 'base', hash: '' });
      const adapters = task.method.name === 'lora' ? join(out, 'adapters.safetensors') : null;
      if (adapters) await ours.saveAdapters(folder, task, adapters);
      jobs.push(join(out, 'job.json'));
      await writeFile(
        jobs.at(-1)!,
        JSON.stringify({
          task: task.kind,
          model: plan ? join(out, 'expanded') : folder,
          method: task.method,
          adapters,
          windows: join(out, 'windows.i32'),
          batch,
          context,
          accumulation: task.accumulation,
          optimizer,
          out,
        }),
      );
    }
    const answers = JSON.parse(await python('reference.py', ...jobs)) as { losses: number[]; norms: number[] }[];
    return await Promise.all(
      answers.map(async (answer, number) => ({ ...answer, ...(await readGradients(join(scratch, String(number)))) })),
    );
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function readGradients(out: string): Promise<Pick<Answer, 'logits' | 'gradients'>> {
  const gradients = new Map<string, Float32Array>();
  const path = join(out, 'gradients.safetensors');
  if (!existsSync(path)) return { logits: null, gradients };
  const file = await openSafetensors(path);
  for (const name of file.tensors.keys()) gradients.set(name, await file.readFloat32(name));
  await file.close();
  const logits = gradients.get('logits')!;
  gradients.delete('logits');
  return { logits, gradients };
}

/** `||a - b|| / ||b||`, in 64-bit floats; 0 where both are zero. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0;
  let norm = 0;
  for (let index = 0; index < b.length; index++) {
    difference += (a[index]! - b[index]!) ** 2;
    norm += b[index]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let index = 0; index < b.length; index++) {
    const difference = Math.abs(a[index]! - b[index]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
