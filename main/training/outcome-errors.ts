import type { Role, RunConfiguration } from '../../shared/domain/run.ts';
import { estimateDifference } from '../../shared/domain/statistics.ts';
import type { PartSums } from './held-out.ts';

/**
 * Standard errors of gain and forgetting: of the difference between the same documents before and after, drawn again together. Null where the
 * baseline's documents are not known, as of runs from before they were told apart, or are not those of the result.
 */
export function outcomeErrors(
  { datasets }: Pick<RunConfiguration, 'datasets'>,
  before: readonly PartSums[],
  after: readonly PartSums[],
): { gainError: number | null; forgettingError: number | null } {
  const errorOf = (role: Role): number | null => {
    const ids = new Set(datasets.flatMap((dataset) => (dataset.role === role ? [dataset.id] : [])));
    const [first, second] = [before, after].map((parts) => parts.filter(({ datasetId }) => ids.has(datasetId)));
    const [a, b] = [first!, second!].map((parts) => ({
      sums: parts.flatMap(({ losses }) => losses),
      weights: parts.flatMap(({ tokens }) => tokens),
    }));
    const isSame = a!.weights.length === b!.weights.length && a!.weights.every((weight, index) => weight === b!.weights[index]);
    return isSame && a!.weights.length > 0 ? estimateDifference(a!, b!).error : null;
  };
  return { gainError: errorOf('new'), forgettingError: errorOf('old') };
}
