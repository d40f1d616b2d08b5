import { type LlamaConfig, modelParameters } from './llama-config.ts';
import { countParameters, type Method, placementOf, replacesBase } from './method.ts';

const FLOAT_BYTES = 4;

/** Node and TensorFlow's library themselves: the peak of a run on a model of 0.66 M parameters with one window of 8 tokens, on Linux. */
const ENGINE_BYTES = 465e6;

/** The vocabulary's logits are made for so many elements at a time: a vocabulary of 50,000 must not cost gigabytes. */
export const HEAD_CHUNK_ELEMENTS = 1 << 24;

export interface MemoryRequest {
  /** The base. */
  config: LlamaConfig;
  method: Method;
  /** Windows that go through the model at once. */
  microBatch: number;
  /** Tokens per window. */
  context: number;
}

/**
 * The parts of what a training step needs at its peak. weights: the model, and the base again where its own weights change, to measure drift
 * from; moments: the two of AdamW; activations: what the backward pass needs of the forward pass; head: logits of the vocabulary, piece by piece.
 */
export const MEMORY_PARTS = ['weights', 'moments', 'gradients', 'activations', 'head', 'engine'] as const;
export type MemoryPart = (typeof MEMORY_PARTS)[number];

/** In bytes. */
export type MemoryEstimate = Record<MemoryPart | 'total', number>;

export interface MemoryPlan extends MemoryEstimate {
  /** Activations of all blocks are kept; otherwise only each block's input, and the rest is computed again in the backward pass. */
  keepsActivations: boolean;
  /** Bytes there are. */
  available: number;
  fits: boolean;
}

/** Chooses how activations are treated: kept when that fits, because it is faster, else computed again. */
export function planMemory(request: MemoryRequest, available: number): MemoryPlan {
  const kept = estimateMemory(request, true);
  if (kept.total <= available) return { ...kept, keepsActivations: true, available, fits: true };
  const recomputed = estimateMemory(request, false);
  return { ...recomputed, keepsActivations: false, available, fits: recomputed.total <= available };
}

/** Coarse: good for refusing what cannot fit, not for planning to the last byte. */
export function estimateMemory({ config, method, microBatch, context }: MemoryRequest, keepsActivations: boolean): MemoryEstimate {
  const { trainable, total } = countParameters(method, config);
  const { backwardBlocks } = placementOf(method, config);
  const tokens = microBatch * context;
  const block = tokens * activationsPerToken(config, context);
  const trainsHead = method.name === 'full';
  const parts: Record<MemoryPart, number> = {
    weights: FLOAT_BYTES * (total + (replacesBase(method) ? modelParameters(config) : 0)),
    moments: FLOAT_BYTES * 2 * trainable,
    gradients: FLOAT_BYTES * trainable,
    activations: FLOAT_BYTES * (keepsActivations ? backwardBlocks * block : backwardBlocks * tokens * config.hiddenSize + block),
    head:
      FLOAT_BYTES *
      (2 * Math.min(HEAD_CHUNK_ELEMENTS, tokens * config.vocabularySize) + (trainsHead ? config.vocabularySize * config.hiddenSize : 0)),
    engine: ENGINE_BYTES,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** Numbers that a block keeps of each token: inputs of both norms and both halves, queries, keys, values, probabilities, and three of the MLP. */
function activationsPerToken(
  { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D }: LlamaConfig,
  context: number,
): number {
  return 4 * C + 2 * H * D + 2 * K * D + H * context + 3 * F;
}
