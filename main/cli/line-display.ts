import type { Line, LineCell, LineColumn, LineUnit } from '../../shared/contract/lines.ts';
import { figureWords, LINE_FIGURES, whyNoFigure } from '../../shared/domain/continual-words.ts';
import { describeMethod } from '../../shared/domain/method-words.ts';
import { change, count, fields, percent, table } from './format.ts';
import { withError } from './measure-display.ts';

const UNIT_WORDS: Record<LineUnit, string> = { nats: 'nats per token', bits: 'bits per byte' };

/** A line: its steps, the matrix of scores, the figures, and what is missing. */
export function describeLine(line: Line): string {
  return [describeSteps(line), describeMatrix(line), describeFigures(line), ...describeMissing(line)].join('\n\n');
}

function describeSteps({ base, steps }: Line): string {
  const rows = steps.map(({ task, name, method, datasets, gain, forgetting, run }) => [
    task === null ? '-' : String(task),
    name,
    describeMethod(method),
    datasets
      .filter(({ role }) => role === 'new')
      .map((dataset) => dataset.name)
      .join(', ') || 'nothing: only inserted',
    change(gain),
    change(forgetting),
    run?.name ?? '-',
  ]);
  return `From ${base}\n${table(['task', 'model', 'method', 'learned', 'gain', 'forgetting', 'run'], rows)}`;
}

/** Rows are moments of the line, columns tasks; what a task changed to is behind its score. */
function describeMatrix({ rows, tasks, kept, unit }: Line): string {
  const columns = [...tasks, ...(kept ? [kept] : [])];
  const heading = (column: LineColumn, index: number): string =>
    `${index < tasks.length ? `task ${index + 1}` : 'only old'}: ${column.datasets.map(({ name }) => name).join(', ')}`;
  const body = rows.map(({ name }, row) => [
    row === 0 ? 'before' : `after ${row}`,
    name,
    ...columns.map(({ cells }) => describeCell(cells[row]!)),
  ]);
  const read = columns.map((column, index) => {
    const cell = column.cells.find((each) => each.isKnown);
    const how = cell?.isKnown && column.manner;
    return how
      ? `${heading(column, index)}: ${count(cell.tokens)} held-out tokens of ${count(cell.documents)} documents (${percent(how.coverage)}), windows of ${how.context}`
      : `${heading(column, index)}: not measured`;
  });
  const title = `Score on held-out text: minus the loss in ${UNIT_WORDS[unit]}, and standard error`;
  return [title, table(['', 'model', ...columns.map(heading)], body), ...read].join('\n');
}

function describeCell(cell: LineCell): string {
  return cell.isKnown ? withError(cell.score.value.toFixed(4), cell.score.error, 4) : '-';
}

function describeFigures({ figures, tasks, unit }: Line): string {
  return fields(
    LINE_FIGURES.map((name) => {
      const { label, says } = figureWords(name);
      const figure = figures[name];
      if (!figure) return [label, `-  ${whyNoFigure(name, tasks.length)}`];
      const size = `${Math.abs(figure.value).toFixed(4)} ${UNIT_WORDS[unit]}`;
      return [label, `${withError(change(figure.value), figure.error, 4)}  ${says(figure.value, size)}`];
    }),
  );
}

function describeMissing({ missing, measurable }: Line): string[] {
  const more = measurable > 0 ? [`${measurable} ${measurable === 1 ? 'score' : 'scores'} can be measured: "line measure" does it.`] : [];
  return missing.length + more.length > 0 ? [[...missing, ...more].join('\n')] : [];
}
