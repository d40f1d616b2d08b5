import type { DatasetMeasure } from '../../shared/domain/measurement.ts';
import type { Estimate } from '../../shared/domain/statistics.ts';
import { count, percent, table } from './format.ts';

/** A figure, and its standard error where that is known. */
export function withError(figure: string, error: number | null | undefined, digits = 3): string {
  return error === null || error === undefined ? figure : `${figure} \u00b1 ${error.toFixed(digits)}`;
}

/**
 * A dataset a line: what it was before step 1 and is now, with standard errors. The columns of a base stay away where none was compared with.
 * @param before may lack datasets, or all.
 */
export function describeMeasures(before: readonly DatasetMeasure[], now: readonly DatasetMeasure[]): string {
  const hasBase = now.some(({ drift }) => drift !== null);
  const rows = now.map((measure) => {
    const { datasetId, name, role, loss, bitsPerByte, agreement, drift, shift, tokens, documents, coverage } = measure;
    const earlier = before.find((each) => each.datasetId === datasetId);
    return [
      role,
      name,
      earlier ? estimate(earlier.loss) : '-',
      estimate(loss),
      bitsPerByte ? estimate(bitsPerByte) : '-',
      ...(hasBase
        ? [agreement ? percent(agreement.value) : '-', drift ? estimate(drift, 4) : '-', shift ? percent(shift.shifted) : '-']
        : []),
      `${count(tokens)} (${percent(coverage)})`,
      count(documents),
    ];
  });
  const ofBase = hasBase ? ['agreement', 'drift', 'shifted'] : [];
  return table(['role', 'dataset', 'loss before', 'loss', 'bits per byte', ...ofBase, 'tokens', 'documents'], rows);
}

function estimate({ value, error }: Estimate, digits = 3): string {
  return withError(value.toFixed(digits), error, digits);
}
