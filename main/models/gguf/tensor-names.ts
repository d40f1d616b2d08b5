import {
  BLOCK_ROLES,
  BLOCK_TENSORS,
  type BlockRole,
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
} from '../../../shared/domain/llama-tensors.ts';
import type { GgufFile } from './read-gguf.ts';

/** Names of a LLaMA's tensors in GGUF files (ggml-org/llama.cpp, "LLM_TENSOR_NAMES"). */

export const EMBEDDING = 'token_embd.weight';
export const HEAD = 'output.weight';
const FINAL_NORM = 'output_norm.weight';
/** Llama 3's factors of the rotary angles' wavelengths, one for each pair of a head. */
export const ROPE_FACTORS_TENSOR = 'rope_freqs.weight';

/** Names of the roles of a block. */
const GGUF_ROLES: Readonly<Record<BlockRole, string>> = {
  attentionNorm: 'attn_norm',
  query: 'attn_q',
  key: 'attn_k',
  value: 'attn_v',
  attentionOutput: 'attn_output',
  mlpNorm: 'ffn_norm',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
};

/** The name in a GGUF file of a tensor that Hugging Face names so, and the role that it has in its block; null for those outside of blocks. */
export function ggufTensor(name: string): { name: string; role: BlockRole | null } {
  const [, block, suffix, kind] = /^model\.layers\.(\d+)\.(.*\.)(weight|bias)$/.exec(name) ?? [];
  const role = BLOCK_ROLES.find((candidate) => BLOCK_TENSORS[candidate] === `${suffix}weight`);
  if (role) return { name: `blk.${block}.${GGUF_ROLES[role]}.${kind}`, role };
  return { name: { [EMBEDDING_TENSOR]: EMBEDDING, [FINAL_NORM_TENSOR]: FINAL_NORM, [HEAD_TENSOR]: HEAD }[name] ?? name, role: null };
}

/** Whether any matrix of the attention or the MLP has a bias. */
export function hasBiases({ tensors }: Pick<GgufFile, 'tensors'>, part: 'attention' | 'mlp'): boolean {
  const pattern = part === 'attention' ? /^blk\.\d+\.attn_(q|k|v|output)\.bias$/ : /^blk\.\d+\.ffn_(gate|up|down)\.bias$/;
  return tensors.keys().some((name) => pattern.test(name));
}
