import { blockParameters, type LlamaConfig, modelParameters } from './llama-config.ts';

/** Node and TensorFlow's library themselves: the peak of a run on a model of 0.66 M parameters with one window of 8 tokens, on Linux. */
const ENGINE_BYTES = 465e6;
const FLOAT_BYTES = 4;

export interface MemoryRequest {
  /** The base. */
  config: LlamaConfig;
  /** Blocks from the lowest trained one to the top: their activations are kept for the backward pass. */
  tracedBlocks: number;
  addedBlocks: number;
  trainableParameters: number;
  /** Weights of the base held a second time, to measure drift from when every one of them is trained. */
  holdsBase: boolean;
  batch: number;
  context: number;
}

/**
 * What a training step will need at its peak, in bytes: weights, gradients and the two moments of AdamW, kept activations, and the engine
 * itself. Coarse: good for refusing what cannot fit, not for planning to the last byte.
 */
export function estimateTrainingMemory({
  config,
  tracedBlocks,
  addedBlocks,
  trainableParameters,
  holdsBase,
  batch,
  context,
}: MemoryRequest): number {
  const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
  const weights = modelParameters(config) * (holdsBase ? 2 : 1) + addedBlocks * blockParameters(config);
  const perToken = 4 * C + 2 * H * D + 2 * K * D + H * context + 3 * F;
  const activations = tracedBlocks * batch * context * perToken;
  return ENGINE_BYTES + FLOAT_BYTES * (weights + 3 * trainableParameters + activations);
}
