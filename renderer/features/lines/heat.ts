import type { Line, LineCell, LineColumn, LineUnit } from '../../../shared/contract/lines.ts';
import { words } from '../../../shared/words/words.ts';
import { heardOrAsSaid } from '../../../shared/words/heard.ts';
import { change, count, fixed, loss } from '../../ui/format.ts';
import { unitWords } from '../compare/compare-words.ts';

type Estimate = { value: number; error: number | null };

/** What the matrix of a line shows in a cell: a colour by how a task changed, and all that is known of it in words. */

/** The strongest colour, as a part of it that is mixed into the surface: text stays readable on it. */
const STRONGEST = 42;
const WEAKEST = 5;

/** Largest change in the matrix, which has the strongest colour; the same for all columns, so that they can be compared. */
export function largestChange(columns: readonly LineColumn[]): number {
  const changes = columns.flatMap(({ cells }) =>
    cells.flatMap((cell) => (cell.isKnown && cell.change ? [Math.abs(cell.change.value)] : [])),
  );
  return Math.max(...changes, 1e-9);
}

/** Background of a cell: one colour for better and one for worse than before the task was learned, the stronger the more. None without a change. */
export function heatOf(cell: LineCell, largest: number): string | undefined {
  if (!cell.isKnown || !cell.change) return undefined;
  const { value } = cell.change;
  const part = Math.round(WEAKEST + (STRONGEST - WEAKEST) * Math.sqrt(Math.abs(value) / largest));
  return `color-mix(in oklab, var(${value >= 0 ? '--heat-better' : '--heat-worse'}) ${part}%, var(--surface))`;
}

/** All that is known of a cell, or why nothing is. */
export function cellWords(cell: LineCell, unit: LineUnit): string {
  if (!cell.isKnown)
    return cell.canBeMeasured ? words('lines.canBeMeasured', { reason: heardOrAsSaid(cell.reason) }) : heardOrAsSaid(cell.reason);
  const { score, tokens, documents, run, change: changed } = cell;
  return [
    lossWords(score, unitWords(unit)),
    words('lines.cellText', { tokens: count(tokens), count: documents }),
    ...(changed ? [changeWords(changed)] : []),
    run ? words('lines.cellOfRun', { run: run.name }) : words('lines.cellOfLine'),
  ].join('; ');
}

function lossWords({ value, error }: Estimate, unit: string): string {
  if (error === null) return words('lines.cellLoss', { loss: loss(-value), unit });
  return words('lines.cellLossWithError', { loss: loss(-value), unit, error: fixed(error, 3) });
}

function changeWords({ value, error }: Estimate): string {
  if (error === null) return words('lines.cellChange', { change: change(value) });
  return words('lines.cellChangeWithError', { change: change(value), error: fixed(error, 3) });
}

/** Columns in their order, with what is written above them. */
export function headings({ tasks, kept }: Pick<Line, 'tasks' | 'kept'>): { column: LineColumn; task: number | null; names: string }[] {
  const namesOf = ({ datasets }: LineColumn): string => datasets.map(({ name }) => name).join(', ');
  return [
    ...tasks.map((column, index) => ({ column, task: index + 1, names: namesOf(column) })),
    ...(kept ? [{ column: kept, task: null, names: namesOf(kept) }] : []),
  ];
}
