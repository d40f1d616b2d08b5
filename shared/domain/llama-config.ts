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
  /** Whether the output head is the embedding itself. */
  tiedEmbeddings: boolean;
  bosTokenId: number | null;
  eosTokenId: number | null;
}

/** Parameters of one block: four attention matrices, three of the MLP, two norms. */
export function blockParameters(config: LlamaConfig): number {
  const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
  return 2 * H * D * C + 2 * K * D * C + 3 * F * C + 2 * C;
}

/** Parameters of the whole model; a tied head is counted once. */
export function modelParameters(config: LlamaConfig): number {
  const embedding = config.vocabularySize * config.hiddenSize;
  return (config.tiedEmbeddings ? 1 : 2) * embedding + config.blocks * blockParameters(config) + config.hiddenSize;
}
