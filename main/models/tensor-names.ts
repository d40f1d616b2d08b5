import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import {
  BLOCK_TENSORS,
  type BlockRole,
  blockTensorName,
  blockTensorShapes,
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
} from '../llama/parameters.ts';

/** Every tensor a LLaMA's file must hold, with its shape, in the order of the model. */
export function expectedTensors(config: LlamaConfig): { name: string; shape: number[] }[] {
  const table = [config.vocabularySize, config.hiddenSize];
  const shapes = blockTensorShapes(config);
  const tensors = [{ name: EMBEDDING_TENSOR, shape: table }];
  for (let block = 0; block < config.blocks; block++) {
    for (const role of Object.keys(BLOCK_TENSORS) as BlockRole[]) tensors.push({ name: blockTensorName(block, role), shape: shapes[role] });
  }
  tensors.push({ name: FINAL_NORM_TENSOR, shape: [config.hiddenSize] });
  if (!config.tiedEmbeddings) tensors.push({ name: HEAD_TENSOR, shape: table });
  return tensors;
}
