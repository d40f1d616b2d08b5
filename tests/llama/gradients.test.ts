import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { lossAndGradients } from '../../main/llama/gradients.ts';
import type { Batch } from '../../main/llama/model.ts';
import { tokenLosses } from '../../main/llama/score.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { engineNames } from '../support/engines.ts';
import { referenceLoss } from '../support/reference-llama.ts';
import { randomIds, randomWeights, readerOf, shapesOf, tinyConfig, variedConfig } from '../support/tiny-llama.ts';

const [batch, time] = [2, 9];

function tinyBatch(): Batch {
  return { batch, time, inputs: randomIds(tinyConfig, batch * time, 5), targets: randomIds(tinyConfig, batch * time, 6) };
}

/** Reference gradients by TensorFlow.js's own tape, by tensor name. */
function referenceGradients(
  config: typeof tinyConfig,
  weights: Map<string, Float32Array>,
): { loss: number; gradients: Map<string, Float32Array> } {
  const { inputs, targets } = tinyBatch();
  const rows = (ids: Int32Array): number[][] => Array.from({ length: batch }, (_, row) => [...ids.slice(row * time, (row + 1) * time)]);
  const names = [...shapesOf(config).keys()];
  const tensors = names.map((name) => tf.tensor(weights.get(name)!, shapesOf(config).get(name)));
  const f = (...values: tf.Tensor[]): tf.Scalar =>
    referenceLoss(config, Object.fromEntries(names.map((name, index) => [name, values[index]!])), rows(inputs), rows(targets));
  const { value, grads } = tf.valueAndGrads(f)(tensors);
  return {
    loss: value.dataSync()[0]!,
    gradients: new Map(names.map((name, index) => [name, grads[index]!.dataSync() as Float32Array])),
  };
}

/** Largest difference relative to the largest entry of the expected tensor. */
function relativeError(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [difference, size] = [0, 1e-12];
  for (let index = 0; index < wanted.length; index++) {
    difference = Math.max(difference, Math.abs(got[index]! - wanted[index]!));
    size = Math.max(size, Math.abs(wanted[index]!));
  }
  return difference / size;
}

describe.each(engineNames)('gradients on %s', (engineName) => {
  it.each([
    ['a plain model', tinyConfig],
    ['a tied head', { ...tinyConfig, tiedEmbeddings: true }],
    ['biases, a sliding window and stretched positions', variedConfig],
  ])('equal automatic differentiation for every tensor: %s', async (_, config) => {
    const engine = await loadEngine(engineName, engineDirectory());
    await tf.setBackend(engineName === 'wasm' ? 'wasm' : 'cpu');
    const weights = randomWeights(config);
    const model = await loadLlama(engine, { config, read: readerOf(weights), isTrainable: () => true });
    const { loss, gradients } = lossAndGradients(engine, model, tinyBatch());
    await tf.setBackend('cpu'); // the wasm backend lacks a kernel that automatic differentiation needs
    const reference = referenceGradients(config, weights);
    await tf.setBackend(engineName === 'wasm' ? 'wasm' : 'cpu');
    expect((await engine.read(loss))[0]).toBeCloseTo(reference.loss, 5);
    expect([...gradients.keys()].sort()).toEqual([...reference.gradients.keys()].sort());
    for (const [name, gradient] of gradients) {
      expect(relativeError(await engine.read(gradient), reference.gradients.get(name)!), name).toBeLessThan(2e-5);
    }
    engine.dispose(loss, ...gradients.values());
    disposeLlama(model);
  });
});

describe('gradients of an expansion', () => {
  it('are those of finite differences, exist for inserted blocks only, and leave no tensor behind', async () => {
    const engine = await loadEngine('cpu', engineDirectory());
    const before = engine.liveTensors();
    const weights = randomWeights(tinyConfig);
    const plan = planExpansion(tinyConfig.blocks, 1, [1]);
    const model = await loadLlama(engine, {
      config: tinyConfig,
      read: readerOf(weights),
      plan,
      isTrainable: (_, isInserted) => isInserted,
    });
    const inserted = model.blocks[2]!;
    // Away from the identity, so that every tensor of the block has a gradient.
    const alive = Float32Array.from({ length: 12 * 16 }, (_, index) => Math.sin(index) / 4);
    inserted.attentionOutput.variable!.assign(engine.tensor(alive, [12, 16]));
    inserted.down.variable!.assign(
      engine.tensor(
        Float32Array.from({ length: 12 * 20 }, (_, index) => Math.cos(index) / 4),
        [12, 20],
      ),
    );
    const { loss, gradients } = lossAndGradients(engine, model, tinyBatch());
    expect(gradients.size).toBe(9);
    expect([...gradients.keys()].every((name) => name.startsWith('model.layers.2.'))).toBe(true);

    const meanLoss = async (): Promise<number> => {
      const losses = await tokenLosses(engine, model, tinyBatch());
      return losses.reduce((sum, each) => sum + each, 0) / losses.length;
    };
    for (const parameter of [
      inserted.query,
      inserted.key,
      inserted.value,
      inserted.attentionOutput,
      inserted.gate,
      inserted.up,
      inserted.down,
      inserted.attentionNorm,
      inserted.mlpNorm,
    ]) {
      const gradient = Array.from(await engine.read(gradients.get(parameter.name)!));
      // Along the gradient itself: the slope there is its squared length.
      const values = (await engine.read(parameter.value())).slice() as Float32Array;
      const squared = gradient.reduce((sum, each) => sum + each * each, 0);
      const step = 1e-2 / Math.sqrt(squared);
      const shifted = (sign: number): Float32Array => values.map((value, index) => value + sign * step * gradient[index]!);
      parameter.variable!.assign(engine.tensor(shifted(1), parameter.shape));
      const above = await meanLoss();
      parameter.variable!.assign(engine.tensor(shifted(-1), parameter.shape));
      const below = await meanLoss();
      parameter.variable!.assign(engine.tensor(values, parameter.shape));
      expect((above - below) / (2 * step) / squared, parameter.name).toBeCloseTo(1, 2);
    }
    engine.dispose(loss, ...gradients.values());
    disposeLlama(model);
    expect(engine.liveTensors() - before).toBeLessThan(60); // the test's own: assigned values outside any scope
  });
});
