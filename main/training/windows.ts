import type { MeasuredRole, WindowOrder } from '../../shared/domain/measurement.ts';
import type { Mixture } from '../../shared/domain/mixture.ts';
import type { Packing, Role, RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { TokenShard } from '../datasets/token-shard.ts';
import type { MeasuredWindow } from '../llama/measure.ts';
import type { Batch } from '../llama/model.ts';

/** The token shards of one dataset of a run. */
export interface RunShards {
  datasetId: string;
  role: Role;
  train: TokenShard;
  heldOut: TokenShard;
}

/**
 * The windows at positions [first, first + count) of the mixture as one batch.
 * @param packing with `documents` the batch says which document each token is of, and no token is predicted from another document's.
 */
export function trainingBatch(
  mixture: Mixture,
  shards: readonly RunShards[],
  { first, count }: { first: number; count: number },
  context: number,
  packing: Packing,
): Batch {
  const inputs = new Int32Array(count * context);
  const targets = new Int32Array(count * context);
  const weights = new Float32Array(count * context).fill(1);
  const documents = packing === 'documents' ? new Int32Array(count * context) : undefined;
  let isAnyMasked = false;
  for (let row = 0; row < count; row++) {
    const { datasetId, role, window } = mixture.at(first + row);
    const { train } = shards.find((each) => each.datasetId === datasetId && each.role === role)!;
    const begin = window * context;
    const tokens = train.read(begin, context + 1);
    inputs.set(tokens.subarray(0, context), row * context);
    targets.set(tokens.subarray(1), row * context);

    const learned = train.learned(begin + 1, context);
    if (learned) weights.set(learned, row * context);
    isAnyMasked ||= learned !== null;
    if (!documents) continue;
    const of = documentsOf(train, begin, context + 1, datasetId);
    documents.set(of.subarray(0, context), row * context);
    for (let time = 0; time < context; time++) {
      if (of[time] === of[time + 1]) continue;
      weights[row * context + time] = 0;
      isAnyMasked = true;
    }
  }
  return { batch: count, time: context, inputs, targets, ...(isAnyMasked ? { weights } : {}), ...(documents ? { documents } : {}) };
}

function documentsOf(shard: TokenShard, start: number, count: number, datasetId: string): Int32Array {
  const documents = shard.documents(start, count);
  if (documents) return documents;
  throw new StrataError('INTERNAL', `The token shard of ${datasetId} does not know its documents.`);
}

/** A name for each window of {@link trainingBatch}, the same whenever the same window comes again. */
export function windowKeys(mixture: Mixture, { first, count }: { first: number; count: number }): string[] {
  return Array.from({ length: count }, (_, row) => {
    const { datasetId, role, window } = mixture.at(first + row);
    return `${role} ${datasetId} ${window}`;
  });
}

/** How many targets of a batch count: the sum of their weights. */
export function weightOf({ weights, targets }: Pick<Batch, 'weights' | 'targets'>): number {
  return weights ? weights.reduce((sum, weight) => sum + weight, 0) : targets.length;
}

/** The windows of a step (counted from 0) in pieces that go through the model one after the other. */
export function microBatches(
  step: number,
  { batch, microBatch }: Pick<RunConfiguration, 'batch' | 'microBatch'>,
): { first: number; count: number }[] {
  return Array.from({ length: Math.ceil(batch / microBatch) }, (_, piece) => ({
    first: step * batch + piece * microBatch,
    count: Math.min(microBatch, batch - piece * microBatch),
  }));
}

/** Tokens trained on after so many windows, by dataset: counted from the mixture, so a resumed run needs no ledger. */
export function tokensByDataset(mixture: Mixture, windows: number, context: number): Record<string, number> {
  const counts = mixture.countsBefore(windows);
  return Object.fromEntries(mixture.sources.map(({ datasetId }, index) => [datasetId, counts[index]! * context]));
}

/** A held-out window, and which document of its shard each token is of, counted from 0 at the shard's first. */
export interface HeldOutWindow extends MeasuredWindow {
  /** Which of the shards that were given. */
  source: number;
  documents: Int32Array; // [T]
}

/**
 * Held-out windows of one role: each dataset's tokens cut into non-overlapping windows of the context length, the last short
 * one too, taken in turn from every dataset until `maxTokens` are reached; windows without a token to be learned are left out. The same
 * windows every time, whatever the run's packing, so that losses of one run, and of runs with the same data, can be compared: fewer tokens
 * give the first of those that more tokens give. Where a shard does not know its documents, all of it is one.
 * @param order `spread`: however few there are, from all of the part, so that they are of many documents; `first`: from its beginning on.
 * @throws StrataError BAD_INPUT when there are datasets to learn or to keep, and nothing in them to measure.
 */
export function heldOutWindows(
  shards: readonly { role: MeasuredRole; heldOut: TokenShard }[],
  role: MeasuredRole,
  context: number,
  maxTokens: number,
  order: WindowOrder = 'first',
): HeldOutWindow[] {
  const cuts = shards.flatMap(({ heldOut: shard, ...each }, source) => {
    if (each.role !== role) return [];
    const places = order === 'spread' ? spread(Math.ceil(shard.length / context)) : upTo(Math.ceil(shard.length / context));
    return [{ shard, source, places }];
  });
  const windows: HeldOutWindow[] = [];
  let tokens = 0;
  let isMore = true;
  while (isMore && tokens < maxTokens) {
    isMore = false;
    for (const { shard, source, places } of cuts) {
      if (tokens >= maxTokens) continue;
      const next = places.next();
      if (next.done) continue;
      isMore = true;
      const begin = next.value * context;
      const length = Math.min(context, shard.length - begin);
      if (length < 2) continue; // one token alone predicts nothing
      const learned = shard.learned(begin, length);
      if (learned && !learned.includes(1, 1)) continue; // the first token of a window is not predicted
      const documents = documentsFrom(shard, begin, length);
      windows.push({ source, tokens: shard.read(begin, length), documents, ...(learned ? { learned } : {}) });
      tokens += length;
    }
  }
  if (role !== 'past' && cuts.length > 0 && windows.length === 0) {
    throw new StrataError('BAD_INPUT', `The held-out part of the data to ${role === 'new' ? 'learn' : 'keep'} has nothing to measure.`, {
      found: 'no token that is to be learned in any held-out window',
      allowed: 'at least one',
      hint: 'Import more into the dataset.',
    });
  }
  return windows;
}

/** The document of each token in a range, counted from 0 at the first of the shard. */
function documentsFrom(shard: TokenShard, start: number, count: number): Int32Array {
  const first = shard.documentAt(start);
  return shard.documents(start, count)?.map((document) => first + document) ?? new Int32Array(count);
}

function* upTo(count: number): Generator<number, void> {
  for (let place = 0; place < count; place++) yield place;
}

/**
 * The numbers below `count`, each once, so that the first few of them lie far apart, and as many more between them: those of the next power of two
 * with their bits read backwards (van der Corput 1935).
 */
function* spread(count: number): Generator<number, void> {
  const bits = Math.ceil(Math.log2(Math.max(count, 1)));
  for (let index = 0; index < 2 ** bits; index++) {
    let place = 0;
    for (let bit = 0; bit < bits; bit++) if ((index >> bit) & 1) place += 2 ** (bits - 1 - bit);
    if (place < count) yield place;
  }
}

/** Cuts a token sequence into non-overlapping windows of the context length; the last short one counts. */
export function evaluationWindows(tokens: Int32Array, context: number): MeasuredWindow[] {
  const windows: MeasuredWindow[] = [];
  for (let start = 0; start < tokens.length; start += context) {
    const window = tokens.slice(start, start + context);
    if (window.length >= 2) windows.push({ tokens: window });
  }
  return windows;
}
