import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import { normalStream, randomStream } from '../../shared/domain/random.ts';
import { elementsOf, llamaTensors } from '../../shared/domain/llama-tensors.ts';

/** A LLaMA small enough for finite differences, with grouped-query attention and every kind of tensor. */
export const tinyConfig: LlamaConfig = {
  hiddenSize: 12,
  intermediateSize: 20,
  blocks: 3,
  heads: 4,
  keyValueHeads: 2,
  headSize: 4,
  vocabularySize: 23,
  contextLength: 32,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  ropeScaling: null,
  slidingWindow: null,
  attentionBias: false,
  mlpBias: false,
  tiedEmbeddings: false,
  bosTokenId: 1,
  eosTokenId: 2,
};

/** The same with everything that only some models have: biases, a sliding window shorter than the test's texts, stretched rotary positions. */
export const variedConfig: LlamaConfig = {
  ...tinyConfig,
  attentionBias: true,
  mlpBias: true,
  slidingWindow: 5,
  ropeScaling: { type: 'linear', factor: 4 },
};

export function shapesOf(config: LlamaConfig): Map<string, number[]> {
  return new Map(llamaTensors(config).map(({ name, shape }) => [name, shape]));
}

/** Random weights, seeded: norms near one, matrices large enough that no gradient is lost in rounding. */
export function randomWeights(config: LlamaConfig, seed = 1): Map<string, Float32Array> {
  const normal = normalStream(randomStream(seed));
  return new Map(
    [...shapesOf(config)].map(([name, shape]) => {
      const length = elementsOf(shape);
      const isNorm = name.endsWith('norm.weight');
      return [name, Float32Array.from({ length }, () => (isNorm ? 1 + 0.1 * normal() : 0.3 * normal()))];
    }),
  );
}

export function readerOf(weights: ReadonlyMap<string, Float32Array>): (name: string) => Promise<Float32Array> {
  return async (name) => weights.get(name)!.slice();
}

export function randomIds(config: LlamaConfig, length: number, seed: number): Int32Array {
  const random = randomStream(seed);
  return Int32Array.from({ length }, () => Math.floor(random() * config.vocabularySize));
}
