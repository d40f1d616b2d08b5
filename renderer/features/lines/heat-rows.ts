import type { Line, LineCell } from '../../../shared/contract/lines.ts';
import { words } from '../../../shared/words/words.ts';
import type { Cell } from '../../ui/csv.ts';
import { headings } from './heat.ts';

/** The matrix of a line as a table with a row for each of its cells, for other programs and for who reads rather than looks. */

/** What the page calls its columns. */
export function heatHeadings(): string[] {
  return [
    words('lines.columnRow'),
    words('lines.columnMoment'),
    words('lines.columnModel'),
    words('lines.columnTask'),
    words('lines.columnDatasets'),
    words('lines.columnLoss'),
    words('lines.columnError'),
    words('lines.columnChange'),
    words('lines.columnError'),
    words('lines.columnTokens'),
  ];
}

/** Row by row from before any training, then the model that learned all tasks together; what was not measured has no figures. */
export function heatRows(line: Line): Cell[][] {
  const columns = headings(line);
  const what = (task: number | null, names: string): Cell[] => [task === null ? words('lines.onlyOld') : task, names];
  const rows = line.rows.flatMap(({ name }, row) =>
    columns.map(({ task, names, column }): Cell[] => [
      row,
      row === 0 ? words('lines.before') : words('lines.after', { number: row }),
      name,
      ...what(task, names),
      ...figuresOf(column.cells[row]!),
    ]),
  );
  const together = columns.flatMap(({ task, names }): Cell[][] => {
    const joint = task === null ? null : (line.joint[task - 1] ?? null);
    return joint ? [[null, words('lines.together'), joint.name, ...what(task, names), ...figuresOf(joint.cell)]] : [];
  });
  return [...rows, ...together];
}

function figuresOf(cell: LineCell): Cell[] {
  if (!cell.isKnown) return [null, null, null, null, null];
  const { score, change, tokens } = cell;
  return [-score.value, score.error, change?.value ?? null, change?.error ?? null, tokens];
}
