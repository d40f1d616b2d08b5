import { z } from 'zod';
import { estimateDifference } from '../statistics.ts';
import type { PartResult } from './part.ts';

/** Whether a model is better than another on the same items, item by item. */
export const partComparisonSchema = z.object({
  /** The model's figure minus the baseline's: accuracy, or bits per byte, of which less is better. */
  difference: z.number(),
  standardError: z.number().nullable(),
  /** 95 %. */
  interval: z.tuple([z.number(), z.number()]).nullable(),
  /** Of McNemar's exact test that as many items changed for the better as for the worse; null for texts. */
  p: z.number().nullable(),
  /** Items right with the model only, and with the baseline only; null for texts. */
  gained: z.int().nullable(),
  lost: z.int().nullable(),
  verdict: z.enum(['better', 'worse', 'cannot-tell']),
});
export type PartComparison = z.infer<typeof partComparisonSchema>;

const SIGNIFICANCE = 0.05;
/** Standard normal quantile of 97.5 %. */
const Z = 1.959964;

/** Compares results of one part; null where they are not of the same items. */
export function compareResults(baseline: PartResult, model: PartResult): PartComparison | null {
  const lines = (result: PartResult): string => result.items.map(({ line }) => line).join();
  if (baseline.kind !== model.kind || lines(baseline) !== lines(model)) return null;
  if (baseline.kind === 'text' && model.kind === 'text') return compareTexts(baseline.items, model.items);
  return compareRights(rightsOf(baseline), rightsOf(model));
}

function rightsOf(result: PartResult): boolean[] {
  if (result.kind === 'choices') return result.items.map(({ choice, gold }) => choice === gold);
  return result.kind === 'exact-match' ? result.items.map(({ isRight }) => isRight) : [];
}

/** Per byte of text, not per token: models may have different tokenizers. */
function compareTexts(
  baseline: Extract<PartResult, { kind: 'text' }>['items'],
  model: Extract<PartResult, { kind: 'text' }>['items'],
): PartComparison {
  const sums = (items: typeof baseline): { sums: number[]; weights: number[] } => ({
    sums: items.map(({ loss }) => loss / Math.LN2),
    weights: items.map(({ bytes }) => bytes),
  });
  const { value, error, interval } = estimateDifference(sums(baseline), sums(model));
  const verdict = interval === null ? 'cannot-tell' : interval[1] < 0 ? 'better' : interval[0] > 0 ? 'worse' : 'cannot-tell';
  return { difference: value, standardError: error, interval, p: null, gained: null, lost: null, verdict };
}

function compareRights(baseline: readonly boolean[], model: readonly boolean[]): PartComparison {
  const n = model.length;
  const gained = model.filter((isRight, index) => isRight && !baseline[index]).length;
  const lost = model.filter((isRight, index) => !isRight && baseline[index]).length;
  const difference = (gained - lost) / n;
  const standardError = n < 2 ? null : Math.sqrt(((gained + lost) / n - difference ** 2) / (n - 1));
  const p = mcnemar(gained, lost);
  return {
    difference,
    standardError,
    interval: standardError === null ? null : [difference - Z * standardError, difference + Z * standardError],
    p,
    gained,
    lost,
    verdict: p >= SIGNIFICANCE ? 'cannot-tell' : gained > lost ? 'better' : 'worse',
  };
}

/**
 * The exact two-sided test (McNemar 1947): among items that changed, each direction is as likely under the null, so the smaller count is
 * binomial with one half. Sums of logarithms, because 2^-n is 0 for a thousand items.
 */
export function mcnemar(gained: number, lost: number): number {
  const n = gained + lost;
  let logarithm = -n * Math.LN2; // of the probability of 0 among n
  let tail = 0;
  for (let k = 0; k <= Math.min(gained, lost); k++) {
    tail += Math.exp(logarithm);
    logarithm += Math.log((n - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}
