import { describe, expect, it } from 'vitest';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import { estimateDifference, estimateRatio, quantile } from '../../shared/domain/statistics.ts';

const sampleOf = (seed: number, count: number): number[] => {
  const normal = normalStream(randomStream(seed));
  return Array.from({ length: count }, () => 3 + normal());
};
const ones = (count: number): number[] => new Array<number>(count).fill(1);
const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('a ratio over documents', () => {
  it('of equal weights is the mean, with the standard error s / sqrt(n)', () => {
    const sums = sampleOf(1, 400);
    const mean = meanOf(sums);
    const variance = meanOf(sums.map((value) => (value - mean) ** 2)); // of what is drawn again: divided by n
    const { value, error } = estimateRatio({ sums, weights: ones(400) }, { resamples: 4000 });
    expect(value).toBeCloseTo(mean, 12);
    expect(error! / Math.sqrt(variance / 400)).toBeGreaterThan(0.95);
    expect(error! / Math.sqrt(variance / 400)).toBeLessThan(1.05);
  });

  it('of unequal weights is the sum of sums over the sum of weights, with the error of the linearised ratio', () => {
    const weights = Array.from({ length: 300 }, (_, index) => 5 + ((index * 37) % 100));
    const noise = sampleOf(2, 300);
    const sums = weights.map((weight, index) => weight * noise[index]!);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const ratio = sums.reduce((sum, value) => sum + value, 0) / total;
    const residual = Math.sqrt(sums.reduce((sum, value, index) => sum + (value - ratio * weights[index]!) ** 2, 0)) / total;
    const { value, error } = estimateRatio({ sums, weights }, { resamples: 4000 });
    expect(value).toBeCloseTo(ratio, 12);
    expect(error! / residual).toBeGreaterThan(0.93);
    expect(error! / residual).toBeLessThan(1.07);
  });

  it('of one document has no error, and the same seed gives the same error', () => {
    expect(estimateRatio({ sums: [6], weights: [3] })).toEqual({ value: 2, error: null });
    const sums = { sums: sampleOf(3, 20), weights: ones(20) };
    expect(estimateRatio(sums)).toEqual(estimateRatio(sums));
    expect(estimateRatio(sums, { seed: 1 }).error).not.toBe(estimateRatio(sums).error);
  });

  it('leaves redraws out that have no weight', () => {
    const { value, error } = estimateRatio({ sums: [2, 0], weights: [1, 0] });
    expect(value).toBe(2);
    expect(error).toBe(0);
  });
});

describe('a difference of the same documents', () => {
  it('is surer than that of two samples, because what makes a document hard cancels', () => {
    const before = sampleOf(4, 200);
    const change = sampleOf(5, 200).map((value) => 0.1 * value);
    const a = { sums: before, weights: ones(200) };
    const b = { sums: before.map((value, index) => value + change[index]!), weights: ones(200) };
    const { value, error, interval } = estimateDifference(a, b);
    expect(value).toBeCloseTo(meanOf(change), 12);
    const spread = Math.sqrt(meanOf(change.map((each) => (each - meanOf(change)) ** 2)) / 200);
    expect(error! / spread).toBeGreaterThan(0.9);
    expect(error! / spread).toBeLessThan(1.1);
    const unpaired = Math.hypot(estimateRatio(a).error!, estimateRatio(b).error!);
    expect(error!).toBeLessThan(0.2 * unpaired);
    expect(interval![0]).toBeLessThan(value);
    expect(interval![1]).toBeGreaterThan(value);
  });

  it('has an interval that holds the true difference about as often as it says', () => {
    let held = 0;
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      const change = sampleOf(100 + round, 60); // of mean 3
      const a = { sums: new Array<number>(60).fill(0), weights: ones(60) };
      const { interval } = estimateDifference(a, { sums: change, weights: ones(60) }, { seed: round, resamples: 400 });
      if (interval![0] <= 3 && 3 <= interval![1]) held++;
    }
    // 95 % of 300 are 285, give or take 3.8; a percentile interval of 60 documents is a little narrow.
    expect(held / rounds).toBeGreaterThan(0.89);
    expect(held / rounds).toBeLessThan(0.99);
  });
});

it('a quantile lies between neighbours', () => {
  expect(quantile([1, 2, 4], 0)).toBe(1);
  expect(quantile([1, 2, 4], 0.75)).toBe(3);
  expect(quantile([1, 2, 4], 1)).toBe(4);
});
