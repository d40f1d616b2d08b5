import type { Mixture } from '../../shared/domain/mixture.ts';
import type { Packing, Role, RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { TokenShard } from '../datasets/token-shard.ts';
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
  const counts: Record<string, number> = Object.fromEntries(mixture.sources.map(({ datasetId }) => [datasetId, 0]));
  for (let position = 0; position < windows; position++) counts[mixture.at(position).datasetId]! += context;
  return counts;
}

/**
 * Held-out windows of one role: each dataset's tokens cut into non-overlapping windows of the context length, the last short
 * one too, taken in turn from every dataset until `maxTokens` are reached. The same windows every time, so that losses of one
 * run, and of runs with the same data, can be compared.
 */
export function heldOutWindows(shards: readonly RunShards[], role: Role, context: number, maxTokens: number): Int32Array[] {
  const cuts = shards.filter((shard) => shard.role === role).map((shard) => ({ shard: shard.heldOut, start: 0 }));
  const windows: Int32Array[] = [];
  let tokens = 0;
  while (tokens < maxTokens) {
    const before = tokens;
    for (const cut of cuts) {
      const length = Math.min(context, cut.shard.length - cut.start);
      if (length < 2 || tokens >= maxTokens) continue; // one token alone predicts nothing
      windows.push(cut.shard.read(cut.start, length));
      cut.start += length;
      tokens += length;
    }
    if (tokens === before) break;
  }
  return windows;
}

/** Cuts a token sequence into non-overlapping windows of the context length; the last short one counts. */
export function evaluationWindows(tokens: Int32Array, context: number): Int32Array[] {
  const windows: Int32Array[] = [];
  for (let start = 0; start < tokens.length; start += context) {
    const window = tokens.slice(start, start + context);
    if (window.length >= 2) windows.push(window);
  }
  return windows;
}
