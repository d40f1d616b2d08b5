import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { toColumns, toColumnsBackward, toColumnsWeight, toRows, toRowsBackward, toRowsWeight } from './linear.ts';
import type { Block, Parameter } from './parameters.ts';
import { type RotaryTable, rotate } from './rope.ts';

/** How the rows of a batch are arranged, and what all blocks share. */
export interface Positions {
  batch: number;
  time: number;
  /** For keys, and for queries with the softmax's 1/sqrt(D) in it. */
  keyTable: RotaryTable;
  queryTable: RotaryTable;
  /** 0 where a query may look, a large negative number where it may not: [T, T], or [T, past + T] with a cache. */
  mask: Tensor;
}

/** Keys and values of earlier positions, for generation: [B*K, 1, D, past] each. */
export interface KeyValueCache {
  keys: Tensor;
  values: Tensor;
}

/** What the backward pass needs. G = H/K queries share a key. Inputs of frozen weights are not kept. */
export interface AttentionTrace {
  input: Tensor | null; // [N, C]
  queries: Tensor; // [B*K, G, D, T], turned and scaled
  keys: Tensor; // [B*K, 1, D, T], turned
  values: Tensor; // [B*K, 1, D, T]
  probabilities: Tensor; // [B*K, G, T, T]
  mixed: Tensor; // [B*K, G, D, T]
}

/** Scores where a query may not look: far below any score, yet finite, so that no row can become NaN. */
const MASKED = -1e9;

/** Causal mask of `time` queries over `past + time` keys. */
export function causalMask(engine: Engine, time: number, past = 0): Tensor {
  const width = past + time;
  const values = new Float32Array(time * width);
  for (let query = 0; query < time; query++) values.fill(MASKED, query * width + past + query + 1, (query + 1) * width);
  return engine.tensor(values, [time, width]);
}

/** Grouped-query attention, heads in columns; the G query heads of a key/value head share it by broadcasting, so no key is ever repeated. */
export function attention(
  engine: Engine,
  x: Tensor,
  block: Block,
  config: LlamaConfig,
  positions: Positions,
  options: { keepsTrace: boolean; cache?: KeyValueCache | null },
): { output: Tensor; trace: AttentionTrace | null; cache: KeyValueCache } {
  return engine.scope(() => {
    const project = (weight: Parameter, heads: number): Tensor => toHeads(engine, toColumns(engine, x, weight), positions, config, heads);
    const queries = rotate(engine, project(block.query, config.heads), positions.queryTable, 1); // [B*K, G, D, T]
    const newKeys = rotate(engine, project(block.key, config.keyValueHeads), positions.keyTable, 1); // [B*K, 1, D, T]
    const newValues = project(block.value, config.keyValueHeads); // [B*K, 1, D, T]
    const keys = options.cache ? engine.concat([options.cache.keys, newKeys], 3) : newKeys; // [B*K, 1, D, past+T]
    const values = options.cache ? engine.concat([options.cache.values, newValues], 3) : newValues;

    const scores = engine.matmul(queries, keys, { transposeA: true }); // [B*K, G, T, past+T]
    const probabilities = engine.softmax(engine.add(scores, positions.mask));
    const mixed = engine.matmul(values, probabilities, { transposeB: true }); // [B*K, G, D, T]
    const output = toRows(engine, fromHeads(engine, mixed, positions, config), block.attentionOutput); // [N, C]
    const needsInput = [block.query, block.key, block.value].some(({ variable }) => variable !== null);
    const trace = options.keepsTrace ? { input: needsInput ? x : null, queries, keys, values, probabilities, mixed } : null;
    return { output, trace, cache: { keys, values } };
  });
}

export interface AttentionGradients {
  input: Tensor;
  query: Tensor | null;
  key: Tensor | null;
  value: Tensor | null;
  attentionOutput: Tensor | null;
}

/** Gradients of {@link attention} for its input [N, C] and, where trainable, its four matrices. */
export function attentionBackward(
  engine: Engine,
  gradient: Tensor,
  block: Block,
  config: LlamaConfig,
  positions: Positions,
  { input, queries, keys, values, probabilities, mixed }: AttentionTrace,
): AttentionGradients {
  return engine.scope(() => {
    const mixedRows = block.attentionOutput.variable ? fromHeads(engine, mixed, positions, config) : null;
    const attentionOutput = toRowsWeight(engine, gradient, mixedRows);
    const dMixed = toHeads(engine, toRowsBackward(engine, gradient, block.attentionOutput), positions, config, config.heads);

    const dValues = sumGroup(engine, engine.matmul(dMixed, probabilities)); // [B*K, 1, D, T]
    const dScores = softmaxBackward(engine, dMixed, values, probabilities, mixed); // [B*K, G, T, T]
    const dQueries = rotate(engine, engine.matmul(keys, dScores, { transposeB: true }), positions.queryTable, -1); // [B*K, G, D, T]
    const dKeys = rotate(engine, sumGroup(engine, engine.matmul(queries, dScores)), positions.keyTable, -1); // [B*K, 1, D, T]

    const [query, key, value] = [dQueries, dKeys, dValues].map((heads) => fromHeads(engine, heads, positions, config)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const throughQuery = toColumnsBackward(engine, query, block.query); // [N, C]
    const throughKey = toColumnsBackward(engine, key, block.key);
    const throughValue = toColumnsBackward(engine, value, block.value);
    return {
      input: engine.add(engine.add(throughQuery, throughKey), throughValue),
      query: block.query.variable && toColumnsWeight(engine, query, input),
      key: block.key.variable && toColumnsWeight(engine, key, input),
      value: block.value.variable && toColumnsWeight(engine, value, input),
      attentionOutput,
    };
  });
}

/**
 * `dS = P * (dP - sum(dP * P))`. The sum over keys equals `sum over D of dMixed * mixed`, so with that appended to dMixed as a row, and a row
 * of ones to the values, the difference comes out of the product that makes dP: nothing of size T x T is reduced.
 */
function softmaxBackward(engine: Engine, dMixed: Tensor, values: Tensor, probabilities: Tensor, mixed: Tensor): Tensor {
  return engine.scope(() => {
    const sums = engine.scale(engine.sum(engine.multiply(dMixed, mixed), 2, true), -1); // [B*K, G, 1, T]
    const ones = engine.ones([...values.shape.slice(0, 2), 1, values.shape[3]!]); // [B*K, 1, 1, T]
    const difference = engine.matmul(engine.concat([dMixed, sums], 2), engine.concat([values, ones], 2), { transposeA: true });
    return engine.multiply(probabilities, difference);
  });
}

/** Sum over the query heads that share a key/value head: [B*K, G, ...] -> [B*K, 1, ...]. */
function sumGroup(engine: Engine, x: Tensor): Tensor {
  return x.shape[1] === 1 ? x : engine.scope(() => engine.sum(x, 1, true));
}

/** Columns [heads*D, N] -> [B*K, heads/K, D, T]; a reshape alone when there is one window. */
function toHeads(engine: Engine, x: Tensor, { batch: B, time: T }: Positions, config: LlamaConfig, heads: number): Tensor {
  const { keyValueHeads: K, headSize: D } = config;
  const shape = [B * K, heads / K, D, T];
  if (B === 1) return engine.reshape(x, shape);
  return engine.scope(() => {
    const windows = engine.transpose(engine.reshape(x, [heads * D, B, T]), [1, 0, 2]); // [B, heads*D, T]
    return engine.reshape(windows, shape);
  });
}

/** The opposite of {@link toHeads}: [B*K, heads/K, D, T] -> [heads*D, N]. */
function fromHeads(engine: Engine, x: Tensor, { batch: B, time: T }: Positions, config: LlamaConfig): Tensor {
  const features = (x.shape[0]! / B) * x.shape[1]! * config.headSize;
  if (B === 1) return engine.reshape(x, [features, T]);
  return engine.scope(() => {
    const columns = engine.transpose(engine.reshape(x, [B, features, T]), [1, 0, 2]); // [heads*D, B, T]
    return engine.reshape(columns, [features, B * T]);
  });
}
