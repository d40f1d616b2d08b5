import type { Line } from '../../../shared/contract/lines.ts';
import { fileUnitOf } from '../compare/unit-csv.ts';

/** What a file calls the columns, but for the unit of the losses. */
const COLUMNS = [
  'row',
  'after',
  'model',
  'task',
  'datasets',
  'loss',
  'loss error',
  'better than before it was learned',
  'error',
  'tokens',
] as const;
const IN_THE_UNIT: readonly string[] = ['loss', 'loss error', 'better than before it was learned', 'error'];

/** The columns of the matrix of a line as a table: see heat-rows.ts. */
export function heatColumns({ unit }: Pick<Line, 'unit'>): string[] {
  return COLUMNS.map((column) => (IN_THE_UNIT.includes(column) ? `${column}, ${fileUnitOf(unit)}` : column));
}
