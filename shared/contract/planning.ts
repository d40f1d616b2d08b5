import { z } from 'zod';
import { importanceSchema } from '../domain/importance.ts';
import type { BudgetBasis } from '../domain/budget.ts';
import type { LlamaConfig } from '../domain/llama-config.ts';
import { outlookSchema } from '../domain/plan-summary.ts';
import { planSchema } from '../domain/plan.ts';
import { renderingSchema } from '../domain/rendering.ts';

/** What a plan means before it is carried out. */

/** What a run needs at its peak and what the machine has, in bytes. */
export const memoryOutlookSchema = z.object({
  weights: z.number(),
  moments: z.number(),
  gradients: z.number(),
  activations: z.number(),
  head: z.number(),
  engine: z.number(),
  total: z.number(),
  available: z.number(),
  keepsActivations: z.boolean(),
});

/** What a plan means for a model, whatever it will learn. */
export const planReportSchema = outlookSchema.extend({
  model: z.object({ id: z.string(), name: z.string() }),
  plan: planSchema,
  importance: importanceSchema.nullable(),
  /** What its training is estimated with. */
  batch: z.int(),
  context: z.int(),
  memory: memoryOutlookSchema.extend({ fits: z.boolean() }),
  /** For a million trained tokens. */
  time: z.object({ secondsPerMillionTokens: z.number(), tokensPerSecond: z.number(), basis: z.string() }).nullable(),
});
export type PlanReport = z.infer<typeof planReportSchema>;

/** The numbers of an architecture, as the studio read them from a model that it has checked. */
const llamaConfigSchema = z.object({
  hiddenSize: z.int(),
  intermediateSize: z.int(),
  blocks: z.int(),
  heads: z.int(),
  keyValueHeads: z.int(),
  headSize: z.int(),
  vocabularySize: z.int(),
  contextLength: z.int(),
  normEpsilon: z.number(),
  ropeTheta: z.number(),
  ropeScaling: z.custom<LlamaConfig['ropeScaling']>((value) => value === null || typeof value === 'object'),
  slidingWindow: z.int().nullable(),
  attentionBias: z.boolean(),
  mlpBias: z.boolean(),
  tiedEmbeddings: z.boolean(),
  bosTokenId: z.int().nullable(),
  eosTokenId: z.int().nullable(),
}) satisfies z.ZodType<LlamaConfig>;

/** What budgets of a model's plans are computed from, and what a run takes where nobody says otherwise. */
export const planBasisSchema = z.object({
  config: llamaConfigSchema,
  isCompact: z.boolean(),
  companions: z.object({ huggingface: z.number(), gguf: z.number() }),
  availableMemory: z.number(),
  speed: z.object({ flopsPerSecond: z.number(), basis: z.string() }).nullable(),
  batch: z.int(),
  context: z.int(),
}) satisfies z.ZodType<BudgetBasis>;
export type PlanBasis = z.infer<typeof planBasisSchema>;

/** How far the measurement of what blocks matter is; the table comes last. */
export const importanceEventSchema = z.object({
  activity: z.string(),
  done: z.int(),
  of: z.int(),
  importance: importanceSchema.nullable(),
});
export type ImportanceEvent = z.infer<typeof importanceEventSchema>;

/** What is to be measured: on which old data, and how much of it. */
export const importanceRequestSchema = z.object({
  model: z.string().min(1),
  oldDatasets: z.array(z.string()),
  rendering: renderingSchema.optional(),
  /** Tokens per window, windows in all, and seconds after which it ends with what it has. */
  context: z.int().min(2).optional(),
  windows: z.int().min(1).max(100_000).optional(),
  limitSeconds: z.number().positive().optional(),
  engine: z.string().optional(),
});
export type ImportanceRequest = z.infer<typeof importanceRequestSchema>;

export const planRequestShape = {
  model: z.string(),
  blocks: z.int().optional(),
  place: z.string().default('even'),
  /** For the place `least-important`: the data it was measured on. */
  oldDatasets: z.array(z.string()).default([]),
};
