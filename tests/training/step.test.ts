import { afterAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { lossAndGradients } from '../../main/llama/gradients.ts';
import { type Batch, frozenPrefix } from '../../main/llama/model.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { lossAndGradientsOfStep } from '../../main/training/step.ts';
import { fastEngine } from '../support/engines.ts';
import { randomIds, randomWeights, readerOf, tinyConfig } from '../support/tiny-llama.ts';

const engine = await loadEngine(fastEngine, engineDirectory());
const model = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig)), isTrainable: () => true });
afterAll(() => disposeLlama(model));

const TIME = 8;
/** Rows [first, last) of three windows, whose targets count unequally. */
function rows(first: number, last: number): Batch {
  const [inputs, targets] = [1, 2].map((seed) => randomIds(tinyConfig, 3 * TIME, seed)) as [Int32Array, Int32Array];
  const weights = Float32Array.from({ length: 3 * TIME }, (_, index) => (index < TIME ? 1 : index % 3 === 0 ? 1 : 0));
  const part = <T extends Int32Array | Float32Array>(values: T): T => values.slice(first * TIME, last * TIME) as T;
  return { batch: last - first, time: TIME, inputs: part(inputs), targets: part(targets), weights: part(weights) };
}

async function read(result: ReturnType<typeof lossAndGradients>): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of [['loss', result.loss] as const, ...result.gradients]) {
    values.set(name, (await engine.read(tensor)) as Float32Array);
    engine.dispose(tensor);
  }
  return values;
}

describe('a step in micro-batches', () => {
  it('has the loss and the gradients of its whole batch, also where the pieces weigh differently, and frees what it made', async () => {
    const whole = await read(lossAndGradients(engine, model, rows(0, 3)));
    const inPieces = async (): ReturnType<typeof read> =>
      read(await lossAndGradientsOfStep(engine, model, [rows(0, 2), rows(2, 3)], false));
    const pieces = await inPieces(); // masks and positions of these shapes are kept for the next time
    const before = engine.liveTensors();
    await inPieces();
    expect(engine.liveTensors()).toBe(before);
    expect([...pieces.keys()]).toEqual([...whole.keys()]);
    for (const [name, values] of whole) {
      const largest = Math.max(...values.map(Math.abs));
      for (const [index, value] of values.entries())
        expect(Math.abs(pieces.get(name)![index]! - value), name).toBeLessThan(1e-5 * largest + 1e-9);
    }
  });

  it('frees what it is handed of the frozen blocks, and gives the same with it', async () => {
    const upper = await loadLlama(engine, {
      config: tinyConfig,
      read: readerOf(randomWeights(tinyConfig)),
      isTrainable: (name) => name.startsWith(`model.layers.${tinyConfig.blocks - 1}.`),
    });
    const pieces = [rows(0, 2), rows(2, 3)];
    const withPrefix = async (): ReturnType<typeof read> =>
      read(await lossAndGradientsOfStep(engine, upper, pieces, false, async (piece) => frozenPrefix(engine, upper, pieces[piece]!)));
    const without = await read(await lossAndGradientsOfStep(engine, upper, pieces, false));
    expect(await withPrefix()).toEqual(without);
    const before = engine.liveTensors();
    await withPrefix();
    expect(engine.liveTensors()).toBe(before);
    disposeLlama(upper);
  });

  it('in which nothing counts has a loss and gradients of 0', async () => {
    const silent = { ...rows(0, 1), weights: new Float32Array(TIME) };
    for (const [name, values] of await read(await lossAndGradientsOfStep(engine, model, [silent, silent], false))) {
      expect(
        values.every((value) => value === 0),
        name,
      ).toBe(true);
    }
  });
});
