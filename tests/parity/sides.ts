import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { promisify } from 'node:util';
import type { Engine } from '../../main/engine/engine.ts';
import { type Batch, hiddenStates, logitsOf, lossAndGradients } from '../../main/llama/model.ts';
import { Optimizer, type OptimizerSettings } from '../../main/llama/optimizer.ts';
import { disposeLlama, type Llama, loadLlama, parametersOf } from '../../main/llama/parameters.ts';
import { expandModelFolder } from '../../main/models/expand-folder.ts';
import { exportHuggingFace } from '../../main/models/export-model.ts';
import { importModel } from '../../main/models/import-model.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { openSafetensors } from '../../main/models/safetensors.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { type Method, planOf, trainabilityOf } from '../../shared/domain/method.ts';
import { sharedData } from '../support/shared-data.ts';
import { randomIds } from '../support/tiny-llama.ts';

/** The two sides of the comparison: Strata in this process, transformers, peft and PyTorch in a Python. */

const run = promisify(execFile);
export const root = join(import.meta.dirname, '../..');

/** A Python script of this folder, to its end; its last line of output. */
export async function python(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.env.STRATA_PYTHON ?? 'python3', ['-B', join(import.meta.dirname, script), ...args], {
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
            python('convert_gguf.py', join(sharedData!, 'models/llama2-tiny-random-gguf/llama-2-tiny-random.gguf'), folder),
        },
      ]
    : []),
];

/** A base may keep its tied table under a name that transformers does not find; the export puts it where it is looked for. */
async function importAndExport(path: string, folder: string): Promise<void> {
  await importModel(path, `${folder}.imported`);
  await exportHuggingFace(`${folder}.imported`, folder);
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

export interface GradientAnswer {
  loss: number;
  logits: Float32Array; // [B*T, V]
  gradients: Map<string, Float32Array>;
}

export interface TrainingAnswer {
  losses: number[];
  /** Global norms before clipping. */
  norms: number[];
}

/** Strata's side. */
export class Ours {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async gradients(folder: string, method: Method, windows: Windows): Promise<GradientAnswer> {
    const model = await this.#load(folder, method);
    const engine = this.#engine;
    const batch = batchOf(windows, 0);
    const logits = engine.scope(() => logitsOf(engine, model, hiddenStates(engine, model, batch)));
    const { loss, gradients } = lossAndGradients(engine, model, batch);
    const values = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) values.set(name, ((await engine.read(gradient)) as Float32Array).slice());
    const answer = {
      loss: (await engine.read(loss))[0]!,
      logits: ((await engine.read(logits)) as Float32Array).slice(),
      gradients: values,
    };
    engine.dispose(loss, logits, ...gradients.values());
    disposeLlama(model);
    return answer;
  }

  async train(folder: string, method: Method, windows: Windows, settings: TrainingSettings): Promise<TrainingAnswer> {
    const engine = this.#engine;
    const model = await this.#load(folder, method);
    const optimizer = new Optimizer(engine, parametersOf(model), settings);
    const answer: TrainingAnswer = { losses: [], norms: [] };
    for (let step = 0; step < windows.steps; step++) {
      const { loss, gradients } = lossAndGradients(engine, model, batchOf(windows, step));
      answer.losses.push((await engine.read(loss))[0]!);
      answer.norms.push(await optimizer.update(gradients, settings.learningRate, step + 1));
      engine.dispose(loss, ...gradients.values());
    }
    optimizer.dispose();
    disposeLlama(model);
    return answer;
  }

  async #load(directory: string, method: Method): Promise<Llama> {
    const folder = await openModelFolder(directory);
    try {
      return await loadLlama(this.#engine, {
        config: folder.config,
        read: (name) => folder.readTensor(name),
        plan: planOf(method),
        isTrainable: trainabilityOf(method),
      });
    } finally {
      await folder.close();
    }
  }
}

export interface TrainingSettings extends OptimizerSettings {
  learningRate: number;
}

/** PyTorch's side. A folder that is to be expanded is expanded on disk first. */
export class Theirs {
  readonly #scratch: string;

  private constructor(scratch: string) {
    this.#scratch = scratch;
  }

  static async open(): Promise<Theirs> {
    return new Theirs(await mkdtemp(join(tmpdir(), 'strata-parity-')));
  }

  close(): Promise<void> {
    return rm(this.#scratch, { recursive: true, force: true });
  }

  async gradients(folder: string, method: Method, windows: Windows): Promise<GradientAnswer> {
    const { loss } = await this.#ask<{ loss: number }>('gradients', folder, method, windows, null, 1);
    const file = await openSafetensors(join(this.#scratch, 'gradients.safetensors'));
    const gradients = new Map<string, Float32Array>();
    for (const name of file.tensors.keys()) gradients.set(name, await file.readFloat32(name));
    await file.close();
    const logits = gradients.get('logits')!;
    gradients.delete('logits');
    return { loss, logits, gradients };
  }

  /** `accumulation`: micro-batches that a step's windows are cut into. */
  train(folder: string, method: Method, windows: Windows, settings: TrainingSettings, accumulation = 1): Promise<TrainingAnswer> {
    return this.#ask('train', folder, method, windows, settings, accumulation);
  }

  async #ask<Answer>(
    task: 'gradients' | 'train',
    folder: string,
    method: Method,
    windows: Windows,
    optimizer: TrainingSettings | null,
    accumulation: number,
  ): Promise<Answer> {
    const { ids, batch, context } = windows;
    const windowsPath = join(this.#scratch, 'windows.i32');
    await writeFile(windowsPath, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    const model = join(this.#scratch, 'expanded');
    await rm(model, { recursive: true, force: true });
    const plan = planOf(method);
    if (plan) await expandModelFolder(folder, model, plan, { name: 'base', hash: '' });
    const job = join(this.#scratch, 'job.json');
    await writeFile(
      job,
      JSON.stringify({
        task,
        model: plan ? model : folder,
        method,
        windows: windowsPath,
        batch,
        context,
        optimizer,
        accumulation,
        out: this.#scratch,
      }),
    );
    return JSON.parse(await python('reference.py', job)) as Answer;
  }
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
