import { describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { disposeLlama, loadLlama } from '../../main/llama/parameters.ts';
import { evaluationPoints, measureLoss } from '../../main/training/evaluation.ts';
import { fastEngine } from '../support/engines.ts';
import { randomIds, randomWeights, readerOf, tinyConfig } from '../support/tiny-llama.ts';

describe('measureLoss', () => {
  it('gives for windows of several lengths in batches what it gives for them one by one', async () => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const before = engine.liveTensors();
    const model = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, 1)) });
    const base = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, 2)) });
    // More than one batch of 4,096 rows, a shorter one in between, and the last short one of two texts.
    const lengths = [...new Array<number>(200).fill(32), 7, 32, 32, 2];
    const windows = lengths.map((length, index) => ({ tokens: randomIds(tinyConfig, length, index) }));
    const together = await measureLoss(engine, model, windows, base);
    const sums = { tokens: 0, loss: 0, drift: 0 };
    for (const window of windows) {
      const { tokens, loss, drift } = await measureLoss(engine, model, [window], base);
      expect(tokens).toBe(window.tokens.length - 1);
      sums.tokens += tokens;
      sums.loss += loss * tokens;
      sums.drift += drift * tokens;
    }
    expect(together.tokens).toBe(sums.tokens);
    expect(Math.abs(together.loss - sums.loss / sums.tokens)).toBeLessThan(1e-5);
    expect(Math.abs(together.drift - sums.drift / sums.tokens)).toBeLessThan(1e-5);
    disposeLlama(model);
    disposeLlama(base);
    expect(engine.liveTensors()).toBe(before);
  });

  it('counts only the tokens that are to be learned, each in its place', async () => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const model = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, 1)) });
    const base = await loadLlama(engine, { config: tinyConfig, read: readerOf(randomWeights(tinyConfig, 2)) });
    const [tokens, others] = [randomIds(tinyConfig, 12, 1), randomIds(tinyConfig, 12, 2)];
    // What is read after a token does not change its loss, so the window up to it tells its loss alone.
    const upTo = async (end: number): Promise<{ loss: number; drift: number }> => {
      if (end < 2) return { loss: 0, drift: 0 };
      const mean = await measureLoss(engine, model, [{ tokens: tokens.slice(0, end) }], base);
      return { loss: mean.loss * mean.tokens, drift: mean.drift * mean.tokens };
    };
    const learned = Uint8Array.of(1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1); // the first is never predicted
    const wanted = { loss: 0, drift: 0, tokens: 0 };
    for (const [index, isLearned] of learned.entries()) {
      if (index === 0 || isLearned === 0) continue;
      const [before, after] = [await upTo(index), await upTo(index + 1)];
      wanted.loss += after.loss - before.loss;
      wanted.drift += after.drift - before.drift;
      wanted.tokens++;
    }
    const masked = [
      { tokens, learned },
      { tokens: others, learned: new Uint8Array(12) },
    ];
    const { loss, drift, tokens: counted } = await measureLoss(engine, model, masked, base);
    expect(counted).toBe(wanted.tokens);
    expect(loss).toBeCloseTo(wanted.loss / wanted.tokens, 5);
    expect(drift).toBeCloseTo(wanted.drift / wanted.tokens, 5);
    disposeLlama(model);
    disposeLlama(base);
  });
});

describe('evaluationPoints', () => {
  it('has a point for what was measured, and none for what was not', () => {
    const onNew = { loss: 2, tokens: 10 };
    expect(evaluationPoints(4, { new: onNew, old: { loss: 3, tokens: 20 }, drift: 0.5 })).toEqual([
      { step: 4, series: 'loss.new', value: 2 },
      { step: 4, series: 'loss.old', value: 3 },
      { step: 4, series: 'drift', value: 0.5 },
    ]);
    expect(evaluationPoints(0, { new: onNew, old: null, drift: null })).toEqual([{ step: 0, series: 'loss.new', value: 2 }]);
  });
});
