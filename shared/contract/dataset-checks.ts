import { z } from 'zod';
import { dataCheckReportSchema } from '../domain/data-check.ts';
import { distanceReportSchema } from '../domain/distance.ts';
import { userPath } from './user-path.ts';

/** What datasets have in common, and how far they are from each other. */

export const dataCheckRequestSchema = z.object({
  /** Ids or names: what a run would train on, new and old. */
  datasets: z.array(z.string().min(1)).min(1),
  /** What is measured on besides held-out parts: datasets, or paths of files. */
  evaluations: z.array(userPath('read', { orDataset: true })).default([]),
});
export type DataCheckRequest = z.input<typeof dataCheckRequestSchema>;

/** How far a check is, in documents read; the report comes last. */
export const dataCheckEventSchema = z.object({
  activity: z.string(),
  done: z.int().nullable(),
  of: z.int().nullable(),
  report: dataCheckReportSchema.nullable(),
});
export type DataCheckEvent = z.infer<typeof dataCheckEventSchema>;

export const distanceRequestSchema = z.object({
  newDatasets: z.array(z.string().min(1)).min(1),
  oldDatasets: z.array(z.string().min(1)).min(1),
  /** Also measures the loss of this model, or of the one a run made, on both held-out parts. */
  model: z.string().min(1).optional(),
  /** Bytes of each held-out part that the model reads. */
  lossBytes: z.int().min(1000).max(100_000_000).optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  engine: z.string().optional(),
});
export type DistanceRequest = z.infer<typeof distanceRequestSchema>;

/** What is being done; the report comes last. */
export const distanceEventSchema = z.object({ activity: z.string(), report: distanceReportSchema.nullable() });
export type DistanceEvent = z.infer<typeof distanceEventSchema>;
