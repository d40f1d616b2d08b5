import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import type { Gradients } from '../../main/llama/gradients.ts';
import { disposeLlama, type Llama, loadLlama } from '../../main/llama/parameters.ts';
import { describeNonFinite, explainDivergence } from '../../main/training/divergence.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import type { StrataError } from '../../shared/errors.ts';
import { fastEngine } from '../support/engines.ts';
import { randomWeights, readerOf, tinyConfig } from '../support/tiny-llama.ts';

describe('values that are not finite', () => {
  it.each([
    ['none', [1, -2, 3.4e38, 0], [2, 2], null],
    ['no values at all', [], [0], null],
    ['one, in a matrix', [0, 0, 0, 0, -Infinity, 0], [2, 3], '-Infinity in 1 of 6 values, the first at [1, 1]'],
    ['several', [0, NaN, Infinity, NaN], [4], 'NaN in 3 of 4 values, the first at [1]'],
    ['the last, of three axes', [...Array<number>(23).fill(0), NaN], [2, 3, 4], 'NaN in 1 of 24 values, the first at [1, 2, 3]'],
    ['a scalar', [Infinity], [], 'Infinity in 1 of 1 values, the first at []'],
  ])('%s', (_, values, shape, wanted) => {
    expect(describeNonFinite(Float32Array.from(values), shape)).toBe(wanted);
  });
});

describe('a divergence', () => {
  let engine: Engine;
  let model: Llama | null = null;
  beforeAll(async () => {
    engine = await loadEngine(fastEngine, engineDirectory());
  });
  afterEach(() => {
    if (model) disposeLlama(model);
    model = null;
  });

  /** The tiny model with one block inserted, of which one weight of the base may be changed. */
  async function load(damaged?: string): Promise<Llama> {
    const weights = randomWeights(tinyConfig);
    if (damaged) weights.get(damaged)![2] = NaN;
    const options = { config: tinyConfig, read: readerOf(weights), plan: planExpansion(3, 1, 'top') };
    model = await loadLlama(engine, { ...options, isTrainable: (_, isInserted) => isInserted });
    return model;
  }

  const explain = (of: Llama, gradients: Gradients | null, clipNorm = 1): Promise<StrataError> =>
    explainDivergence(engine, of, { message: 'It diverged.', found: 'a loss of NaN', gradients }, { learningRate: 0.02, clipNorm });

  it('is blamed on a weight of the base before any gradient', async () => {
    const of = await load('model.layers.1.mlp.up_proj.weight');
    const gradients: Gradients = new Map([['a', engine.keep(engine.tensor(Float32Array.of(NaN), [1]))]]);
    const error = await explain(of, gradients);
    expect(error).toMatchObject({ code: 'DIVERGED', message: 'It diverged.' });
    expect(error.found).toBe(
      'a loss of NaN; the weight model.layers.1.mlp.up_proj.weight holds NaN in 1 of 240 values, the first at [0, 2]',
    );
    expect(error.hint).toMatch(/base itself/);
    engine.dispose(...gradients.values());
  });

  it('of a weight that is trained is blamed on an update, and the settings are named', async () => {
    const of = await load();
    const norm = of.blocks[3]!.mlpNorm;
    engine.scope(() => norm.variable!.assign(engine.tensor(new Float32Array(12).fill(Infinity), [12])));
    const error = await explain(of, null, 0);
    expect(error.found).toBe(`a loss of NaN; the weight ${norm.name} holds Infinity in 12 of 12 values, the first at [0]`);
    expect(error.hint).toMatch(/An update made the weight so.*learning rate is 0\.02, and its gradients are not clipped\.$/);
  });

  it('is blamed on the first gradient by name, blocks in the order of their numbers, and frees all that it made', async () => {
    const of = await load();
    const values = (value: number) => engine.keep(engine.tensor(Float32Array.of(0, value), [2]));
    const gradients: Gradients = new Map([
      ['layers.10.up', values(NaN)],
      ['layers.9.up', values(Infinity)],
      ['layers.2.up', values(1)],
    ]);
    const before = engine.liveTensors();
    const error = await explain(of, gradients);
    expect(engine.liveTensors()).toBe(before);
    expect(error.found).toBe(
      'a loss of NaN; the gradient of layers.9.up holds Infinity in 1 of 2 values, the first at [1]; every weight is finite',
    );
    expect(error.hint).toMatch(/learning rate is 0\.02\.$/);
    engine.dispose(...gradients.values());
  });

  it('without anything to blame says so', async () => {
    expect((await explain(await load(), null)).found).toMatch(/^a loss of NaN; every weight is finite, so values in between/);
  });
});
