import type { Comparison } from '../../shared/contract/comparison.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { structureInWords } from '../../shared/domain/value-words.ts';
import { change, loss, percent, table } from './format.ts';

/** Of a list in a table of what differs; all of it is in --json. */
const CELL_CHARACTERS = 60;

/** Of what long texts begin with alike, so that a reader knows where they are. */
const KEPT_CHARACTERS = 12;

/** Rows of the history. */
export function describeRuns(runs: readonly RunSummary[]): string {
  const rows = runs.map((run) => [
    run.id,
    `${run.favourite ? '* ' : ''}${run.name}`,
    run.status,
    change(run.gain),
    change(run.forgetting),
    percent(run.replayShare),
    run.createdAt.slice(0, 16).replace('T', ' '),
    run.tags.join(', '),
  ]);
  return table(['id', 'name', 'status', 'gain', 'forgetting', 'replay', 'started', 'tags'], rows);
}

const UNITS = { nats: 'nats per token', bits: 'bits per byte', none: '' } as const;

/** A comparison in words: what may be compared, the trades, forgetting at equal gain, who is better, and what differs. */
export function describeComparison({ runs, comparability, points, matched, verdicts, differences }: Comparison): string {
  const nameOf = new Map(runs.map(({ id, name }) => [id, name]));
  const unit = UNITS[comparability.unit];
  const parts = [comparability.reasons.join('\n')];
  if (points.length > 0) {
    const rows = points.map(({ run, gain, forgetting, drift, isBest }) => [
      nameOf.get(run)!,
      withError(gain),
      withError(forgetting),
      loss(drift),
      isBest ? 'best trade' : '',
    ]);
    parts.push(`In ${unit}, \u00b1 standard error:\n${table(['run', 'gain', 'forgetting', 'drift', ''], rows)}`);
  }
  if (matched) {
    const rows = matched.runs.map(({ run, forgetting, step }) => [
      nameOf.get(run)!,
      forgetting === null ? 'did not gain as much' : change(forgetting),
      step === null ? '-' : step.toFixed(1),
    ]);
    parts.push(
      `Forgetting where each had gained ${change(matched.gain)} ${unit}, on the windows that were measured on the way:\n${table(['run', 'forgetting', 'at step'], rows)}`,
    );
  }
  if (verdicts.length > 0) {
    const rows = verdicts.map(({ run, measure, difference, interval, verdict, reason }) => [
      nameOf.get(run)!,
      measure,
      change(difference),
      interval ? `${change(interval[0])} to ${change(interval[1])}` : '-',
      verdict === 'cannot-tell' ? 'cannot tell' : verdict,
      reason ?? '',
    ]);
    parts.push(`Against the baseline:\n${table(['run', 'measure', 'difference', '95 % interval', 'verdict', ''], rows)}`);
  }
  const rows = Object.entries(differences).map(([key, values]) => [key, ...cells(values)]);
  parts.push(rows.length === 0 ? 'They differ in nothing.' : table(['', ...runs.map(({ id }) => id)], rows));
  return parts.filter(Boolean).join('\n\n');
}

function withError(estimate: Comparison['points'][number]['gain']): string {
  if (!estimate) return '-';
  return estimate.error === null ? change(estimate.value) : `${change(estimate.value)} \u00b1 ${loss(estimate.error)}`;
}

/** A setting of each run: of long ones what they begin with alike is left out, so that what differs is seen. */
function cells(values: readonly unknown[]): string[] {
  const words = values.map(inWords);
  const longest = Math.max(...words.map(({ length }) => length));
  const alike = longest > CELL_CHARACTERS ? Math.max(0, commonBeginning(words) - KEPT_CHARACTERS) : 0;
  return words.map((text) => {
    const rest = alike > 0 ? `…${text.slice(alike)}` : text;
    return rest.length > CELL_CHARACTERS ? `${rest.slice(0, CELL_CHARACTERS)}…` : rest;
  });
}

function inWords(value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : loss(value);
  return typeof value === 'object' ? structureInWords(value) : String(value as string | boolean);
}

/** How many characters all texts begin with alike. */
function commonBeginning([first = '', ...others]: readonly string[]): number {
  let alike = 0;
  while (alike < first.length && others.every((text) => text[alike] === first[alike])) alike++;
  return alike;
}
