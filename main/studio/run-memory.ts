import { MEMORY_PARTS, type MemoryEstimate, type MemoryPart, type MemoryPlan } from '../../shared/domain/memory.ts';
import { placementOf } from '../../shared/domain/method.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { ModelFolder } from '../models/model-folder.ts';
import { memoryPlanOf } from '../training/memory-plan.ts';

/**
 * How a run fits into the machine's memory.
 * @throws StrataError BAD_INPUT, with the numbers, when it does not: it would take everything else down with it.
 */
export function planRunMemory(
  configuration: RunConfiguration,
  folder: Pick<ModelFolder, 'config' | 'isBfloat16'>,
): Omit<MemoryPlan, 'fits'> {
  const { fits, ...memory } = memoryPlanOf(configuration, folder);
  if (fits) return memory;
  const { method, microBatch, context } = configuration;
  const { blocks } = placementOf(method, folder.config);
  const parts = MEMORY_PARTS.map((part) => `${part} ${gigabytes(memory[part])}`).join(', ');
  throw new StrataError('BAD_INPUT', 'The run needs more memory than this machine has.', {
    found: `about ${gigabytes(memory.total)} for ${blocks} blocks and ${microBatch} windows of ${context} tokens at once: ${parts}`,
    allowed: gigabytes(memory.available),
    hint: HINTS[largestPart(memory)],
  });
}

function largestPart(memory: MemoryEstimate): MemoryPart {
  return MEMORY_PARTS.reduce((largest, part) => (memory[part] > memory[largest] ? part : largest));
}

const FEWER_TRAINED = 'Train less: fewer new blocks, or the method lora with a small rank.';
/** What helps, by the part that needs most. */
const HINTS: Record<MemoryPart, string> = {
  weights: 'Use a smaller model, or fewer new blocks.',
  moments: FEWER_TRAINED,
  gradients: FEWER_TRAINED,
  activations:
    'Use a smaller batch or a smaller micro-batch (the batch is then accumulated), a shorter context, or blocks nearer to the top.',
  head: 'Use a smaller batch or a smaller micro-batch (the batch is then accumulated), or a shorter context.',
  engine: 'Close other programs, or use a machine with more memory.',
};

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
