import { DEFAULT_RENDERING } from './rendering.ts';
import type { Evaluation, Role, RunConfiguration } from './run.ts';
import type { ComparedMeasure } from './verdict.ts';
import { locale, words } from '../words/words.ts';

/**
 * In which unit figures of several runs mean the same. A loss in nats per token is of a text as one tokenizer cuts it, read in windows of one
 * length: another text, window or rendering is another question, and no unit makes the answers comparable. Another tokenizer asks the same
 * question in other pieces, and bits per byte take the pieces out. How documents are packed for training is a setting like any other: losses are
 * measured on plain windows whatever it is.
 */

export interface ComparedRun {
  name: string;
  configuration: Pick<RunConfiguration, 'baseModel' | 'datasets' | 'context' | 'rendering' | 'evaluation'>;
  /** What tells one tokenizer from another; null where that is not known any more. */
  tokenizer: string | null;
  engine: string | null;
  /** The measurement before step 1. */
  baseline: Evaluation | null;
}

export interface Comparability {
  unit: 'nats' | 'bits' | 'none';
  /** What of the runs can be compared; empty where the unit is `none`. */
  measures: ComparedMeasure[];
  /** Why something is not compared, and what to mind where it is. */
  reasons: string[];
}

/**
 * The most that losses of engines differ by for the same weights and text, nats per token: the engines' own tests hold them to it
 * (docs/parity.md). A smaller difference between runs of different engines says nothing.
 */
export const ENGINE_AGREEMENT = 1e-4;

/** @param runs two or more. */
export function comparabilityOf(runs: readonly ComparedRun[]): Comparability {
  const refusals = readingRefusals(runs);
  if (refusals.length > 0) return { unit: 'none', measures: [], reasons: refusals };
  const isSameTokenizer = areSame(runs, ({ configuration, tokenizer }) => tokenizer ?? configuration.baseModel.hash);
  const reasons: string[] = [];
  const isSameRole = (role: Role): boolean => {
    const refusal = roleRefusal(runs, role, isSameTokenizer);
    if (refusal !== null) reasons.push(refusal);
    return refusal === null;
  };
  const measures: ComparedMeasure[] = [...(isSameRole('new') ? ['gain' as const] : [])];
  if (isSameRole('old')) measures.push('forgetting', 'drift');
  if (measures.length === 0) return { unit: 'none', measures, reasons };
  return { unit: isSameTokenizer ? 'nats' : 'bits', measures, reasons: [...reasons, ...notesOf(runs, isSameTokenizer)] };
}

/** How text is read is one thing for all that is measured. */
function readingRefusals(runs: readonly ComparedRun[]): string[] {
  const refusals: string[] = [];
  if (!areSame(runs, ({ configuration }) => configuration.context)) {
    const lengths = countsOf(runs, ({ configuration }) => configuration.context);
    refusals.push(words('said.otherContexts', { lengths }));
  }
  if (!areSame(runs, ({ configuration }) => configuration.rendering ?? DEFAULT_RENDERING)) {
    refusals.push(words('said.otherRendering'));
  }
  return refusals;
}

/** Why the runs' losses on a role cannot be compared; null where they can. */
function roleRefusal(runs: readonly ComparedRun[], role: Role, isSameTokenizer: boolean): string | null {
  const having = runs.filter(({ configuration }) => configuration.datasets.some((dataset) => dataset.role === role));
  if (having.length < 2) return role === 'new' ? words('said.gainTooFew') : words('said.forgettingTooFew');
  if (!areSame(having, ({ configuration }) => hashesOf(configuration, role))) {
    const names = listOf(having, ({ configuration }) => namesOf(configuration, role));
    return role === 'new' ? words('said.gainOtherData', { names }) : words('said.forgettingOtherData', { names });
  }
  const measured = having.filter(({ baseline }) => baseline?.[role]);
  const otherWindows = areSame(measured, (run) => orderOf(run, role))
    ? null
    : role === 'new'
      ? words('said.gainOtherWindows')
      : words('said.forgettingOtherWindows');
  if (isSameTokenizer) {
    if (areSame(measured, ({ baseline }) => baseline![role]!.tokens)) return otherWindows;
    const tokens = countsOf(measured, ({ baseline }) => baseline![role]!.tokens);
    return role === 'new' ? words('said.gainOtherParts', { tokens }) : words('said.forgettingOtherParts', { tokens });
  }
  const unknown = measured.find(({ baseline }) => bytesOf(baseline!, role) === null);
  if (unknown) {
    return role === 'new' ? words('said.gainNoBytes', { run: unknown.name }) : words('said.forgettingNoBytes', { run: unknown.name });
  }
  if (areSame(measured, ({ baseline }) => bytesOf(baseline!, role))) return otherWindows;
  const bytes = countsOf(measured, ({ baseline }) => bytesOf(baseline!, role)!);
  return role === 'new' ? words('said.gainOtherBytes', { bytes }) : words('said.forgettingOtherBytes', { bytes });
}

/** Whoever measured all of a held-out part measured the same, in whatever order. */
function orderOf({ configuration: { evaluation }, baseline }: ComparedRun, role: Role): string {
  const isWhole = baseline?.datasets?.filter((each) => each.role === role).every(({ coverage }) => coverage === 1);
  return isWhole ? 'whole' : (evaluation.order ?? 'first');
}

function notesOf(runs: readonly ComparedRun[], isSameTokenizer: boolean): string[] {
  const notes: string[] = [];
  if (!isSameTokenizer) notes.push(words('said.otherTokenizers'));
  if (!areSame(runs, ({ configuration }) => configuration.baseModel.hash)) {
    notes.push(words('said.otherModels'));
  }
  const engines = runs.filter(({ engine }) => engine !== null);
  if (!areSame(engines, ({ engine }) => engine)) {
    const names = listOf(engines, ({ engine }) => engine!);
    notes.push(words('said.otherEngines', { names, agreement: String(ENGINE_AGREEMENT) }));
  }
  const lacking = runs.filter(({ configuration }) => !configuration.datasets.some(({ role }) => role === 'old'));
  if (lacking.length > 0 && lacking.length < runs.length - 1) {
    notes.push(words('said.noForgetting', { names: lacking.map(({ name }) => `"${name}"`).join(', ') }));
  }
  const unmeasured = runs.filter(({ baseline }) => baseline === null);
  if (unmeasured.length > 0) {
    notes.push(words('said.notMeasuredBefore', { names: unmeasured.map(({ name }) => `"${name}"`).join(', ') }));
  }
  return notes;
}

/** Bytes of text that were measured of a role; null in runs from before they were counted. */
export function bytesOf(evaluation: Evaluation, role: Role): number | null {
  return totalOf(evaluation, role, 'bytes');
}

/**
 * What a figure in nats per token is multiplied with to be in bits per byte.
 * @returns null where the bytes are not known.
 */
export function bitsPerNat(evaluation: Evaluation, role: Role): number | null {
  const bytes = bytesOf(evaluation, role);
  const tokens = totalOf(evaluation, role, 'tokens');
  return bytes === null || tokens === null || bytes === 0 ? null : tokens / (bytes * Math.LN2);
}

function totalOf({ datasets }: Evaluation, role: Role, what: 'bytes' | 'tokens'): number | null {
  const measured = datasets?.filter((dataset) => dataset.role === role) ?? [];
  return measured.length === 0 ? null : measured.reduce((sum, dataset) => sum + dataset[what], 0);
}

function hashesOf({ datasets }: ComparedRun['configuration'], role: Role): string[] {
  return datasets
    .filter((dataset) => dataset.role === role)
    .map(({ hash }) => hash)
    .sort();
}

function namesOf({ datasets }: ComparedRun['configuration'], role: Role): string {
  const names = datasets.filter((dataset) => dataset.role === role).map(({ name, hash }) => `${name} ${hash.slice(0, 6)}`);
  return names.sort().join(' + ');
}

function areSame<Item>(items: readonly Item[], key: (item: Item) => unknown): boolean {
  return new Set(items.map((item) => JSON.stringify(key(item)))).size <= 1;
}

/** Different values, each once, in the order of the runs. */
/** With a stroke between them: a comma groups digits. */
function countsOf<Item>(items: readonly Item[], count: (item: Item) => number): string {
  return [...new Set(items.map(count))].map((each) => each.toLocaleString(locale().numbers)).join(' / ');
}

function listOf<Item>(items: readonly Item[], text: (item: Item) => string): string {
  const values = [...new Set(items.map(text))];
  return values.length > 4 ? `${values.slice(0, 4).join(', ')} and ${values.length - 4} more` : values.join(', ');
}
