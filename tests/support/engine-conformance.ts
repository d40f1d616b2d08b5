import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { type EngineName, loadEngine } from '../../main/engine/load-engine.ts';
import { lossAndGradients } from '../../main/llama/gradients.ts';
import { disposeLlama, loadLlama, parametersOf } from '../../main/llama/parameters.ts';
import { CONFORMANCE_CASES, errorOf } from './conformance.ts';
import { plainLoss } from './plain-llama.ts';
import { randomIds, randomWeights, readerOf, shapesOf, tinyConfig } from './tiny-llama.ts';

/** Rounding of float32 in sums of a hundred products, and of fast exponentials; a wrong kernel is off by far more. */
const TOLERANCE = 2e-5;

const BATCH = { batch: 2, time: 9, inputs: randomIds(tinyConfig, 18, 5), targets: randomIds(tinyConfig, 18, 6) };
/** Entries of each weight whose gradient is compared: enough to meet a transposed or cut one. */
const ENTRIES = 5;

/** The suite: the same operations, gradients and training step on whichever engine. One that this machine does not offer says why. */
export function describeConformance(name: EngineName, missing: string | null): void {
  describe.skipIf(missing !== null)(`conformance of ${name}${missing === null ? '' : ` (not here: ${missing})`}`, () => {
    let engine: Engine;
    let before = 0;
    beforeAll(async () => {
      engine = await loadEngine(name, engineDirectory());
      before = engine.liveTensors();
    });
    afterAll(() => expect(engine.liveTensors()).toBe(before));

    it.each(CONFORMANCE_CASES)('$name', async (each) => {
      expect(await errorOf(engine, each)).toBeLessThan(TOLERANCE);
    });

    it('loss and gradients of a LLaMA are those of plain loops and finite differences, and a step of AdamW follows them', async () => {
      const weights = randomWeights(tinyConfig);
      const exact = new Map([...weights].map(([key, values]) => [key, Float64Array.from(values)]));
      const model = await loadLlama(engine, { config: tinyConfig, read: readerOf(weights), isTrainable: () => true });
      const { loss, gradients } = lossAndGradients(engine, model, BATCH);
      expect((await engine.read(loss))[0]).toBeCloseTo(plainLoss(tinyConfig, exact, BATCH), 5);
      expect([...gradients.keys()].sort()).toEqual([...shapesOf(tinyConfig).keys()].sort());

      const settings = { learningRate: 0.02, beta1: 0.9, beta2: 0.95, epsilon: 1e-2, step: 1 };
      for (const parameter of parametersOf(model)) {
        const { variable, shape, name: tensor } = parameter;
        const gradient = gradients.get(tensor)!;
        const found = (await engine.read(gradient)).slice();
        engine.scope(() => {
          const zeros = engine.scale(gradient, 0);
          const moments = [engine.variable(zeros), engine.variable(zeros)] as const;
          const [firstMoment, secondMoment] = moments;
          engine.adamW([{ variable: variable!, firstMoment, secondMoment, gradient, weightDecay: 0.1 }], settings);
          for (const each of moments) each.dispose();
        });
        const updated = engine.scope(() => engine.scale(variable!.read(), 1));
        const after = await engine.read(updated);
        engine.dispose(updated);
        const values = exact.get(tensor)!;
        expect(found, tensor).toHaveLength(shape.reduce((product, length) => product * length, 1));
        for (let entry = 0; entry < ENTRIES; entry++) {
          const place = Math.floor(((entry + 0.5) * values.length) / ENTRIES);
          const wanted = slope(exact, tensor, place);
          expect(Math.abs(found[place]! - wanted), `gradient of ${tensor} at ${place}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted)));
          // In the first step the corrected moments are the gradient and its square.
          const step = (settings.learningRate * wanted) / (Math.abs(wanted) + settings.epsilon);
          const stepped = values[place]! * (1 - settings.learningRate * 0.1) - step;
          expect(Math.abs(after[place]! - stepped), `${tensor} at ${place} after the step`).toBeLessThan(5e-5);
        }
      }
      engine.dispose(loss, ...gradients.values());
      disposeLlama(model);
    });
  });
}

/** Central difference of the exact loss, in 64-bit floats. */
function slope(weights: ReadonlyMap<string, Float64Array>, tensor: string, place: number): number {
  const values = weights.get(tensor)!;
  const [value, step] = [values[place]!, 1e-5];
  const lossAt = (moved: number): number => {
    values[place] = moved;
    return plainLoss(tinyConfig, weights, BATCH);
  };
  const difference = lossAt(value + step) - lossAt(value - step);
  values[place] = value;
  return difference / (2 * step);
}
