import { expect, it } from 'vitest';
import { choiceFigures, type ChoiceResult } from '../../../shared/domain/evaluation/choice-result.ts';
import { compareResults, mcnemar } from '../../../shared/domain/evaluation/compare.ts';
import { textFigures } from '../../../shared/domain/evaluation/figures.ts';
import type { PartResult, TextResult } from '../../../shared/domain/evaluation/part.ts';
import { proportionOf } from '../../../shared/domain/evaluation/proportion.ts';

it.each([
  [0, 0, 1],
  [0, 1, 1],
  [0, 6, 0.03125],
  [2, 8, 0.109375], // 2 (1 + 10 + 45) / 1024
  [5, 5, 1],
])('of %i gained and %i lost the exact test says %f', (gained, lost, p) => {
  expect(mcnemar(gained, lost)).toBeCloseTo(p, 12);
  expect(mcnemar(lost, gained)).toBeCloseTo(p, 12);
});

it('also of thousands of items that changed', () => {
  expect(mcnemar(1000, 1000)).toBe(1);
  expect(mcnemar(1000, 1200)).toBeCloseTo(2.1e-5, 5);
});

it('a share has the standard error of a sample mean', () => {
  expect(proportionOf([true, false, true, true])).toEqual({ value: 0.75, standardError: Math.sqrt(0.1875 / 3) });
  expect(proportionOf([true])).toEqual({ value: 1, standardError: null });
});

function choices(rights: readonly boolean[]): PartResult {
  const items = rights.map((isRight, line): ChoiceResult => {
    const choice = isRight ? 0 : 1;
    return {
      line,
      gold: 0,
      choice,
      perByte: choice,
      perCharacter: choice,
      logLikelihoods: [-1, -2],
      tokens: [1, 1],
      greedy: [false, false],
    };
  });
  return { kind: 'choices', figures: choiceFigures(items), items };
}

function texts(losses: readonly number[]): PartResult {
  const items = losses.map((loss, line): TextResult => ({ line, tokens: 10, bytes: 20, loss }));
  return { kind: 'text', figures: textFigures(items), items };
}

it('models are compared item by item, and what cannot be told is said so', () => {
  const base = choices([...Array<boolean>(10).fill(false), ...Array<boolean>(10).fill(true)]);
  const better = compareResults(base, choices(Array<boolean>(20).fill(true)))!;
  expect(better).toMatchObject({ difference: 0.5, gained: 10, lost: 0, verdict: 'better' });
  expect(better.standardError).toBeCloseTo(Math.sqrt((0.5 - 0.25) / 19), 12);
  expect(compareResults(choices(Array<boolean>(20).fill(true)), base)).toMatchObject({ difference: -0.5, verdict: 'worse' });
  const other = [...Array<boolean>(5).fill(true), ...Array<boolean>(8).fill(false), ...Array<boolean>(7).fill(true)];
  expect(compareResults(base, choices(other))).toMatchObject({ gained: 5, lost: 3, verdict: 'cannot-tell' });
  expect(compareResults(base, choices([true]))).toBeNull();
  expect(compareResults(base, texts([1, 2]))).toBeNull();
});

it('texts by what they lose per byte', () => {
  const base = Array.from({ length: 30 }, (_, index) => 20 + (index % 7));
  const lower = compareResults(texts(base), texts(base.map((loss) => loss - 1)))!;
  expect(lower).toMatchObject({ verdict: 'better', p: null });
  expect(lower.difference).toBeCloseTo(-1 / 20 / Math.LN2, 12);
  expect(compareResults(texts(base), texts(base.map((loss, index) => loss + (index % 2 ? 1 : -1))))).toMatchObject({
    verdict: 'cannot-tell',
  });
});
