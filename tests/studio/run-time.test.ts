import { describe, expect, it } from 'vitest';
import { estimateTime, type PastRun, type PlannedRun } from '../../main/studio/run-time.ts';
import { configurationRecord } from '../support/run-records.ts';
import { byteModelConfig } from '../support/workspace.ts';

const configuration = configurationRecord({ engine: 'wasm' });
const past = (changes: Partial<PastRun>): PastRun => ({
  name: 'earlier',
  engine: 'wasm',
  tokensPerSecond: 1000,
  configuration,
  modelConfig: byteModelConfig,
  repeatedShare: 0,
  ...changes,
});

const run = (changes: Partial<PlannedRun> = {}): PlannedRun => ({
  configuration,
  modelConfig: byteModelConfig,
  repeatedShare: 0,
  heldOut: { new: 512, kept: [512] },
  ...changes,
});

describe('the time of a run', () => {
  it('of the same kind as an earlier one is its tokens at the speed of that one, and the measurements', () => {
    const time = estimateTime(run(), [past({})])!;
    expect(time.tokensPerSecond).toBeCloseTo(1000, 9);
    expect(time.basis).toBe('the speed of the run "earlier" on wasm');
    const training = (40 * 4 * 32) / 1000;
    expect(time.seconds).toBeGreaterThan(training);
    // 6 measurements of 512 new and 512 old tokens, the old ones twice: no more than three tokens each of the 5,120 that are trained.
    expect(time.seconds).toBeLessThan(training * (1 + (6 * 512 * 3) / 5120));
  });

  it('counts the held-out tokens that there are', () => {
    const seconds = (old: number): number => estimateTime(run({ heldOut: { new: 512, kept: [old] } }), [past({})])!.seconds;
    expect(seconds(512) - seconds(256)).toBeCloseTo(seconds(256) - seconds(0), 9);
    expect(seconds(256)).toBeGreaterThan(seconds(0));
  });

  it('grows with the work: another method, more blocks', () => {
    const wider = estimateTime(run({ modelConfig: { ...byteModelConfig, intermediateSize: 320 } }), [past({})])!;
    expect(wider.tokensPerSecond).toBeLessThan(500);
    const full = estimateTime(run({ configuration: { ...configuration, method: { name: 'full' } } }), [past({})])!;
    expect(full.tokensPerSecond).toBeLessThan(1000);
  });

  it('is shorter where windows come again, and longer after a run whose windows did: what frozen blocks make of them is kept', () => {
    const upper = { ...configuration, method: { name: 'freeze' as const, blocks: [1] } }; // of two blocks
    const figures = (share: number, pastShare: number): number =>
      estimateTime(run({ configuration: upper, repeatedShare: share }), [past({ configuration: upper, repeatedShare: pastShare })])!
        .tokensPerSecond;
    expect(figures(0, 0)).toBeCloseTo(1000, 9);
    expect(figures(0.75, 0.75)).toBeCloseTo(1000, 9);
    expect(figures(0.75, 0)).toBeGreaterThan(1050); // the head is a large part of so small a model
    expect(figures(0, 0.75)).toBeCloseTo(1e6 / figures(0.75, 0), 6);
  });

  it('is taken from the latest run on the engine that is asked for; on "auto" from the latest', () => {
    const runs = [past({ name: 'newest', engine: 'cpu', tokensPerSecond: 1 }), past({}), past({ name: 'old', tokensPerSecond: 5 })];
    expect(estimateTime(run(), runs)!.basis).toContain('"earlier" on wasm');
    expect(estimateTime(run({ configuration: { ...configuration, engine: 'auto' } }), runs)!.basis).toContain('"newest" on cpu');
  });

  it('is not known of an engine that has never run here; of TensorFlow there is a figure of another machine', () => {
    expect(estimateTime(run(), [past({ engine: 'cpu' })])).toBeNull();
    const assumed = estimateTime(run({ configuration: { ...configuration, engine: 'tensorflow-cpu' } }), [])!;
    expect(assumed.basis).toContain('another machine');
    expect(assumed.seconds).toBeGreaterThan(0);
  });
});
