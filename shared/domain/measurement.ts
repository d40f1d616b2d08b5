import { z } from 'zod';

/** What is measured on held-out text, dataset by dataset. The same of a run at each step as of a saved model. */

/** A figure with its standard error by bootstrap over documents; null where fewer than two documents were measured. */
export const estimateSchema = z.object({ value: z.number(), error: z.number().nullable() });

/** `past`: what the model learned in earlier steps of its line, and what this run neither trains on nor calls old. */
export const MEASURED_ROLES = ['new', 'old', 'past'] as const;
export const measuredRoleSchema = z.enum(MEASURED_ROLES);
export type MeasuredRole = z.infer<typeof measuredRoleSchema>;

/** In which order windows of a held-out part are taken where not all are: from its beginning on, or spread over all of it. */
export const windowOrderSchema = z.enum(['first', 'spread']);
export type WindowOrder = z.infer<typeof windowOrderSchema>;

/**
 * How the rank that the base gives to the model's most likely token is spread over positions, as shares that add up to 1: first (unshifted),
 * second or third (marginal), later (shifted). LLaMA Pro, figure 6; Lin et al. 2023 (arXiv 2312.01552).
 */
export const tokenShiftSchema = z.object({ unshifted: z.number(), marginal: z.number(), shifted: z.number() });
export type TokenShift = z.infer<typeof tokenShiftSchema>;

/** One dataset's held-out part at one moment. */
export const datasetMeasureSchema = z.object({
  datasetId: z.string(),
  name: z.string(),
  /** Of the dataset's version, so that only what was measured on the same text is compared. */
  hash: z.string(),
  role: measuredRoleSchema,
  /** Predicted tokens, the bytes of text that they stand for, and the documents that they are of. */
  tokens: z.int(),
  bytes: z.int(),
  documents: z.int(),
  /** Of the held-out part's tokens, the fraction that was measured: 1 is all. */
  coverage: z.number(),
  /** Nats per token. */
  loss: estimateSchema,
  /** Null where no token stands for a byte. */
  bitsPerByte: estimateSchema.nullable(),
  /** Share of positions at which the model's most likely token is the base's; null where there is no base to compare with. */
  agreement: estimateSchema.nullable(),
  /** KL(base || model), nats per token. */
  drift: estimateSchema.nullable(),
  shift: tokenShiftSchema.nullable(),
});
export type DatasetMeasure = z.infer<typeof datasetMeasureSchema>;
