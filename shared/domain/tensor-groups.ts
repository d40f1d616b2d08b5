import { blockOfTensor } from './llama-tensors.ts';
import { insertedPositions, type Method } from './method.ts';

/**
 * Groups of tensors whose learning rate can differ from the run's: each has a factor, 1 unless said. Every tensor is of one kind
 * (embeddings with the head, norms, attention, mlp); those of inserted blocks and adapters belong to that group, too, and get both factors.
 */
export const TENSOR_GROUPS = ['embeddings', 'norms', 'attention', 'mlp', 'inserted', 'adapters'] as const;
export type TensorGroup = (typeof TENSOR_GROUPS)[number];
export type LearningRateFactors = Record<TensorGroup, number>;

/** The groups of a tensor, by its name in the model that is trained. */
export function groupsOf(name: string, method: Method): TensorGroup[] {
  const groups = [kindOf(name)];
  if (insertedPositions(method).has(blockOfTensor(name) ?? -1)) groups.push('inserted');
  if (/\.lora_[AB]\.weight$/.test(name)) groups.push('adapters');
  return groups;
}

function kindOf(name: string): TensorGroup {
  if (name.includes('.self_attn.')) return 'attention';
  if (name.includes('.mlp.')) return 'mlp';
  return name.endsWith('norm.weight') ? 'norms' : 'embeddings';
}

/** What the run's learning rate is multiplied with for a tensor. */
export function learningRateFactor(name: string, method: Method, factors: LearningRateFactors): number {
  return groupsOf(name, method).reduce((product, group) => product * factors[group], 1);
}
