import { describe, expect, it } from 'vitest';
import {
  defaultReplay,
  distanceMeaning,
  FAR_EXCESS,
  NEAR_EXCESS,
  recommendReplay,
  type ReplayRecommendation,
} from '../../../shared/domain/distance.ts';

const recommended = (excess: number): ReplayRecommendation =>
  recommendReplay({
    ngrams: [
      { n: 3, divergence: 1, floor: { new: 0, old: 0 }, excess: 1 },
      { n: 1, divergence: 0.31, floor: { new: 0.1, old: 0.2 }, excess },
    ],
  });

it('where nobody chose a share, what was not or cannot be measured is told beside 5 %', () => {
  expect(defaultReplay(null)).toMatchObject({
    basis: 'unmeasured',
    replayShare: 0.05,
    reason: expect.stringMatching(/not measured yet/) as string,
  });
  const refused = defaultReplay({ refused: 'halves of 3 and 4 words' });
  expect(refused).toMatchObject({ basis: 'unmeasurable', replayShare: 0.05 });
  expect(refused.reason).toMatch(/cannot be measured \(halves of 3 and 4 words\)/);
  const far = { ngrams: [{ n: 1, divergence: 0.9, floor: { new: 0.1, old: 0.1 }, excess: 0.9 }] };
  expect(defaultReplay(far)).toEqual({ basis: 'measured', replayShare: 0.25, reason: recommendReplay(far).reason });
});

describe('the replay share to begin with', () => {
  it('is 5 % for near data, 25 % for far, by single words', () => {
    for (const excess of [0, NEAR_EXCESS]) expect(recommended(excess)).toMatchObject({ distance: 'near', replayShare: 0.05 });
    for (const excess of [FAR_EXCESS, 1]) expect(recommended(excess)).toMatchObject({ distance: 'far', replayShare: 0.25 });
  });

  it('rises in between, in whole percent', () => {
    const middle = recommended((NEAR_EXCESS + FAR_EXCESS) / 2);
    expect(middle).toMatchObject({ distance: 'middle', replayShare: 0.15 });
    const steps = Array.from({ length: 101 }, (_, index) => recommended(index / 100).replayShare);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    for (const share of steps) expect(Math.abs(100 * share - Math.round(100 * share))).toBeLessThan(1e-9);
  });

  it('comes with its reason in words', () => {
    expect(recommended(0).reason).toBe(
      'New and old data are near: their words differ by 0.31 (0 the same, 1 nothing in common), those of two halves of one side by 0.15. 5 % was enough for a weak shift (Ibrahim et al. 2024).',
    );
    expect(recommended(0.3).reason).toMatch(/middle distance.* 15 % lies between/);
    expect(recommended(0.9).reason).toMatch(/far apart.* 25 % was needed/);
  });

  it('needs the divergence of single words', () => {
    expect(() => recommendReplay({ ngrams: [] })).toThrow('single words');
  });
});

it('every measure says in one sentence what it predicts, and in one what it does not', () => {
  for (const measure of ['ngrams', 'vocabulary', 'lossGap', 'nearest'] as const) {
    const { predicts, doesNot } = distanceMeaning(measure);
    for (const sentence of [predicts, doesNot]) expect(sentence).toMatch(/^[A-Z][^.]*\.$/);
  }
});
