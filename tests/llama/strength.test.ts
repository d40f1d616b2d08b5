import { beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { viewTokens } from '../../main/llama/explain.ts';
import { largestLogitDifference } from '../../main/llama/measure.ts';
import { disposeLlama, type Llama, loadLlama } from '../../main/llama/parameters.ts';
import { tokenLosses } from '../../main/llama/score.ts';
import { withAdapterStrength, withStrengths } from '../../main/llama/strength.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { engineNames } from '../support/engines.ts';
import { randomIds, randomWeights, readerOf, tinyConfig, variedConfig } from '../support/tiny-llama.ts';

const windows = [randomIds(tinyConfig, 20, 1), randomIds(tinyConfig, 9, 2)];
/** Of six blocks, two belong to one pack and one to another. */
const FIRST = [1, 4];
const SECOND = [2];

const expanded = (config: LlamaConfig): LlamaConfig => ({ ...config, blocks: 6 });

describe.each(engineNames)('strengths on %s', (engineName) => {
  let engine: Engine;
  beforeAll(async () => (engine = await loadEngine(engineName, engineDirectory())));

  /** Weights with the attention output and the down projection of some blocks multiplied; a block of 0 is taken out. */
  async function plain(config: LlamaConfig, strengths: readonly number[]): Promise<Llama> {
    const weights = new Map(
      [...randomWeights(expanded(config))].map(([name, values]) => {
        const block = Number(/layers\.(\d+)/.exec(name)?.[1] ?? -1);
        const factor = /o_proj|down_proj/.test(name) ? Math.fround(strengths[block] ?? 1) : 1;
        return [name, values.map((value) => value * factor)];
      }),
    );
    const model = await loadLlama(engine, { config: expanded(config), read: readerOf(weights) });
    return model;
  }

  it.each([
    ['a plain model', tinyConfig],
    ['one with biases', variedConfig],
  ])('of %s at 0 leave the blocks out, at 1 change nothing, and between multiply what they add, to the last bit', async (_, config) => {
    const inserted = [...FIRST, ...SECOND];
    const model = await loadLlama(engine, {
      config: expanded(config),
      read: readerOf(randomWeights(expanded(config))),
      insertedBefore: inserted,
    });
    const base = { ...model, blocks: model.blocks.filter((_, position) => !inserted.includes(position)) };
    const before = engine.liveTensors();
    const at = (first: number, second: number): number[] =>
      model.blocks.map((_, position) => (FIRST.includes(position) ? first : SECOND.includes(position) ? second : 1));

    const off = withStrengths(engine, model, at(0, 0));
    expect(await largestLogitDifference(engine, base, off.model, windows)).toBe(0);
    expect(off.model.config.blocks).toBe(3);
    const whole = withStrengths(engine, model, at(1, 1));
    expect(await largestLogitDifference(engine, model, whole.model, windows)).toBe(0);
    expect(engine.liveTensors() - before).toBeLessThan(20); // angles and masks of new lengths only

    const between = withStrengths(engine, model, at(0.3, 0.85));
    const scaled = await plain(config, at(0.3, 0.85));
    expect(await largestLogitDifference(engine, scaled, between.model, windows)).toBe(0);
    expect(await largestLogitDifference(engine, model, between.model, windows)).toBeGreaterThan(1e-3);
    const live = engine.liveTensors();
    between.dispose();
    const perBlock = config.attentionBias ? 4 : 2;
    expect(live - engine.liveTensors()).toBe(3 * perBlock);
    disposeLlama(scaled);
    disposeLlama(model);
  });

  it('that are none, too few, or of a block of the base are refused', async () => {
    const model = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig)), insertedBefore: [1] });
    for (const strengths of [
      [1, 1],
      [1, 1.1, 1],
      [1, -0.1, 1],
      [1, NaN, 1],
      [0.5, 1, 1],
      [1, 1, 0],
      [1, 1, 1, 1],
    ]) {
      expect(() => withStrengths(engine, model, strengths)).toThrow(expect.objectContaining({ code: 'BAD_INPUT' }) as Error);
    }
    disposeLlama(model);
  });

  it('of adapters multiply what they add', async () => {
    const lora = { rank: 2, alpha: 4, targets: ['query', 'down'] as const, seed: 1 };
    const read = readerOf(randomWeights(tinyConfig));
    const model = await loadLlama(engine, { config: tinyConfig, read, lora });
    for (const block of model.blocks) {
      for (const role of ['query', 'down'] as const) {
        const { b } = block[role].adapter!;
        const values = engine.tensor(
          Float32Array.from({ length: b.shape[0]! * b.shape[1]! }, (_, index) => Math.sin(index)),
          b.shape,
        );
        b.variable!.assign(values);
        engine.dispose(values);
      }
    }
    const base = await loadLlama(engine, { config: tinyConfig, read });
    expect(await largestLogitDifference(engine, base, withAdapterStrength(model, 0), windows)).toBe(0);
    expect(await largestLogitDifference(engine, model, withAdapterStrength(model, 1), windows)).toBe(0);
    const half = withAdapterStrength(model, 0.5);
    expect(half.blocks[0]!.query.adapter!.scale).toBe(1);
    expect(await largestLogitDifference(engine, base, half, windows)).toBeGreaterThan(1e-4);
    disposeLlama(base);
    disposeLlama(model);
  });

  it('views of a text are its losses with the sign turned, and the likeliest tokens in their order', async () => {
    const model = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig)) });
    const ids = windows[0]!;
    const views = await viewTokens(engine, model, ids, 3);
    const targets = Int32Array.from([...ids.slice(1), 0]);
    const losses = await tokenLosses(engine, model, { batch: 1, time: ids.length, inputs: ids, targets });
    expect(views).toHaveLength(ids.length - 1);
    for (const [index, { logProbability, top }] of views.entries()) {
      expect(logProbability).toBeCloseTo(-losses[index]!, 4);
      expect(top).toHaveLength(3);
      expect(top.map((each) => each.logProbability)).toEqual(top.map((each) => each.logProbability).toSorted((a, b) => b - a));
      expect(top[0]!.logProbability).toBeGreaterThanOrEqual(logProbability);
    }
    // Every token is among all of them, and their probabilities are one together.
    const [first] = await viewTokens(engine, model, ids, tinyConfig.vocabularySize);
    expect(first!.top.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: tinyConfig.vocabularySize }, (_, id) => id),
    );
    expect(first!.top.reduce((sum, each) => sum + Math.exp(each.logProbability), 0)).toBeCloseTo(1, 5);
    expect(first!.top.find(({ id }) => id === ids[1])!.logProbability).toBe(first!.logProbability);
    disposeLlama(model);
  });
});
