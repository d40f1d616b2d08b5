import type { Comparison } from '../../../shared/contract/comparison.ts';

type Matched = NonNullable<Comparison['matched']>;

/** The runs at a gain, who forgot least first; those that did not come so far at the end. */
export function matchedRows(
  matched: Matched,
  runs: readonly { id: string; name: string }[],
): (Matched['runs'][number] & { name: string })[] {
  return matched.runs
    .map((row) => ({ ...row, name: runs.find(({ id }) => id === row.run)?.name ?? row.run }))
    .sort((a, b) => (a.forgetting ?? Infinity) - (b.forgetting ?? Infinity) || 0);
}

/** What the slider covers: from next to nothing to the largest gain of any; null where no run gained anything. */
export function sliderOf(gains: readonly number[]): { least: number; most: number; step: number } | null {
  const most = Math.max(0, ...gains);
  if (!(most > 0)) return null;
  const step = 10 ** Math.floor(Math.log10(most / 100));
  return { least: step, most: Math.floor(most / step) * step, step };
}
