import type { PairedDifference } from './statistics.ts';

/** Whether one run is better than another in a measure, as far as what was measured can tell. */

export const COMPARED_MEASURES = ['gain', 'forgetting', 'drift'] as const;
export type ComparedMeasure = (typeof COMPARED_MEASURES)[number];

export const VERDICTS = ['better', 'worse', 'cannot-tell'] as const;
export type Verdict = (typeof VERDICTS)[number];

/**
 * Better or worse only where the whole 95 % interval of the paired difference lies on one side of zero, by more than what the measuring itself
 * may be off by. A difference without an interval tells nothing.
 * @param tolerance in the unit of the difference.
 */
export function verdictOf(measure: ComparedMeasure, { interval }: Pick<PairedDifference, 'interval'>, tolerance = 0): Verdict {
  if (!interval) return 'cannot-tell';
  const [low, high] = interval;
  const isLarger = low > tolerance;
  const isSmaller = high < -tolerance;
  if (!isLarger && !isSmaller) return 'cannot-tell';
  return isLarger === (measure === 'gain') ? 'better' : 'worse';
}
