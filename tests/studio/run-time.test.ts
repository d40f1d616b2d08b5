import { describe, expect, it } from 'vitest';
import { estimateTime, type PastRun } from '../../main/studio/run-time.ts';
import { configurationRecord } from '../support/run-records.ts';
import { byteModelConfig } from '../support/workspace.ts';

const configuration = configurationRecord({ engine: 'wasm' });
const past = (changes: Partial<PastRun>): PastRun => ({
  name: 'earlier',
  engine: 'wasm',
  tokensPerSecond: 1000,
  configuration,
  modelConfig: byteModelConfig,
  ...changes,
});

describe('the time of a run', () => {
  it('of the same kind as an earlier one is its tokens at the speed of that one, and the measurements', () => {
    const time = estimateTime(configuration, byteModelConfig, [past({})])!;
    expect(time.tokensPerSecond).toBeCloseTo(1000, 9);
    expect(time.basis).toBe('the speed of the run "earlier" on wasm');
    const training = (40 * 4 * 32) / 1000;
    expect(time.seconds).toBeGreaterThan(training);
    // 6 measurements of 512 new and 512 old tokens, the old ones twice: no more than three tokens each of the 5,120 that are trained.
    expect(time.seconds).toBeLessThan(training * (1 + (6 * 512 * 3) / 5120));
  });

  it('grows with the work: another method, more blocks', () => {
    const wider = estimateTime(configuration, { ...byteModelConfig, intermediateSize: 320 }, [past({})])!;
    expect(wider.tokensPerSecond).toBeLessThan(500);
    const full = estimateTime({ ...configuration, method: { name: 'full' } }, byteModelConfig, [past({})])!;
    expect(full.tokensPerSecond).toBeLessThan(1000);
  });

  it('is taken from the latest run on the engine that is asked for; on "auto" from the latest', () => {
    const runs = [past({ name: 'newest', engine: 'cpu', tokensPerSecond: 1 }), past({}), past({ name: 'old', tokensPerSecond: 5 })];
    expect(estimateTime(configuration, byteModelConfig, runs)!.basis).toContain('"earlier" on wasm');
    expect(estimateTime({ ...configuration, engine: 'auto' }, byteModelConfig, runs)!.basis).toContain('"newest" on cpu');
  });

  it('is not known of an engine that has never run here; of TensorFlow there is a figure of another machine', () => {
    expect(estimateTime(configuration, byteModelConfig, [past({ engine: 'cpu' })])).toBeNull();
    const assumed = estimateTime({ ...configuration, engine: 'tensorflow-cpu' }, byteModelConfig, [])!;
    expect(assumed.basis).toContain('another machine');
    expect(assumed.seconds).toBeGreaterThan(0);
  });
});
