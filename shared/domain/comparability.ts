import { DEFAULT_RENDERING } from './rendering.ts';
import type { Evaluation, Role, RunConfiguration } from './run.ts';
import type { ComparedMeasure } from './verdict.ts';

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
    const lengths = listOf(runs, ({ configuration }) => String(configuration.context));
    refusals.push(`The windows have different lengths (${lengths} tokens): a longer window has a lower loss on the same text.`);
  }
  if (!areSame(runs, ({ configuration }) => configuration.rendering ?? DEFAULT_RENDERING)) {
    refusals.push('Documents are rendered as different texts: what is predicted is not the same.');
  }
  return refusals;
}

/** Why the runs' losses on a role cannot be compared; null where they can. */
function roleRefusal(runs: readonly ComparedRun[], role: Role, isSameTokenizer: boolean): string | null {
  const measure = role === 'new' ? 'Gain' : 'Forgetting';
  const having = runs.filter(({ configuration }) => configuration.datasets.some((dataset) => dataset.role === role));
  if (having.length < 2) return `${measure} is not compared: fewer than two of the runs have ${role} data.`;
  if (!areSame(having, ({ configuration }) => hashesOf(configuration, role))) {
    const names = listOf(having, ({ configuration }) => namesOf(configuration, role));
    return `${measure} is not compared: the runs were measured on different ${role} data, or on different versions of them (${names}).`;
  }
  const measured = having.filter(({ baseline }) => baseline?.[role]);
  const otherWindows = areSame(measured, (run) => orderOf(run, role))
    ? null
    : `${measure} is not compared: some runs measured the first windows of the held-out text, others windows from all of it.`;
  if (isSameTokenizer) {
    if (areSame(measured, ({ baseline }) => baseline![role]!.tokens)) return otherWindows;
    const tokens = listOf(measured, ({ baseline }) => String(baseline![role]!.tokens));
    return `${measure} is not compared: different parts of the held-out text were measured (${tokens} tokens).`;
  }
  const unknown = measured.find(({ baseline }) => bytesOf(baseline!, role) === null);
  if (unknown) {
    return `${measure} is not compared: the tokenizers differ, and the bits per byte of "${unknown.name}" were not measured in its time.`;
  }
  if (areSame(measured, ({ baseline }) => bytesOf(baseline!, role))) return otherWindows;
  const bytes = listOf(measured, ({ baseline }) => String(bytesOf(baseline!, role)));
  return `${measure} is not compared: the tokenizers differ, and so did the parts of the held-out text that were measured (${bytes} bytes). Runs that measure all of it can be: let "evaluationTokens" be at least as many as are held out.`;
}

/** Whoever measured all of a held-out part measured the same, in whatever order. */
function orderOf({ configuration: { evaluation }, baseline }: ComparedRun, role: Role): string {
  const isWhole = baseline?.datasets?.filter((each) => each.role === role).every(({ coverage }) => coverage === 1);
  return isWhole ? 'whole' : (evaluation.order ?? 'first');
}

function notesOf(runs: readonly ComparedRun[], isSameTokenizer: boolean): string[] {
  const notes: string[] = [];
  if (!isSameTokenizer) notes.push('The tokenizers differ, or one is not known any more: losses are in bits per byte of the same text.');
  if (!areSame(runs, ({ configuration }) => configuration.baseModel.hash)) {
    notes.push('The runs start from different models, and each is measured against its own: whoever starts worse has more to gain.');
  }
  const engines = runs.filter(({ engine }) => engine !== null);
  if (!areSame(engines, ({ engine }) => engine)) {
    const names = listOf(engines, ({ engine }) => engine!);
    notes.push(`The runs were measured on different engines (${names}), which agree to ${ENGINE_AGREEMENT} nats: less tells nothing.`);
  }
  const lacking = runs.filter(({ configuration }) => !configuration.datasets.some(({ role }) => role === 'old'));
  if (lacking.length > 0 && lacking.length < runs.length - 1) {
    notes.push(`Without old data there is no forgetting: ${lacking.map(({ name }) => `"${name}"`).join(', ')}.`);
  }
  const unmeasured = runs.filter(({ baseline }) => baseline === null);
  if (unmeasured.length > 0) {
    notes.push(`Not measured before step 1, and left out: ${unmeasured.map(({ name }) => `"${name}"`).join(', ')}.`);
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
function listOf<Item>(items: readonly Item[], text: (item: Item) => string): string {
  const values = [...new Set(items.map(text))];
  return values.length > 4 ? `${values.slice(0, 4).join(', ')} and ${values.length - 4} more` : values.join(', ');
}
