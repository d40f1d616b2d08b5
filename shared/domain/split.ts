import { z } from 'zod';

/** Parts of a dataset: what is trained on, and what is held out to measure on. */
export const DATASET_PARTS = ['all', 'train', 'heldOut'] as const;
export type DatasetPart = (typeof DATASET_PARTS)[number];

/** What is held out of a dataset, and how well it measures. */
export const splitReportSchema = z.object({
  /** Held-out documents. */
  documents: z.int(),
  /** Held-out bytes, and their share of all. */
  bytes: z.number(),
  share: z.number(),
  /** Expected standard error of the mean loss on the held-out part, as a fraction of the loss. */
  estimatedStandardError: z.number(),
  /** Why less is held out than a good measurement needs; null when it is enough. */
  note: z.string().nullable(),
});
export type SplitReport = z.infer<typeof splitReportSchema>;
