import { afterAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { lowestTrainedBlock } from '../../main/llama/model.ts';
import { disposeLlama, loadLlama, parametersOf } from '../../main/llama/parameters.ts';
import {
  countParameters,
  LORA_TARGETS,
  type Method,
  placementOf,
  planOf,
  roleOfTarget,
  trainabilityOf,
  trainedTensors,
} from '../../shared/domain/method.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { randomWeights, readerOf, tinyConfig } from '../support/tiny-llama.ts';

const engine = await loadEngine('cpu', engineDirectory());
const before = engine.liveTensors();
afterAll(() => expect(engine.liveTensors()).toBe(before));

const METHODS: [string, Method, { lowest: number }][] = [
  ['expand evenly', { name: 'expand', plan: planExpansion(3, 2, 'even') }, { lowest: 2 }],
  ['expand at one place twice', { name: 'expand', plan: planExpansion(3, undefined, [0, 2, 2]) }, { lowest: 1 }],
  ['adapters everywhere', { name: 'lora', rank: 2, alpha: 4, targets: [...LORA_TARGETS] }, { lowest: 0 }],
  ['adapters on two matrices', { name: 'lora', rank: 3, alpha: 1, targets: ['k_proj', 'down_proj'] }, { lowest: 0 }],
  ['every weight', { name: 'full' }, { lowest: 0 }],
  ['the upper blocks', { name: 'freeze', blocks: [1, 2] }, { lowest: 1 }],
  ['two blocks apart', { name: 'freeze', blocks: [0, 2] }, { lowest: 0 }],
];

/** What is said of a method before anything is loaded must be what a loaded model then has. */
describe.each([{ isTied: false }, { isTied: true }])('before the start (tied: $isTied)', ({ isTied }) => {
  const config = { ...tinyConfig, tiedEmbeddings: isTied };
  const weights = randomWeights(config);

  it.each(METHODS)('%s: trained tensors, counts and the way of the backward pass', async (_what, method, { lowest }) => {
    const model = await loadLlama(engine, {
      config,
      read: readerOf(weights),
      plan: planOf(method),
      isTrainable: trainabilityOf(method),
      lora: method.name === 'lora' ? { ...method, targets: method.targets.map(roleOfTarget), seed: 1 } : null,
    });
    const parameters = parametersOf(model);
    const trained = parameters.filter(({ variable }) => variable !== null);
    const byName = (tensors: readonly { name: string; shape: readonly number[] }[]): unknown[] =>
      tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).sort();
    expect(byName(trainedTensors(method, config))).toEqual(byName(trained));

    const count = (list: typeof parameters): number =>
      list.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0);
    const base = [...weights.values()].reduce((sum, { length }) => sum + length, 0);
    expect(countParameters(method, config)).toEqual({
      trainable: count(trained),
      added: count(parameters) - base,
      total: count(parameters),
    });

    expect(lowestTrainedBlock(model)).toBe(lowest);
    const { blocks, backwardBlocks, cacheableBlocks } = placementOf(method, config);
    expect([blocks, backwardBlocks, cacheableBlocks]).toEqual([model.blocks.length, model.blocks.length - lowest, lowest]);
    disposeLlama(model);
  });
});
