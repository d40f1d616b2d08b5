import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  averageScore,
  avalancheForgetting,
  backwardTransfer,
  changeOf,
  forgetting,
  forwardTransfer,
  intransigence,
  mammothForgetting,
  type Score,
  type ScoreMatrix,
} from '../../../shared/domain/continual.ts';
import { randomStream } from '../../../shared/domain/random.ts';
import { estimateDifference, estimateRatio } from '../../../shared/domain/statistics.ts';

const matrixOf = (values: readonly (readonly (number | null)[])[], error: number | null = null): ScoreMatrix =>
  values.map((row) => row.map((value) => (value === null ? null : { value, error, documents: null })));

/** Three tasks; the first is known best after the second was learned. */
const VALUES = [
  [-4, -5, -6],
  [-2, -4.5, -6.5],
  [-1.5, -3, -5],
  [-2.5, -3.25, -4],
];

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/continual', `${name}.json`), 'utf8'));

describe('figures of a line of tasks', () => {
  const matrix = matrixOf(VALUES);

  it('are what their formulas give by hand', () => {
    expect(averageScore(matrix)!.value).toBeCloseTo((-2.5 - 3.25 - 4) / 3, 12);
    expect(backwardTransfer(matrix)!.value).toBeCloseTo((-0.5 - 0.25) / 2, 12);
    // Task 2 after task 1, and task 3 after task 2, against before any.
    expect(forwardTransfer(matrix)!.value).toBeCloseTo((0.5 + 1) / 2, 12);
    // The best of task 1 is after task 2.
    expect(forgetting(matrix)!.value).toBeCloseTo((1 + 0.25) / 2, 12);
    expect(intransigence(matrix, 3, { value: -3.5, error: null, documents: null })!.value).toBeCloseTo(0.5, 12);
    expect(changeOf(matrix[2]![2]!, matrix[3]![2]!)!.value).toBe(1);
  });

  it('differ from those of other programs where these define them otherwise', () => {
    expect(avalancheForgetting(matrix)!.value).toBeCloseTo((0.5 + 0.25) / 2, 12);
    expect(mammothForgetting(matrix)!.value).toBeCloseTo((1 + 0.25) / 2, 12);
    // A task that is known best at the end: only then does it matter whether the last row is among those of the maximum.
    const better = matrixOf([
      [-4, -5],
      [-2, -4],
      [-1, -3],
    ]);
    expect(forgetting(better)!.value).toBe(-1);
    expect(mammothForgetting(better)!.value).toBe(0);
    expect(avalancheForgetting(better)!.value).toBe(-1);
  });

  it('are those of avalanche-lib on the same matrices', () => {
    const { figures } = fixture('avalanche') as { figures: Record<'forgetting' | 'backwardTransfer' | 'forwardTransfer', number>[] };
    const matrices = fixture('matrices') as number[][][];
    expect(figures).toHaveLength(matrices.length);
    for (const [index, values] of matrices.entries()) {
      const scores = matrixOf(values);
      expect(avalancheForgetting(scores)!.value).toBeCloseTo(figures[index]!.forgetting, 12);
      expect(backwardTransfer(scores)!.value).toBeCloseTo(figures[index]!.backwardTransfer, 12);
      expect(forwardTransfer(scores)!.value).toBeCloseTo(figures[index]!.forwardTransfer, 12);
    }
  });

  it('are null where a score that they need was not measured, and only there', () => {
    const without = (row: number, column: number): ScoreMatrix =>
      matrixOf(VALUES.map((each, t) => each.map((value, i) => (t === row && i === column ? null : value))));
    const known = (scores: ScoreMatrix): string[] =>
      Object.entries({ averageScore, backwardTransfer, forwardTransfer, forgetting, mammothForgetting }).flatMap(([name, figure]) =>
        figure(scores) ? [name] : [],
      );
    expect(known(without(3, 2))).toEqual(['backwardTransfer', 'forwardTransfer', 'forgetting', 'mammothForgetting']);
    expect(known(without(1, 0))).toEqual(['averageScore', 'forwardTransfer']);
    expect(known(without(2, 0))).toEqual(['averageScore', 'backwardTransfer', 'forwardTransfer']);
    expect(known(without(0, 1))).toEqual(['averageScore', 'backwardTransfer', 'forgetting', 'mammothForgetting']);
    expect(known(without(0, 0))).toHaveLength(5);
    expect(intransigence(matrix, 1, null)).toBeNull();
    expect(intransigence(without(1, 0), 1, matrix[3]![0]!)).toBeNull();
  });

  it('of one task are its score alone', () => {
    const one = matrixOf([[-4], [-2]]);
    expect(averageScore(one)!.value).toBe(-2);
    for (const figure of [backwardTransfer, forwardTransfer, forgetting, mammothForgetting, avalancheForgetting])
      expect(figure(one)).toBeNull();
  });
});

describe('their standard errors', () => {
  it('add up in squares where documents are not known', () => {
    const matrix = matrixOf(VALUES, 0.1);
    expect(averageScore(matrix)!.error).toBeCloseTo(Math.sqrt(3 * (0.1 / 3) ** 2), 12);
    expect(backwardTransfer(matrix)!.error).toBeCloseTo(Math.sqrt(4 * (0.1 / 2) ** 2), 12);
  });

  it('are null where one is not known', () => {
    const matrix = matrixOf(VALUES, 0.1).map((row, t) => row.map((score, i) => (t === 3 && i === 1 ? { ...score!, error: null } : score)));
    expect(averageScore(matrix)).toEqual({ value: expect.closeTo(-3.25, 12) as number, error: null });
  });

  it('are those of pairs where documents are known: what is hard for all models cancels', () => {
    const random = randomStream(5);
    const weights = Float64Array.from({ length: 40 }, () => 50 + Math.floor(100 * random()));
    const hardness = Float64Array.from(weights, () => 2 + 2 * random());
    const scoreOf = (shift: number): Score => {
      const sums = Float64Array.from(weights, (weight, index) => -weight * (hardness[index]! + shift + 0.01 * random()));
      return { ...estimateRatio({ sums, weights }), documents: { sums, weights } };
    };
    const [first, last, other] = [scoreOf(0), scoreOf(0.2), scoreOf(0.1)];
    const transfer = backwardTransfer([
      [null, null],
      [first, null],
      [last, other],
    ])!;
    const paired = estimateDifference(first.documents!, last.documents!);
    expect(transfer.value).toBeCloseTo(paired.value, 12);
    expect(transfer.error).toBeCloseTo(paired.error!, 12);
    expect(transfer.error).toBeLessThan(Math.hypot(first.error!, last.error!) / 10);
    // Mammoth's maximum may be the last row itself: nothing is taken from nothing.
    expect(
      mammothForgetting([
        [null, null],
        [last, null],
        [first, other],
      ]),
    ).toEqual({ value: 0, error: 0 });
  });
});
