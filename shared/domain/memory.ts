import { blockParameters, type LlamaConfig, modelParameters } from './llama-config.ts';
import { blockTensorShapes, elementsOf } from './llama-tensors.ts';
import { countParameters, type Method, placementOf, replacesBase } from './method.ts';

const FLOAT_BYTES = 4;
const HALF_BYTES = 2;

/** Node and TensorFlow's library themselves: the peak of a run on a model of 0.66 M parameters with one window of 8 tokens, on Linux. */
const ENGINE_BYTES = 465e6;

/** The vocabulary's logits are made for so many elements at a time: a vocabulary of 50,000 must not cost gigabytes. */
export const HEAD_CHUNK_ELEMENTS = 1 << 24;

/** Where the vocabulary's matrix is trained, each piece of logits has a gradient of the matrix's size, so smaller pieces save nothing. */
export function logitsAtOnce({ vocabularySize, hiddenSize }: LlamaConfig, isHeadTrained: boolean): number {
  return isHeadTrained ? Math.max(HEAD_CHUNK_ELEMENTS, vocabularySize * hiddenSize) : HEAD_CHUNK_ELEMENTS;
}

export interface MemoryRequest {
  /** The base. */
  config: LlamaConfig;
  method: Method;
  /** Windows that go through the model at once. */
  microBatch: number;
  /** Windows of a step: where they are more, gradients are summed. */
  batch: number;
  /** Tokens per window. */
  context: number;
  /** The base's matrices are bfloat16 numbers, and where they stay frozen they lie in two bytes each. */
  isCompact: boolean;
  /** Drift from the base is measured: what training changes of it is there twice. */
  measuresDrift: boolean;
}

/**
 * The parts of what a training step needs at its peak. weights: the model, and what changes of the base again, to measure drift
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

/** Within 15 % of the measured peaks of the runs in docs/performance.md, on TensorFlow; other engines hold every weight in four bytes. */
export function estimateMemory(request: MemoryRequest, keepsActivations: boolean): MemoryEstimate {
  const { config, method, microBatch, batch, context } = request;
  const { trainable } = countParameters(method, config);
  const { backwardBlocks, trainedBlocks } = placementOf(method, config);
  const tokens = microBatch * context;
  const inputs = tokens * inputsPerToken(config); // kept where a matrix or its adapter is trained
  const kept = backwardBlocks * tokens * keptPerToken(config) + trainedBlocks * inputs;
  const recomputed = backwardBlocks * tokens * config.hiddenSize + tokens * keptPerToken(config) + inputs;
  const trainsHead = method.name === 'full';
  const parts: Record<MemoryPart, number> = {
    weights: weightBytes(request),
    moments: FLOAT_BYTES * 2 * trainable,
    gradients: FLOAT_BYTES * trainable * (microBatch < batch ? SUMMED_GRADIENTS : 1),
    activations: FLOAT_BYTES * ((keepsActivations ? kept : recomputed) + tokens * workingPerToken(config, context)),
    head:
      FLOAT_BYTES *
      (2 * Math.min(logitsAtOnce(config, trainsHead), tokens * config.vocabularySize) +
        (trainsHead ? HEAD_GRADIENTS * config.vocabularySize * config.hiddenSize : 0)),
    engine: ENGINE_BYTES,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** Sums are there from the second micro-batch's start on, beside all of its activations, and in pieces between them: measured. */
const SUMMED_GRADIENTS = 1.5;

/** Of the vocabulary's matrix: a product of each of two lanes, and what the allocator cannot use between them. */
const HEAD_GRADIENTS = 4;

function weightBytes({ config, method, isCompact, measuresDrift }: MemoryRequest): number {
  const { total } = countParameters(method, config);
  const { trainedBlocks } = placementOf(method, config);
  const matrices = Object.values(blockTensorShapes(config)).filter((shape) => shape.length === 2);
  const saved = isCompact ? HALF_BYTES * matrices.reduce((sum, shape) => sum + elementsOf(shape), 0) : 0; // per frozen block
  if (!replacesBase(method)) return FLOAT_BYTES * total - config.blocks * saved;
  const changed = method.name === 'full' ? modelParameters(config) : trainedBlocks * blockParameters(config);
  const base = measuresDrift ? FLOAT_BYTES * changed - trainedBlocks * saved : 0;
  return FLOAT_BYTES * total - (config.blocks - trainedBlocks) * saved + base;
}

/** Numbers that a block keeps of each token: the inputs of both norms, queries and what they gather, keys and values, and two of the MLP. */
function keptPerToken({ hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D }: LlamaConfig): number {
  return 2 * C + 2 * H * D + 2 * K * D * KEYS_OF_STRETCHES + 2 * F;
}

/** A stretch of a window keeps the keys and values before it, too. */
const KEYS_OF_STRETCHES = 1.5;

/** Inputs of the matrices: of queries, keys and values together, of the output, of gate and up together, and of down. */
function inputsPerToken({ hiddenSize: C, intermediateSize: F, heads: H, headSize: D }: LlamaConfig): number {
  return 2 * C + H * D + F;
}

/** What one block holds for a moment on the way back: attention weights and their gradients, of about three quarters of the keys, and the MLP's. */
function workingPerToken({ hiddenSize: C, intermediateSize: F, heads: H }: LlamaConfig, context: number): number {
  return 3 * H * context * 0.75 + 4 * F + 4 * C;
}
