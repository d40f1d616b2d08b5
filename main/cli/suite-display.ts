import type { ChangedItem, Suite, SuiteChanges, SuiteRow, SuiteTable } from '../../shared/contract/suites.ts';
import type { PartComparison } from '../../shared/domain/evaluation/compare.ts';
import type { PartFigures } from '../../shared/domain/evaluation/part.ts';
import { count, duration, fields, percent, table } from './format.ts';
import type { Session } from './session.ts';

/** What evaluations found, as text for a terminal. */

function withError(value: number, error: number | null): string {
  return error === null ? percent(value) : `${percent(value)} ± ${percent(error)}`;
}

export function describeFigures(found: PartFigures): string {
  switch (found.kind) {
    case 'text': {
      const { figures } = found;
      const error = figures.standardError === null ? '' : ` ± ${figures.standardError.toFixed(4)}`;
      return fields([
        ['Texts', `${count(figures.n)}, ${count(figures.tokens)} scored tokens`],
        ['Loss', `${figures.lossPerToken.toFixed(4)}${error} nats/token`],
        ['Bits per byte', figures.bitsPerByte.toFixed(4)],
      ]);
    }
    case 'choices': {
      const { figures } = found;
      const isSame = figures.accuracyPerCharacter === figures.accuracyNormalized;
      return fields([
        ['Questions', count(figures.n)],
        ['Accuracy', withError(figures.accuracy, figures.standardError)],
        ['Normalised by bytes', withError(figures.accuracyNormalized, figures.standardErrorNormalized)],
        ...(isSame ? [] : [['By characters', withError(figures.accuracyPerCharacter, figures.standardErrorPerCharacter)] as const]),
        ...(figures.choicesWithoutTokens === 0
          ? []
          : [['Not scored', `${figures.choicesWithoutTokens} choices: the tokenizer joins them with the end of their question`] as const]),
      ]);
    }
    case 'exact-match': {
      const { figures } = found;
      return fields([
        ['Questions', count(figures.n)],
        ['Exact matches', withError(figures.accuracy, figures.standardError)],
        ...(figures.accuracyFlexible === null
          ? []
          : [['Last number right', withError(figures.accuracyFlexible, figures.standardErrorFlexible)] as const]),
        ...(figures.shortenedPrompts === 0
          ? []
          : [['Shortened', `${figures.shortenedPrompts} prompts are longer than the model reads: their beginning was left out`] as const]),
      ]);
    }
  }
}

/** One figure with its error, for a cell. */
function cellOf(found: PartFigures | null, comparison: PartComparison | null): string {
  if (found === null) return '-';
  const { figures } = found;
  const value =
    found.kind === 'text'
      ? `${found.figures.bitsPerByte.toFixed(4)} bits/byte`
      : withError((figures as { accuracy: number }).accuracy, figures.standardError);
  return comparison === null ? value : `${value} (${comparison.verdict.replace('-', ' ')})`;
}

export function describeTable({ suite, rows }: SuiteTable): string {
  if (rows.length === 0) return `Nothing has been measured with "${suite.name}" yet.`;
  const named = ({ model, run }: SuiteRow): string =>
    run === null || run.name === model.name ? model.name : `${model.name} (run ${run.name})`;
  const cells = rows.map((row) => [
    named(row),
    row.baseline?.name ?? '-',
    ...row.cells.map((cell) => cellOf(cell.result, cell.comparison)),
  ]);
  return table(['model', 'compared with', ...suite.parts.map(({ name }) => name)], cells);
}

export function describeSuite({ id, name, parts, createdAt }: Suite): string {
  const rows = parts.map((part) => [
    part.name,
    part.options.kind,
    count(part.items),
    part.options.limit === null ? 'all' : count(part.options.limit),
    part.source,
  ]);
  return [
    fields([
      ['Suite', `${name} (${id})`],
      ['Made', createdAt],
    ]),
    table(['part', 'kind', 'items', 'measured', 'from'], rows),
  ].join('\n');
}

export function describeSuites(suites: readonly Suite[]): string {
  if (suites.length === 0) return 'There are no suites yet.';
  return table(
    ['id', 'name', 'parts', 'made'],
    suites.map(({ id, name, parts, createdAt }) => [id, name, parts.map((part) => part.name).join(', '), createdAt]),
  );
}

/** Items that changed, each with what both models answered. */
export function describeChanges({ model, baseline, part, gained, lost, items }: SuiteChanges, change: 'gained' | 'lost'): string {
  const head = `${part.name}: ${model.name} against ${baseline.name}, ${count(gained)} gained, ${count(lost)} lost; ${change}:`;
  return [head, ...items.map(describeChange)].join('\n\n');
}

function describeChange({ line, item, answers }: ChangedItem): string {
  if (item.kind === 'choices' && answers.kind === 'choices') {
    const { question, choices, gold } = item;
    const of = (index: number): string => choices[index]!;
    return [
      `line ${line}  ${question ?? ''}`,
      fields([
        ['right', of(gold)],
        ['before', of(answers.baseline)],
        ['now', of(answers.model)],
      ]),
    ].join('\n');
  }
  if (item.kind === 'exact-match' && answers.kind === 'exact-match') {
    return [
      `line ${line}  ${item.question}`,
      fields([
        ['right', item.answer],
        ['before', answers.baseline.extracted],
        ['now', answers.model.extracted],
      ]),
    ].join('\n');
  }
  const bits = answers as Extract<ChangedItem['answers'], { kind: 'text' }>;
  return `line ${line}  ${bits.baseline.toFixed(4)} -> ${bits.model.toFixed(4)} bits/byte\n${(item as { text: string }).text.slice(0, 200)}`;
}

/** Progress of a scoring: one line that is written over on a terminal, what is begun otherwise. */
export function showsScoring(session: Session): {
  onProgress: (progress: {
    activity: string;
    done: number;
    of: number;
    secondsLeft: number | null;
    partsDone: number;
    parts: number;
  }) => void;
  end: () => void;
} {
  const isTerminal = process.stdout.isTTY && !session.isJson;
  let shown = '';
  return {
    onProgress: ({ activity, done, of, secondsLeft, partsDone, parts }) => {
      const line = parts > 1 ? `part ${partsDone + 1} of ${parts}  ${activity}` : activity;
      const left = secondsLeft === null ? '' : `  ${duration(secondsLeft)} left`;
      if (isTerminal) process.stdout.write(`\r\x1b[2K${of === 0 ? '' : `${Math.floor((100 * done) / of)} %  `}${line}${left}`);
      else if (line !== shown) session.say(line);
      shown = line;
    },
    end: () => void (isTerminal && process.stdout.write('\r\x1b[2K')),
  };
}
