import type { Mixture } from '../../shared/domain/mixture.ts';
import type { Role } from '../../shared/domain/run.ts';
import type { TokenShard } from '../datasets/token-shard.ts';
import type { Batch } from '../llama/model.ts';

/** The token shards of one dataset of a run. */
export interface RunShards {
  datasetId: string;
  role: Role;
  train: TokenShard;
  heldOut: TokenShard;
}

/** The windows of one training step: positions [step * batch, (step + 1) * batch) of the mixture, `step` from 0. */
export function trainingBatch(mixture: Mixture, shards: readonly RunShards[], step: number, batch: number, context: number): Batch {
  const inputs = new Int32Array(batch * context);
  const targets = new Int32Array(batch * context);
  for (let row = 0; row < batch; row++) {
    const { datasetId, role, window } = mixture.at(step * batch + row);
    const shard = shards.find((each) => each.datasetId === datasetId && each.role === role)!;
    const tokens = shard.train.read(window * context, context + 1);
    inputs.set(tokens.subarray(0, context), row * context);
    targets.set(tokens.subarray(1), row * context);
  }
  return { batch, time: context, inputs, targets };
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
