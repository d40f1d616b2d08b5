import { z } from 'zod';
import { EXPORT_DTYPES, EXPORT_FORMATS } from '../domain/export-format.ts';
import { userPath } from './user-path.ts';

/** Models written for other programs. */

export const exportRequestSchema = z.object({
  /** Id or name. */
  model: z.string().min(1),
  format: z.enum(EXPORT_FORMATS),
  /**
   * A folder that does not exist yet or is empty; for GGUF any folder, or the file's own path; a pack becomes one file where the name ends in
   * `.strata-pack`.
   */
  destination: userPath('write'),
  /** As stored unless said. */
  dtype: z.enum(EXPORT_DTYPES).optional(),
  /** Largest weight file of a Hugging Face folder; one file unless said. */
  shardBytes: z.int().min(1).optional(),
  /** The model that a pack is to be put on, id or name; the one that the last blocks were inserted into unless said. */
  base: z.string().min(1).optional(),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;

export const exportedModelSchema = z.object({
  path: z.string(),
  format: z.string(),
  dtype: z.string(),
  bytes: z.int(),
  /** It was opened again, and is what it should be. */
  verified: z.boolean(),
  /** What other programs do in another way than Strata, and what is otherwise than asked for, in words. */
  notes: z.array(z.string()).optional(),
});
export type ExportedModel = z.infer<typeof exportedModelSchema>;

/** How far an export is, at most ten times a second; the last event has the result. */
export const exportEventSchema = z.object({
  /** Fraction of what is to be written and read again. */
  done: z.number(),
  exported: exportedModelSchema.nullable(),
});
export type ExportEvent = z.infer<typeof exportEventSchema>;

export const exportSizesSchema = z.object({
  /** The element types that the tensors have now. */
  stored: z.array(z.string()),
  sizes: z.array(z.object({ format: z.enum(EXPORT_FORMATS), dtype: z.enum(EXPORT_DTYPES).nullable(), bytes: z.number() })),
});
export type ExportSizes = z.infer<typeof exportSizesSchema>;
