import { z } from 'zod';

/** Datasets and models that were deleted: they lie in a bin, with their files, until it is emptied. */

export const binItemSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** What deleting it for good frees, about: of a dataset its text, of a model its folder. */
  bytes: z.int(),
  deletedAt: z.string(),
});
export type BinItem = z.infer<typeof binItemSchema>;

/** One item of the bin by id or name; all of them unless said. */
export const purgeRequestSchema = z.object({ item: z.string().optional() });

export const purgeResultSchema = z.object({
  /** Ids of what is gone, with its files. */
  removed: z.array(z.string()),
  /** Ids of what was left in the bin, for a run that is not finished needs it. */
  kept: z.array(z.string()),
});
export type PurgeResult = z.infer<typeof purgeResultSchema>;
