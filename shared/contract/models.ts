import { z } from 'zod';
import { expansionStepSchema } from '../domain/expansion.ts';
import { planSchema } from '../domain/plan.ts';

/** Models as the studio lists them. */

export const modelInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** As config.json says it, e.g. LlamaForCausalLM. */
  architecture: z.string(),
  parameters: z.int(),
  blocks: z.int(),
  vocabularySize: z.int(),
  contextLength: z.int(),
  /** Where the model lies: a Hugging Face folder inside the workspace. */
  path: z.string(),
  bytes: z.int(),
  /** Id of the model this one was expanded from; null for an imported one. */
  baseModel: z.string().nullable(),
  /** Id of the run that made it; null for an imported or untrained one. */
  run: z.string().nullable(),
  /** Of the last step that made it, where that was an expansion. */
  plan: planSchema.nullable(),
  /** Every step that Strata knows of, oldest first; none for a model that it did not make. */
  line: z.array(expansionStepSchema),
  /** Whose each block is: the base's, or the step's of the line that inserted it. */
  owners: z.array(z.union([z.literal('base'), z.int()])),
  source: z.string(),
  createdAt: z.string(),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;

export const verifiedModelSchema = z.object({
  /** Whether it computes exactly what its base computes. */
  identity: z.boolean(),
  /** Null where there is no base to compare with, or a difference is no number. */
  maxLogitDifference: z.number().nullable(),
  plan: z.array(z.int()),
  /** Tensors that must be those of the base, or begin as its copies do: how many were compared, and which are not. */
  tensors: z.object({ compared: z.int(), different: z.array(z.string()) }),
  problems: z.array(z.string()),
});
export type VerifiedModel = z.infer<typeof verifiedModelSchema>;
