import type { SuiteTable } from '../../../shared/contract/suites.ts';
import { type Cell, csvOf } from '../../ui/csv.ts';

const COLUMNS = [
  ...['model', 'run', 'compared with', 'part', 'kind', 'items', 'figure', 'value', 'standard error'],
  ...['difference', 'standard error of the difference', 'p', 'gained', 'lost', 'verdict', 'measured at'],
];

/** The results of a suite, a row for each model and part that was measured; shares from 0 to 1. */
export function suiteCsv({ suite, rows }: SuiteTable): string {
  const lines = rows.flatMap(({ model, run, baseline, cells }) =>
    cells.flatMap(({ result, comparison, measuredAt }, index): Cell[][] => {
      if (result === null) return [];
      const [figure, value, error] =
        result.kind === 'text'
          ? ['bits per byte', result.figures.bitsPerByte, null] // its standard error is known of the loss per token only
          : ['accuracy', result.figures.accuracy, result.figures.standardError];
      const compared = comparison && [comparison.difference, comparison.standardError, comparison.p, comparison.gained, comparison.lost];
      return [
        [
          ...[model.name, run?.name ?? null, baseline?.name ?? null, suite.parts[index]!.name, result.kind, result.figures.n],
          ...[figure, value, error],
          ...(compared ?? [null, null, null, null, null]),
          ...[comparison?.verdict ?? null, measuredAt],
        ],
      ];
    }),
  );
  return csvOf(COLUMNS, lines);
}
