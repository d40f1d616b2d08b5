import { describe, expect, it } from 'vitest';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import { estimateDifference, estimateRatio, quantile } from '../../shared/domain/statistics.ts';
import { student95 } from '../../shared/domain/student.ts';

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

describe('few documents', () => {
  it.each([2, 3, 5, 8, 20])('%i of them call two equal runs different in about one of twenty comparisons', (count) => {
    const rounds = 2000;
    let told = 0;
    for (let round = 0; round < rounds; round++) {
      const change = sampleOf(7000 + round, count).map((value) => value - 3); // of mean 0
      const a = { sums: new Array<number>(count).fill(0), weights: ones(count) };
      const { interval } = estimateDifference(a, { sums: change, weights: ones(count) }, { seed: round, resamples: 200 });
      if (interval![0] > 0 || interval![1] < 0) told++;
    }
    // Percentiles that are not widened do so in 53 % of 2 documents, in 23 % of 3.
    expect(told / rounds).toBeLessThan(0.075);
  });

  it('that are one long and many short ones are hardly more than one', () => {
    const weights = [1000, ...ones(30)];
    const sums = weights.map((weight, index) => weight * (index === 0 ? 0.5 : 0));
    const { interval } = estimateDifference({ sums: weights.map(() => 0), weights }, { sums, weights });
    expect(interval![0]).toBeLessThan(0);
  });

  it('have the standard error that new documents would show, as s / sqrt(n) does with n - 1 in s', () => {
    let squares = 0;
    const rounds = 400;
    for (let round = 0; round < rounds; round++) {
      squares += estimateRatio({ sums: sampleOf(9000 + round, 4), weights: ones(4) }, { seed: round, resamples: 300 }).error! ** 2;
    }
    expect(squares / rounds / (1 / 4)).toBeGreaterThan(0.85);
    expect(squares / rounds / (1 / 4)).toBeLessThan(1.15);
  });
});

it('Student’s t is that of published tables', () => {
  for (const [degrees, wanted] of [
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [4, 2.776],
    [5, 2.571],
    [10, 2.228],
    [30, 2.042],
    [120, 1.98],
  ] as const) {
    expect(Math.abs(student95(degrees) - wanted)).toBeLessThan(0.008);
  }
});

it('a quantile lies between neighbours', () => {
  expect(quantile([1, 2, 4], 0)).toBe(1);
  expect(quantile([1, 2, 4], 0.75)).toBe(3);
  expect(quantile([1, 2, 4], 1)).toBe(4);
});
