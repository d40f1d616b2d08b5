import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { linear, linearBackward } from './linear.ts';
import type { Block } from './parameters.ts';
import { type RotaryTable, rotate } from './rope.ts';

/** How the rows of a batch are arranged, and what all blocks share. */
export interface Positions {
  batch: number;
  time: number;
  rotary: RotaryTable;
  /** 0 where a query may look, a large negative number where it may not: [T, T], or [T, past + T] with a cache. */
  mask: Tensor;
}

/** Keys and values of earlier positions, for generation: [B*K, past, D] each. */
export interface KeyValueCache {
  keys: Tensor;
  values: Tensor;
}

export interface AttentionTrace {
  input: Tensor; // [N, C]
  queries: Tensor; // [B*K, G*T, D], turned and scaled
  keys: Tensor; // [B*K, T, D], turned
  values: Tensor; // [B*K, T, D]
  probabilities: Tensor; // [B*K, G*T, T]
  mixed: Tensor; // [N, H*D]
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

/**
 * Grouped-query attention. The G = H/K query heads that share a key/value head are laid along time, [B*K, G*T, D], so no key
 * is ever repeated: one batched product serves the group, and the backward pass sums over the group by itself.
 */
export function attention(
  engine: Engine,
  x: Tensor,
  block: Block,
  config: LlamaConfig,
  positions: Positions,
  cache: KeyValueCache | null = null,
): { output: Tensor; trace: AttentionTrace; cache: KeyValueCache } {
  return engine.scope(() => {
    const { heads: H, headSize: D } = config;
    const { batch: B, time: T } = positions;
    const queries = engine.scale(
      rotate(engine, toHeads(engine, linear(engine, x, block.query.value()), positions, config, H), positions.rotary, 1),
      1 / Math.sqrt(D),
    ); // [B*K, G, T, D]
    const groupedQueries = engine.reshape(queries, [B * config.keyValueHeads, (H / config.keyValueHeads) * T, D]);
    const newKeys = merge(engine, rotate(engine, keyValueHeads(engine, x, block.key.value(), positions, config), positions.rotary, 1));
    const newValues = merge(engine, keyValueHeads(engine, x, block.value.value(), positions, config));
    const keys = cache ? engine.concat([cache.keys, newKeys], 1) : newKeys; // [B*K, past+T, D]
    const values = cache ? engine.concat([cache.values, newValues], 1) : newValues;

    const scores = engine.matmul(groupedQueries, keys, { transposeB: true }); // [B*K, G*T, past+T]
    const width = keys.shape[1]!;
    const masked = engine.add(engine.reshape(scores, [B * H, T, width]), positions.mask);
    const probabilities = engine.reshape(engine.softmax(masked), scores.shape);
    const mixed = fromHeads(engine, engine.matmul(probabilities, values), positions, config, H); // [N, H*D]
    const output = linear(engine, mixed, block.attentionOutput.value());
    return { output, trace: { input: x, queries: groupedQueries, keys, values, probabilities, mixed }, cache: { keys, values } };
  });
}

export interface AttentionGradients {
  input: Tensor;
  query: Tensor | null;
  key: Tensor | null;
  value: Tensor | null;
  attentionOutput: Tensor | null;
}

/** Gradients of {@link attention} for its input and, where trainable, its four matrices. */
export function attentionBackward(
  engine: Engine,
  gradient: Tensor,
  block: Block,
  config: LlamaConfig,
  positions: Positions,
  trace: AttentionTrace,
): AttentionGradients {
  return engine.scope(() => {
    const { heads: H, keyValueHeads: K, headSize: D } = config;
    const { batch: B, time: T } = positions;
    const output = linearBackward(engine, gradient, trace.mixed, block.attentionOutput);
    const mixed = engine.reshape(toHeads(engine, output.input, positions, config, H), [B * K, (H / K) * T, D]);

    const values = engine.matmul(trace.probabilities, mixed, { transposeA: true }); // [B*K, T, D]
    const probabilities = engine.matmul(mixed, trace.values, { transposeB: true }); // [B*K, G*T, T]
    // Softmax: dS = P * (dP - sum(dP * P)).
    const weighted = engine.multiply(probabilities, trace.probabilities);
    const scores = engine.subtract(weighted, engine.multiply(trace.probabilities, engine.sum(weighted, 2, true)));

    const groupedQueries = engine.scale(engine.matmul(scores, trace.keys), 1 / Math.sqrt(D)); // [B*K, G*T, D]
    const keys = engine.matmul(scores, trace.queries, { transposeA: true }); // [B*K, T, D]
    const queries = rotate(engine, engine.reshape(groupedQueries, [B * K, H / K, T, D]), positions.rotary, -1);
    const turnedKeys = rotate(engine, engine.reshape(keys, [B * K, 1, T, D]), positions.rotary, -1);

    const query = linearBackward(engine, fromHeads(engine, queries, positions, config, H), trace.input, block.query);
    const key = linearBackward(engine, fromHeads(engine, turnedKeys, positions, config, K), trace.input, block.key);
    const value = linearBackward(engine, fromHeads(engine, values, positions, config, K), trace.input, block.value);
    return {
      input: engine.add(engine.add(query.input, key.input), value.input),
      query: query.weight,
      key: key.weight,
      value: value.weight,
      attentionOutput: output.weight,
    };
  });
}

function keyValueHeads(engine: Engine, x: Tensor, weight: Tensor, positions: Positions, config: LlamaConfig): Tensor {
  return toHeads(engine, linear(engine, x, weight), positions, config, config.keyValueHeads);
}

/** [B*K, 1, T, D] -> [B*K, T, D]. */
function merge(engine: Engine, x: Tensor): Tensor {
  return engine.reshape(x, [x.shape[0]!, x.shape[2]!, x.shape[3]!]);
}

/** Rows [N, heads*D] -> [B*K, heads/K, T, D]. */
function toHeads(engine: Engine, x: Tensor, { batch, time }: Positions, config: LlamaConfig, heads: number): Tensor {
  const { keyValueHeads: K, headSize: D } = config;
  return engine.scope(() => {
    const split = engine.transpose(engine.reshape(x, [batch, time, heads, D]), [0, 2, 1, 3]); // [B, heads, T, D]
    return engine.reshape(split, [batch * K, heads / K, time, D]);
  });
}

/** The opposite of {@link toHeads}, from any shape with as many elements. */
function fromHeads(engine: Engine, x: Tensor, { batch, time }: Positions, config: LlamaConfig, heads: number): Tensor {
  const { headSize: D } = config;
  return engine.scope(() => {
    const split = engine.reshape(x, [batch, heads, time, D]);
    return engine.reshape(engine.transpose(split, [0, 2, 1, 3]), [batch * time, heads * D]);
  });
}
