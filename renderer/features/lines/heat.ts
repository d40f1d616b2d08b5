import type { Line, LineCell, LineColumn, LineUnit } from '../../../shared/contract/lines.ts';
import { change, count, loss } from '../../ui/format.ts';

/** What the matrix of a line shows in a cell: a colour by how a task changed, and all that is known of it in words. */

export const UNIT_WORDS: Record<LineUnit, string> = { nats: 'nats per token', bits: 'bits per byte' };

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
  if (!cell.isKnown) return `${cell.reason}${cell.canBeMeasured ? ': it can be measured' : ''}`;
  const { score, tokens, documents, run, change: changed } = cell;
  return [
    `${loss(-score.value)} ${UNIT_WORDS[unit]}${score.error === null ? '' : ` ± ${score.error.toFixed(3)}`}`,
    `on ${count(tokens)} tokens of ${count(documents)} held-out ${documents === 1 ? 'document' : 'documents'}`,
    ...(changed
      ? [`${change(changed.value)}${changed.error === null ? '' : ` ± ${changed.error.toFixed(3)}`} against before it was learned`]
      : []),
    run ? `measured by the run “${run.name}”` : 'measured for this line',
  ].join('; ');
}

/** Columns in their order, with what is written above them. */
export function headings({ tasks, kept }: Pick<Line, 'tasks' | 'kept'>): { column: LineColumn; task: number | null; names: string }[] {
  const namesOf = ({ datasets }: LineColumn): string => datasets.map(({ name }) => name).join(', ');
  return [
    ...tasks.map((column, index) => ({ column, task: index + 1, names: namesOf(column) })),
    ...(kept ? [{ column: kept, task: null, names: namesOf(kept) }] : []),
  ];
}
