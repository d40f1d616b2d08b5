import type { Mixture } from '../../shared/domain/mixture.ts';
import type { DrawnWindows, RunConfiguration } from '../../shared/domain/run.ts';

/** So many of the last windows are told: some steps of them, small enough for every message. */
const TOLD_WINDOWS = 512;

/** What was drawn from a mixture up to a position, dataset by dataset, and the last windows one by one. */
export function drawnWindows(mixture: Mixture, total: number, { datasets }: Pick<RunConfiguration, 'datasets'>): DrawnWindows {
  const placeOf = new Map(datasets.map(({ id }, place) => [id, place]));
  const counts = datasets.map(() => 0);
  for (const [index, count] of mixture.countsBefore(total).entries()) counts[placeOf.get(mixture.sources[index]!.datasetId)!] = count;
  const first = Math.max(0, total - TOLD_WINDOWS);
  const last = Array.from({ length: total - first }, (_, index) => placeOf.get(mixture.at(first + index).datasetId)!);
  return { total, counts, last };
}
