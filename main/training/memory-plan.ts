import { type MemoryPlan, planMemory } from '../../shared/domain/memory.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { ModelFolder } from '../models/model-folder.ts';
import { availableMemory } from './process-memory.ts';

/** How a run uses this machine's memory: said before its start, and done by its trainer. */
export function memoryPlanOf(
  { method, batch, microBatch, context, datasets, past = [] }: RunConfiguration,
  { config, isBfloat16 }: Pick<ModelFolder, 'config' | 'isBfloat16'>,
): MemoryPlan {
  const measuresDrift = past.length > 0 || datasets.some(({ role }) => role === 'old');
  return planMemory({ config, method, batch, microBatch, context, isCompact: isBfloat16, measuresDrift }, availableMemory());
}
