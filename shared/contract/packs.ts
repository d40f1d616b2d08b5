import { z } from 'zod';
import { expansionTrainingSchema } from '../domain/expansion.ts';
import { gateEvaluationSchema, gateRequestShape } from '../domain/gate.ts';
import { modelInfoSchema } from './models.ts';

/** Domain packs of models. A model is named by id or name, or by the run that made it; a pack by its number in the model, from 1. */

const named = z.object({ name: z.string(), hash: z.string() });

/** Proof that a model without its packs is the base. */
export const packProofSchema = z.object({
  /** The model that is left without them, in the workspace. */
  base: z.object({ id: z.string(), name: z.string(), hash: z.string() }),
  /** Both are the same function on the text, and all compared tensors have the same bytes. */
  isProved: z.boolean(),
  /** Largest difference of two logits; null when one is no number. */
  maxLogitDifference: z.number().nullable(),
  /** Of real text that the logits were compared on. */
  tokens: z.int(),
  tensors: z.object({ compared: z.int(), different: z.array(z.string()) }),
  engine: z.string(),
  seconds: z.number(),
  at: z.string(),
});
export type PackProof = z.infer<typeof packProofSchema>;

export const packInfoSchema = z.object({
  number: z.int(),
  /** Of the model's line, from 1. */
  step: z.int(),
  name: z.string().nullable(),
  /** Of the run that trained it; it may have been deleted. */
  run: z.string().nullable(),
  trainedOn: named,
  /** Its blocks in the model, counted from 0. */
  positions: z.array(z.int()),
  parameters: z.int(),
  /** What is multiplied into its weights: below 1 only where packs were put together so. */
  strength: z.number(),
  training: expansionTrainingSchema.nullable(),
  isRemovable: z.boolean(),
  /** Why it is not. */
  reason: z.string().nullable(),
  /** The latest evaluation of a gate for it. */
  gate: gateEvaluationSchema.nullable(),
});
export type PackInfo = z.infer<typeof packInfoSchema>;

export const modelPacksSchema = z.object({
  model: z.object({ id: z.string(), name: z.string(), hash: z.string() }),
  packs: z.array(packInfoSchema),
  /** What is left without all that can be removed; its id where it is in the workspace. Null when nothing can. */
  base: named.extend({ id: z.string().nullable() }).nullable(),
  /** The latest; null when it has not been proved. */
  proof: packProofSchema.nullable(),
});
export type ModelPacks = z.infer<typeof modelPacksSchema>;

export const composeRequestSchema = z.object({
  /** What they are put on; what is left of the first pack's model without its packs unless said. */
  base: z.string().min(1).optional(),
  /** At one place, packs of different models follow each other in this order. None makes nothing: that is the base itself. */
  packs: z.array(z.object({ model: z.string().min(1), pack: z.int().min(1), strength: z.number().default(1) })).min(1),
  name: z.string().min(1).max(200).optional(),
});
export type ComposeRequest = z.input<typeof composeRequestSchema>;

export const composedSchema = z.object({ model: modelInfoSchema, warnings: z.array(z.string()) });
export type Composed = z.infer<typeof composedSchema>;

export const gateRequestSchema = z.object({ model: z.string().min(1), ...gateRequestShape });
export type GateRequest = z.input<typeof gateRequestSchema>;

/** How far an evaluation is; the result comes last. */
export const gateEventSchema = z.object({
  activity: z.string(),
  done: z.int(),
  of: z.int(),
  evaluation: gateEvaluationSchema.nullable(),
});
export type GateEvent = z.infer<typeof gateEventSchema>;
