import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shapeOf } from '../../main/bench/shapes.ts';
import { writeRandomModel } from '../../main/bench/model-files.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { expandModelFolder } from '../../main/models/expansion/expand-folder.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { openSafetensors } from '../../main/models/safetensors.ts';
import { LORA_TARGETS, type Method } from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { fastEngine } from '../support/engines.ts';
import { recordFigures } from './figures.ts';
import {
  type Answer,
  answersOfPyTorch,
  largestDifference,
  models,
  Ours,
  python,
  relativeError,
  root,
  type Task,
  type TrainingSettings,
  windowsFor,
} from './sides.ts';

/** The limits: what is computed must be what transformers, peft and PyTorch compute, but for the rounding of 32-bit floats. */
const LARGEST_LOGIT_DIFFERENCE = 1e-4;
const LARGEST_GRADIENT_ERROR = 1e-4;
const LARGEST_LOSS_DIFFERENCE = 1e-3;
/** Relative, of the gradients' global norm: what clipping goes by. */
const LARGEST_NORM_DIFFERENCE = 0.01;

const STEPS = 50;
/** PyTorch does all of a model's tasks before the first test; on a machine that does other work as well that takes many minutes. */
const SET_UP_MS = 1_200_000;
/** A rate at which the loss falls visibly in 50 steps, and clipping is at work. */
const SETTINGS: TrainingSettings = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 };

let ours: Ours;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'strata-parity-models-'));
  ours = new Ours(await loadEngine(fastEngine, engineDirectory()));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Ways to train a model of so many blocks, by the name they are recorded under. */
function methodsFor(blocks: number): Record<string, Method> {
  return {
    expand: { name: 'expand', plan: planExpansion(blocks, Math.min(2, blocks), 'even') },
    full: { name: 'full' },
    freeze: { name: 'freeze', blocks: [blocks - 1] },
    lora: { name: 'lora', rank: 4, alpha: 8, targets: [...LORA_TARGETS] },
  };
}
const METHODS = Object.keys(methodsFor(1));
/** The same steps with their windows cut into micro-batches, whose gradients are added. */
const ACCUMULATED = 'full, 4 micro-batches';

describe.each(models)('$name', ({ name, prepare }) => {
  const folder = (): string => join(scratch, name);
  const tasks = new Map<string, Task>();
  const wanted = new Map<string, Answer>();

  beforeAll(async () => {
    await prepare(folder());
    const opened = await openModelFolder(folder());
    const methods = Object.entries(methodsFor(opened.config.blocks));
    await opened.close();
    const once = await windowsFor(folder(), { steps: 1, batch: 2, context: 96 });
    const often = await windowsFor(folder(), { steps: STEPS, batch: 4, context: 64 });
    for (const [key, method] of methods) {
      tasks.set(`gradients ${key}`, { kind: 'gradients', method, windows: once, accumulation: 1 });
      tasks.set(`train ${key}`, { kind: 'train', method, windows: often, accumulation: 1 });
    }
    tasks.set(`train ${ACCUMULATED}`, { kind: 'train', method: { name: 'full' }, windows: often, accumulation: 4 });
    const answers = await answersOfPyTorch(ours, folder(), [...tasks.values()], SETTINGS);
    for (const [index, key] of [...tasks.keys()].entries()) wanted.set(key, answers[index]!);
  }, SET_UP_MS);

  it.each(METHODS)(
    'has the same logits, loss and gradients: %s',
    async (method) => {
      const mine = await ours.answer(folder(), tasks.get(`gradients ${method}`)!, SETTINGS);
      recordFigures('gradients', name, method, compareGradients(mine, wanted.get(`gradients ${method}`)!));
    },
    300_000,
  );

  it.each([...METHODS, ACCUMULATED])(
    `has the same loss at each of ${STEPS} steps: %s`,
    async (method) => {
      const mine = await ours.answer(folder(), tasks.get(`train ${method}`)!, SETTINGS);
      const { losses, norms } = wanted.get(`train ${method}`)!;
      const difference = largestDifference(mine.losses, losses);
      expect(mine.losses).toHaveLength(STEPS);
      expect(difference).toBeLessThanOrEqual(LARGEST_LOSS_DIFFERENCE);
      expect(Math.max(...mine.norms.map((norm, step) => Math.abs(norm / norms[step]! - 1)))).toBeLessThan(LARGEST_NORM_DIFFERENCE);
      recordFigures('training', name, method, {
        lossDifference: difference,
        firstLoss: losses[0]!,
        lastLoss: losses.at(-1)!,
        clippedSteps: norms.filter((norm) => norm > SETTINGS.clipNorm).length,
      });
    },
    300_000,
  );

  it("is expanded to the bytes of LLaMA Pro's own recipe", async () => {
    const opened = await openModelFolder(folder());
    const { blocks } = opened.config;
    await opened.close();
    // The recipe knows plans only whose number of copies divides that of the blocks.
    const copies = [2, 1].find((count) => blocks % count === 0)!;
    const recipe = join(scratch, `${name}.recipe.safetensors`);
    await python('expand_blocks.py', folder(), String(copies), recipe);
    const expanded = join(scratch, `${name}-expanded`);
    await expandModelFolder(folder(), expanded, planExpansion(blocks, copies, 'even'), { name, hash: '' });

    const [mine, wanted] = [await openModelFolder(expanded), await openSafetensors(recipe)];
    const names = [...wanted.tensors.keys()];
    for (const tensor of names) {
      expect(Buffer.compare(await mine.readBytes(tensor), await wanted.readBytes(tensor)), tensor).toBe(0);
    }
    expect(mine.config.blocks).toBe(blocks + copies);
    recordFigures('expansion', name, 'even', { blocks, copies, tensors: names.length });
    await mine.close();
    await wanted.close();
  }, 300_000);
});

describe('SmolLM2-135M with random weights of bfloat16', () => {
  const folder = (): string => join(scratch, 'smollm2-135m');
  beforeAll(async () => {
    const { config } = await shapeOf('smollm2-135m', join(root, 'resources'));
    await writeRandomModel(folder(), config, 'bfloat16');
  }, SET_UP_MS);

  it.each(['full', 'expand', 'lora'])(
    'has the same loss and gradients: %s',
    async (method) => {
      const windows = await windowsFor(folder(), { steps: 1, batch: 1, context: 64 });
      const task: Task = { kind: 'gradients', method: methodsFor(30)[method]!, windows, accumulation: 1 };
      const mine = await ours.answer(folder(), task, SETTINGS);
      const [wanted] = await answersOfPyTorch(ours, folder(), [task], SETTINGS);
      recordFigures('gradients', 'SmolLM2-135M, random weights', method, compareGradients(mine, wanted!));
    },
    300_000,
  );
});

/** Checks the limits and gives the figures. */
function compareGradients(mine: Answer, wanted: Answer): Record<string, number | string> {
  const logitDifference = largestDifference(mine.logits!, wanted.logits!);
  expect(logitDifference).toBeLessThan(LARGEST_LOGIT_DIFFERENCE);
  const lossDifference = largestDifference(mine.losses, wanted.losses);
  expect(lossDifference).toBeLessThan(LARGEST_LOGIT_DIFFERENCE);
  expect([...mine.gradients.keys()].sort()).toEqual([...wanted.gradients.keys()].sort());
  const errors = [...wanted.gradients].map(([name, gradient]) => ({ name, error: relativeError(mine.gradients.get(name)!, gradient) }));
  for (const { name, error } of errors) expect(error, name).toBeLessThanOrEqual(LARGEST_GRADIENT_ERROR);
  const worst = errors.reduce((most, each) => (each.error > most.error ? each : most));
  return {
    tensors: errors.length,
    logitDifference,
    lossDifference,
    gradientError: worst.error,
    worstTensor: worst.name,
  };
}
