import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Operations, Tensor } from '../engine/engine.ts';
import { type Linear, type LinearGradients, type LinearTrace, toColumns, toColumnsBackward, toRows, toRowsBackward } from './linear.ts';
import { type RotaryTable, rotate } from './rope.ts';

/** The four matrices of an attention layer. */
export interface Attention {
  query: Linear; // [H*D, C]
  key: Linear; // [K*D, C]
  value: Linear; // [K*D, C]
  attentionOutput: Linear; // [C, H*D]
}

/** Where rows stand in their windows: `batch` windows, `time` positions of each. */
export interface Positions {
  batch: number;
  time: number;
  /** For keys, and for queries with the softmax's 1/sqrt(D) in it: [D, T] each. */
  keyTable: RotaryTable;
  queryTable: RotaryTable;
  /** 0 where a query may look, a large negative number where it may not: [T, past + T], or [B*K, 1, T, past + T]. */
  mask: Tensor;
}

/** Keys and values of positions, or their gradients: [B*K, 1, D, T] each. */
export interface KeysAndValues {
  keys: Tensor;
  values: Tensor;
}

/**
 * What the backward pass needs. G = H/K queries share a key; the keys are those of the past too. The attention weights, [B*K, G, T, past+T],
 * would be the largest part by far and are computed again instead (as FlashAttention does, Dao et al., arXiv 2205.14135).
 */
export interface AttentionTrace {
  queries: Tensor; // [B*K, G, D, T], turned and scaled
  keys: Tensor; // [B*K, 1, D, past+T], turned
  values: Tensor; // [B*K, 1, D, past+T]
  mixed: Tensor; // [B*K, G, D, T]
  query: LinearTrace;
  key: LinearTrace;
  value: LinearTrace;
  attentionOutput: LinearTrace;
}

type Shape = Pick<LlamaConfig, 'keyValueHeads' | 'headSize' | 'heads'>;

/** Queries, keys and values of rows x [N, C], turned by their positions: [B*K, G, D, T] and [B*K, 1, D, T] twice. */
export function projectHeads(
  operations: Operations,
  x: Tensor,
  layers: Attention,
  shape: Shape,
  positions: Omit<Positions, 'mask'>,
): { queries: Tensor; present: KeysAndValues; traces: { query: LinearTrace; key: LinearTrace; value: LinearTrace } } {
  const query = toColumns(operations, x, layers.query); // [H*D, N]
  const key = toColumns(operations, x, layers.key); // [K*D, N]
  const value = toColumns(operations, x, layers.value); // [K*D, N]
  const heads = ({ output }: { output: Tensor }, count: number): Tensor => toHeads(operations, output, positions, shape, count);
  return {
    queries: rotate(operations, heads(query, shape.heads), positions.queryTable, 1),
    present: {
      keys: rotate(operations, heads(key, shape.keyValueHeads), positions.keyTable, 1),
      values: heads(value, shape.keyValueHeads),
    },
    traces: { query: query.trace, key: key.trace, value: value.trace },
  };
}

/** How much each query looks at each key: `softmax(queries^T keys + mask)`, [B*K, G, T, past+T]. */
function attentionWeights(operations: Operations, queries: Tensor, keys: Tensor, mask: Tensor): Tensor {
  return operations.softmax(operations.add(operations.matmul(queries, keys, { transposeA: true }), mask));
}

/** What queries gather from values, [B*K, G, D, T]. */
export function attend(operations: Operations, queries: Tensor, { keys, values }: KeysAndValues, mask: Tensor): Tensor {
  return operations.matmul(values, attentionWeights(operations, queries, keys, mask), { transposeB: true });
}

/**
 * Grouped-query attention, heads in columns; the G query heads of a key/value head share it by broadcasting, so no key is ever repeated.
 * With a `past`, queries look at those keys and values too, and the ones returned are of both.
 */
export function attention(
  operations: Operations,
  x: Tensor, // [N, C]
  layers: Attention,
  shape: Shape,
  positions: Positions,
  past: KeysAndValues | null,
): { output: Tensor; trace: AttentionTrace; present: KeysAndValues } {
  const { queries, present, traces } = projectHeads(operations, x, layers, shape, positions);
  const all = {
    keys: past ? operations.concat([past.keys, present.keys], 3) : present.keys, // [B*K, 1, D, past+T]
    values: past ? operations.concat([past.values, present.values], 3) : present.values,
  };
  const mixed = attend(operations, queries, all, positions.mask);
  const { output, trace } = toRows(operations, fromHeads(operations, mixed, positions, shape), layers.attentionOutput); // [N, C]
  return { output, trace: { queries, ...all, mixed, ...traces, attentionOutput: trace }, present: all };
}

export interface AttentionGradients {
  query: LinearGradients;
  key: LinearGradients;
  value: LinearGradients;
  attentionOutput: LinearGradients;
}

/**
 * Gradients of {@link attention} for its input [N, C], for what is trained, and for the past's keys and values. `later` is what
 * positions after these, for which these were the past, hand back.
 */
export function attentionBackward(
  operations: Operations,
  gradient: Tensor, // [N, C]
  layers: Attention,
  shape: Shape,
  positions: Positions,
  trace: AttentionTrace,
  later: KeysAndValues | null,
): { input: Tensor; gradients: AttentionGradients; past: KeysAndValues | null } {
  const { queries, keys, values, mixed } = trace;
  const probabilities = attentionWeights(operations, queries, keys, positions.mask);
  const output = toRowsBackward(operations, gradient, layers.attentionOutput, trace.attentionOutput); // [H*D, N]
  const dMixed = toHeads(operations, output.input, positions, shape, shape.heads); // [B*K, G, D, T]

  const dScores = softmaxBackward(operations, dMixed, values, probabilities, mixed); // [B*K, G, T, past+T]
  const dQueries = rotate(operations, operations.matmul(keys, dScores, { transposeB: true }), positions.queryTable, -1); // [B*K, G, D, T]
  let dKeys = sumGroup(operations, operations.matmul(queries, dScores)); // [B*K, 1, D, past+T]
  let dValues = sumGroup(operations, operations.matmul(dMixed, probabilities)); // [B*K, 1, D, past+T]
  if (later) {
    dKeys = operations.add(dKeys, later.keys);
    dValues = operations.add(dValues, later.values);
  }
  const pastLength = keys.shape[3]! - positions.time;
  const past = pastLength > 0 ? { keys: times(operations, dKeys, 0, pastLength), values: times(operations, dValues, 0, pastLength) } : null;
  const ownKeys = rotate(operations, times(operations, dKeys, pastLength, positions.time), positions.keyTable, -1); // [B*K, 1, D, T]
  const ownValues = times(operations, dValues, pastLength, positions.time);

  const query = toColumnsBackward(operations, fromHeads(operations, dQueries, positions, shape), layers.query, trace.query); // [N, C]
  const key = toColumnsBackward(operations, fromHeads(operations, ownKeys, positions, shape), layers.key, trace.key);
  const value = toColumnsBackward(operations, fromHeads(operations, ownValues, positions, shape), layers.value, trace.value);
  return {
    input: operations.add(operations.add(query.input, key.input), value.input),
    gradients: { query: query.gradients, key: key.gradients, value: value.gradients, attentionOutput: output.gradients },
    past,
  };
}

/**
 * `dS = P * (dP - sum(dP * P))`. The sum over keys equals `sum over D of dMixed * mixed`, so with that appended to dMixed as a row, and a row
 * of ones to the values, the difference comes out of the product that makes dP: nothing of size T x T is reduced.
 */
function softmaxBackward(operations: Operations, dMixed: Tensor, values: Tensor, probabilities: Tensor, mixed: Tensor): Tensor {
  const sums = operations.scale(operations.sum(operations.multiply(dMixed, mixed), 2, true), -1); // [B*K, G, 1, T]
  const ones = operations.ones([...values.shape.slice(0, 2), 1, values.shape[3]!]); // [B*K, 1, 1, past+T]
  const [left, right] = [operations.concat([dMixed, sums], 2), operations.concat([values, ones], 2)];
  return operations.multiply(probabilities, operations.matmul(left, right, { transposeA: true }));
}

/** Sum over the query heads that share a key/value head: [B*K, G, ...] -> [B*K, 1, ...]. */
function sumGroup(operations: Operations, x: Tensor): Tensor {
  return x.shape[1] === 1 ? x : operations.sum(x, 1, true);
}

/** Positions [begin, begin + length) of heads [..., D, T]. */
function times(operations: Operations, x: Tensor, begin: number, length: number): Tensor {
  return length === x.shape[3] ? x : operations.slice(x, [0, 0, 0, begin], x.shape.with(3, length));
}

/** Columns [heads*D, N] -> [B*K, heads/K, D, T]; a reshape alone when there is one window. */
function toHeads(
  operations: Operations,
  x: Tensor,
  { batch: B, time: T }: Pick<Positions, 'batch' | 'time'>,
  { keyValueHeads: K, headSize: D }: Shape,
  heads: number,
): Tensor {
  const shape = [B * K, heads / K, D, T];
  if (B === 1) return operations.reshape(x, shape);
  const windows = operations.transpose(operations.reshape(x, [heads * D, B, T]), [1, 0, 2]); // [B, heads*D, T]
  return operations.reshape(windows, shape);
}

/** The opposite of {@link toHeads}: [B*K, heads/K, D, T] -> [heads*D, N]. */
function fromHeads(
  operations: Operations,
  x: Tensor,
  { batch: B, time: T }: Pick<Positions, 'batch' | 'time'>,
  { headSize }: Shape,
): Tensor {
  const features = (x.shape[0]! / B) * x.shape[1]! * headSize;
  if (B === 1) return operations.reshape(x, [features, T]);
  const columns = operations.transpose(operations.reshape(x, [B, features, T]), [1, 0, 2]); // [heads*D, B, T]
  return operations.reshape(columns, [features, B * T]);
}
