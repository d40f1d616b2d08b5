import type { LlamaConfig } from './llama-config.ts';

/** The tensors of a LLaMA as Hugging Face names them and stores them: matrices are [out, in]. Axis letters as in {@link LlamaConfig}. */

/** The suffix of each weight of a block, by role; a bias has the suffix of its matrix, with `bias` for `weight`. */
export const BLOCK_TENSORS = {
  attentionNorm: 'input_layernorm.weight',
  query: 'self_attn.q_proj.weight',
  key: 'self_attn.k_proj.weight',
  value: 'self_attn.v_proj.weight',
  attentionOutput: 'self_attn.o_proj.weight',
  mlpNorm: 'post_attention_layernorm.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
} as const;
export type BlockRole = keyof typeof BLOCK_TENSORS;
export const BLOCK_ROLES = Object.keys(BLOCK_TENSORS) as readonly BlockRole[];

export const EMBEDDING_TENSOR = 'model.embed_tokens.weight';
export const FINAL_NORM_TENSOR = 'model.norm.weight';
export const HEAD_TENSOR = 'lm_head.weight';

const ATTENTION_ROLES: readonly BlockRole[] = ['query', 'key', 'value', 'attentionOutput'];
const MLP_ROLES: readonly BlockRole[] = ['gate', 'up', 'down'];

/** Whether the matrix of a role has a bias in this model. */
export function hasBias(config: Pick<LlamaConfig, 'attentionBias' | 'mlpBias'>, role: BlockRole): boolean {
  return (config.attentionBias && ATTENTION_ROLES.includes(role)) || (config.mlpBias && MLP_ROLES.includes(role));
}

/** The name of the bias beside a weight. */
export function biasName(weight: string): string {
  return weight.replace(/weight$/, 'bias');
}

export interface NamedShape {
  name: string;
  shape: number[];
}

export function blockTensorName(block: number, role: BlockRole): string {
  return `model.layers.${block}.${BLOCK_TENSORS[role]}`;
}

/** The index of the block that a tensor belongs to; null for the embedding, the last norm and the head. */
export function blockOfTensor(name: string): number | null {
  const position = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  return position === undefined ? null : Number(position);
}

export function blockTensorShapes(config: LlamaConfig): Record<BlockRole, number[]> {
  const { hiddenSize: C, intermediateSize: F, heads: H, keyValueHeads: K, headSize: D } = config;
  return {
    attentionNorm: [C],
    query: [H * D, C],
    key: [K * D, C],
    value: [K * D, C],
    attentionOutput: [C, H * D],
    mlpNorm: [C],
    gate: [F, C],
    up: [F, C],
    down: [C, F],
  };
}

/** Every tensor a LLaMA's file must hold, in the order of the model. A tied head is the embedding and has no tensor of its own. */
export function llamaTensors(config: LlamaConfig): NamedShape[] {
  const table = [config.vocabularySize, config.hiddenSize];
  const shapes = blockTensorShapes(config);
  const tensors = [{ name: EMBEDDING_TENSOR, shape: table }];
  for (let block = 0; block < config.blocks; block++) {
    for (const role of BLOCK_ROLES) {
      const name = blockTensorName(block, role);
      tensors.push({ name, shape: shapes[role] });
      if (hasBias(config, role)) tensors.push({ name: biasName(name), shape: shapes[role].slice(0, 1) });
    }
  }
  tensors.push({ name: FINAL_NORM_TENSOR, shape: [config.hiddenSize] });
  if (!config.tiedEmbeddings) tensors.push({ name: HEAD_TENSOR, shape: table });
  return tensors;
}

/** Numbers in a tensor of this shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
