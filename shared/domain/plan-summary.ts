import { z } from 'zod';
import { type CompanionBytes, exportSizes, GGUF_TYPES } from './export-size.ts';
import type { LlamaConfig } from './llama-config.ts';
import { countParameters, type Method, placementOf, trainedConfig, trainedTensors } from './method.ts';

/** What a way of training means for the model: all that follows from the configuration alone. */

/** Bytes of one exported form, of the trained model and of its base. */
export const sizeOutlookSchema = z.object({
  format: z.enum(['huggingface', 'gguf']),
  type: z.enum(GGUF_TYPES),
  bytes: z.number(),
  baseBytes: z.number(),
});
export type SizeOutlook = z.infer<typeof sizeOutlookSchema>;

export const outlookSchema = z.object({
  addedParameters: z.int(),
  trainableParameters: z.int(),
  totalParameters: z.int(),
  /** Names of the tensors that will change, as they will be in the saved model. */
  trainableTensors: z.array(z.string()),
  /** Blocks of the trained model; those with anything to train; those from the lowest of them up, which need a backward pass; those below it. */
  placement: z.object({ blocks: z.int(), trainedBlocks: z.int(), backwardBlocks: z.int(), cacheableBlocks: z.int() }),
  /** Of the saved model: adapters are merged then and take nothing. */
  sizes: z.array(sizeOutlookSchema),
});
export type Outlook = z.infer<typeof outlookSchema>;

/** @param companions bytes of what is exported beside the weights. */
export function outlookOf(method: Method, base: LlamaConfig, companions: CompanionBytes): Outlook {
  const counts = countParameters(method, base);
  const before = exportSizes(base, companions);
  return {
    addedParameters: counts.added,
    trainableParameters: counts.trainable,
    totalParameters: counts.total,
    trainableTensors: trainedTensors(method, base).map(({ name }) => name),
    placement: placementOf(method, base),
    sizes: exportSizes(trainedConfig(method, base), companions).map((size, index) => ({ ...size, baseBytes: before[index]!.bytes })),
  };
}
