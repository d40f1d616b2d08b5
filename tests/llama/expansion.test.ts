import { describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { generate } from '../../main/llama/generate.ts';
import { largestLogitDifference, scoreWindows } from '../../main/llama/measure.ts';
import { lossAndGradients } from '../../main/llama/gradients.ts';
import { Optimizer } from '../../main/llama/optimizer.ts';
import { disposeLlama, loadLlama, parametersOf, withoutInserted } from '../../main/llama/parameters.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import { engineNames, fastEngine } from '../support/engines.ts';
import { randomIds, randomWeights, readerOf, tinyConfig, variedConfig } from '../support/tiny-llama.ts';

const settings = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 };
const windows = [randomIds(tinyConfig, 20, 1), randomIds(tinyConfig, 20, 2)];

describe.each(engineNames)('an expansion on %s', (engineName) => {
  it.each([
    ['a plain model', tinyConfig],
    ['one with biases, a sliding window and stretched positions', variedConfig],
  ])('of %s is the base to the last bit; training moves inserted tensors only; bypassed it is the base again', async (_, config) => {
    const engine = await loadEngine(engineName, engineDirectory());
    const weights = randomWeights(config);
    const base = await loadLlama(engine, { config, read: readerOf(weights) });
    const plan = planExpansion(config.blocks, undefined, [0, 2, 2]);
    const model = await loadLlama(engine, {
      config,
      read: readerOf(weights),
      plan,
      isTrainable: (_, isInserted) => isInserted,
    });
    expect(await largestLogitDifference(engine, base, model, windows)).toBe(0);

    const optimizer = new Optimizer(engine, parametersOf(model), settings);
    let before = 0;
    for (let step = 1; step <= 3; step++) {
      const batch = { batch: 2, time: 10, inputs: randomIds(tinyConfig, 20, step), targets: randomIds(tinyConfig, 20, step + 50) };
      const { loss, gradients } = lossAndGradients(engine, model, batch);
      await optimizer.update(gradients, 0.01, step);
      engine.dispose(loss, ...gradients.values());
      if (step === 1) before = engine.liveTensors(); // angles and mask of this shape are kept from now on
    }
    expect(engine.liveTensors()).toBe(before);

    for (const [name, values] of weights) {
      const role = /layers\.(\d+)\.(.*)/.exec(name);
      const position = role ? [0, 2, 3][Number(role[1])]! : null;
      const parameter = parametersOf(model).find((each) => each.name === (role ? `model.layers.${position}.${role[2]}` : name))!;
      expect(Buffer.from((await engine.read(parameter.value())).slice().buffer)).toEqual(Buffer.from(values.slice().buffer));
    }
    for (const parameter of parametersOf(model).filter(({ variable }) => variable)) {
      const copied = weights.get(parameter.name.replace(/layers\.\d+/, parameter.name.includes('layers.1.') ? 'layers.0' : 'layers.2'))!;
      const now = await engine.read(parameter.value());
      expect(
        now.some((value, index) => value !== copied[index]),
        parameter.name,
      ).toBe(true);
    }
    expect(await largestLogitDifference(engine, base, model, windows)).toBeGreaterThan(1e-4);
    expect(await largestLogitDifference(engine, base, withoutInserted(model), windows)).toBe(0);
    optimizer.dispose();
    disposeLlama(model);
    disposeLlama(base);
  });
});

describe('measuring', () => {
  it('gives the drift KL(base || model) of its definition, and no drift from oneself', async () => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const a = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, 1)) });
    const b = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, 2)) });
    const measured = windows.map((tokens) => ({ tokens }));
    const itself = await scoreWindows(engine, a, measured, a);
    expect(itself.flatMap(({ drifts, ranks }) => [...drifts!].concat([...ranks!].map((rank) => rank - 1)))).toEqual(new Array(76).fill(0));
    const scored = await scoreWindows(engine, b, measured, a);
    const drift = scored.flatMap(({ drifts }) => [...drifts!]).reduce((total, each) => total + each, 0);

    const { hiddenStates, logitsOf } = await import('../../main/llama/model.ts');
    let sum = 0;
    for (const [index, window] of windows.entries()) {
      const [p, q] = await Promise.all(
        [a, b].map(async (model) => {
          const logits = logitsOf(engine, model, hiddenStates(engine, model, { batch: 1, time: 20, inputs: window }));
          return Array.from(await engine.read(logits));
        }),
      );
      for (let row = 0; row < 19; row++) {
        const normalise = (logits: number[]): number[] => {
          const slice = logits.slice(row * 23, (row + 1) * 23).map(Math.exp);
          const total = slice.reduce((x, y) => x + y);
          return slice.map((value) => value / total);
        };
        const [base, tuned] = [normalise(p!), normalise(q!)];
        sum += base.reduce((kl, probability, id) => kl + probability * Math.log(probability / tuned[id]!), 0);
        const top = tuned.indexOf(Math.max(...tuned));
        expect(scored[index]!.ranks![row]).toBe(1 + base.filter((probability) => probability > base[top]!).length);
      }
    }
    expect(drift).toBeCloseTo(sum, 3);
  });
});

describe('generate', () => {
  it.each([
    ['a plain model', tinyConfig],
    ['one with biases, a sliding window and stretched positions', variedConfig],
  ])('with cached keys and values equals the most likely token of a full forward pass: %s', async (_, config) => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const model = await loadLlama(engine, { config, read: readerOf(randomWeights(config, 3)) });
    const { hiddenStates, logitsOf } = await import('../../main/llama/model.ts');
    const ids = [4, 9, 1];
    const produced = await generate(engine, model, ids, { maxTokens: 12, temperature: 0, seed: 0 });
    for (const next of produced) {
      const logits = logitsOf(engine, model, hiddenStates(engine, model, { batch: 1, time: ids.length, inputs: Int32Array.from(ids) }));
      const last = Array.from(await engine.read(logits)).slice(-tinyConfig.vocabularySize);
      expect(next).toBe(last.indexOf(Math.max(...last)));
      ids.push(next);
    }
    const options = { maxTokens: 20, temperature: 1 };
    const sampled = await generate(engine, model, [4], { ...options, seed: 5 });
    expect(await generate(engine, model, [4], { ...options, seed: 5 })).toEqual(sampled);
    expect(await generate(engine, model, [4], { ...options, seed: 6 })).not.toEqual(sampled);
    const toTheEnd = await generate(engine, model, [4], { maxTokens: 1000, temperature: 0, seed: 0 });
    expect(toTheEnd).toHaveLength(tinyConfig.contextLength);
  });
});
