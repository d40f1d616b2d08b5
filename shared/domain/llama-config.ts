/**
 * How rotary angles are stretched beyond the context a model was first trained on, under config.json's `rope_scaling` or `rope_parameters`
 * (see `main/llama/rope.ts` for what each does). `factor` is the stretch; contexts are in tokens.
 */
export type RopeScaling =
  /** Positions divided by the factor (Chen et al., arXiv 2306.15595). */
  | { type: 'linear'; factor: number }
  /** A larger base for sequences longer than the model's context, the plain angles up to it. */
  | { type: 'dynamic'; factor: number }
  /** Llama 3.1's: long wavelengths are divided, short ones kept, those between mixed. */
  | { type: 'llama3'; factor: number; lowFrequencyFactor: number; highFrequencyFactor: number; originalContextLength: number }
  /** YaRN (Peng et al., arXiv 2309.00071): mixed by rotations within the original context, and all angles' tables multiplied. */
  | {
      type: 'yarn';
      factor: number;
      originalContextLength: number;
      betaFast: number;
      betaSlow: number;
      /** What cosines and sines are multiplied with: the paper's sqrt(1/t). */
      attentionFactor: number;
      /** Whether the two ends of the mix are rounded to whole pairs. */
      truncate: boolean;
    };

/** More blocks than any model has, even expanded: the largest LLaMA has 126. */
export const MAX_BLOCKS = 1024;

/** The numbers that define a LLaMA-type architecture, under our own names (see `main/models` for config.json's). */
export interface LlamaConfig {
  /** Width of the residual stream (C). */
  hiddenSize: number;
  /** Width of the feed-forward layer (F). */
  intermediateSize: number;
  /** Number of decoder blocks. */
  blocks: number;
  /** Query heads (H). */
  heads: number;
  /** Key/value heads (K); divides `heads` (grouped-query attention). */
  keyValueHeads: number;
  /** Width of one head (D); even, because rotary positions turn pairs. */
  headSize: number;
  /** Rows of the embedding (V). */
  vocabularySize: number;
  /** Longest sequence the model was made for, in tokens (T). */
  contextLength: number;
  normEpsilon: number;
  ropeTheta: number;
  /** null for the plain angles. */
  ropeScaling: RopeScaling | null;
  /** A position looks at itself and the `slidingWindow - 1` before it (Mistral); null for all before it. */
  slidingWindow: number | null;
  /** Whether the four matrices of attention have biases. */
  attentionBias: boolean;
  /** Whether the three of the MLP have. */
  mlpBias: boolean;
  /** Whether the output head is the embedding itself. */
  tiedEmbeddings: boolean;
  bosTokenId: number | null;
  eosTokenId: number | null;
}

/** Parameters of one block: four attention matrices, three of the MLP, their biases where there are any, two norms. */
export function blockParameters(config: LlamaConfig): number {
  const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
  const attentionBiases = config.attentionBias ? H * D + 2 * K * D + C : 0;
  const mlpBiases = config.mlpBias ? 2 * F + C : 0;
  return 2 * H * D * C + 2 * K * D * C + 3 * F * C + 2 * C + attentionBiases + mlpBiases;
}

/** Parameters of the whole model; a tied head is counted once. */
export function modelParameters(config: LlamaConfig): number {
  const embedding = config.vocabularySize * config.hiddenSize;
  return (config.tiedEmbeddings ? 1 : 2) * embedding + config.blocks * blockParameters(config) + config.hiddenSize;
}
