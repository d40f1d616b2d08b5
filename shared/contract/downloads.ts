import { z } from 'zod';
import { errorRecordSchema } from './errors.ts';

/** Models from a hub and from the catalogue. */

/** A model that Strata knows how to get. */
export const catalogueModelSchema = z.object({
  id: z.string(),
  /** What `downloads.start` takes. */
  source: z.string(),
  name: z.string(),
  purpose: z.string(),
  licence: z.string(),
  parameters: z.int(),
  /** What is fetched; null for what comes with Strata. */
  downloadBytes: z.int().nullable(),
  /** Where it is taken from, as a sentence. */
  origin: z.string(),
  /** Id of the model in the workspace that came from it; null when there is none. */
  model: z.string().nullable(),
});
export type CatalogueModel = z.infer<typeof catalogueModelSchema>;

/** A model that is being fetched and brought into the workspace, or was until it was stopped. */
export const downloadSchema = z.object({
  /** The name of its folder. */
  id: z.string(),
  /** `hub:ORG/NAME@REVISION` or `catalogue:ID`. */
  source: z.string(),
  /** The GGUF file that was asked for. */
  file: z.string().nullable(),
  title: z.string(),
  /** `stopped`: what has arrived is kept, and the same start goes on from there; so it does after `failed`. */
  state: z.enum(['fetching', 'importing', 'done', 'failed', 'stopped']),
  /** What is being done now, for the user. */
  activity: z.string(),
  bytesDone: z.number(),
  /** Null as long as nobody knows. */
  bytesTotal: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  /** What the user should know although it is no failure. */
  notices: z.array(z.string()),
  error: errorRecordSchema.nullable(),
  /** Id of the model once it is in the workspace. */
  model: z.string().nullable(),
});
export type Download = z.infer<typeof downloadSchema>;

export const downloadRef = z.object({ download: z.string().min(1) });

export const downloadRequestSchema = z.object({
  source: z.string().min(1).max(500),
  /** A GGUF file of a hub's repository that holds several. */
  file: z.string().min(1).max(500).optional(),
  /** For a hub; kept in memory only. Without one, that of the Python client is used. */
  token: z.string().max(5000).optional(),
  /** Use only what is on this machine. */
  offline: z.boolean().optional(),
  name: z.string().min(1).max(200).optional(),
});
export type DownloadRequest = z.infer<typeof downloadRequestSchema>;
