import type { Comparison } from '../../shared/contract/comparison.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { structureInWords } from '../../shared/domain/value-words.ts';
import { change, loss, percent, table } from './format.ts';

/** Of a list in a table of what differs; all of it is in --json. */
const CELL_CHARACTERS = 60;

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
    parts.push(`Forgetting where each had gained ${change(matched.gain)} ${unit}:\n${table(['run', 'forgetting', 'at step'], rows)}`);
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
  const rows = Object.entries(differences).map(([key, values]) => [key, ...values.map(cell)]);
  parts.push(rows.length === 0 ? 'They differ in nothing.' : table(['', ...runs.map(({ id }) => id)], rows));
  return parts.filter(Boolean).join('\n\n');
}

function withError(estimate: Comparison['points'][number]['forgetting']): string {
  if (!estimate) return '-';
  return estimate.error === null ? change(estimate.value) : `${change(estimate.value)} \u00b1 ${loss(estimate.error)}`;
}

function cell(value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : loss(value);
  if (typeof value !== 'object') return String(value as string | boolean);
  const words = structureInWords(value as object);
  return words.length > CELL_CHARACTERS ? `${words.slice(0, CELL_CHARACTERS)}…` : words;
}
