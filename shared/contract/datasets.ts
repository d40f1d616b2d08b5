import { z } from 'zod';
import { cleaningReportSchema, cleaningSettingsSchema } from '../domain/cleaning.ts';
import { CONTENT_KINDS, contentKindsSchema, contentSchema } from '../domain/content.ts';
import { sampleOfSchema } from '../domain/dataset-sample.ts';
import { tokenPieceSchema } from '../domain/rendering.ts';
import { roleSchema } from '../domain/run.ts';
import { SELF_REPLAY_DEFAULTS } from '../domain/self-replay.ts';
import { DATASET_PARTS, splitReportSchema } from '../domain/split.ts';
import { importedFileSchema } from './dataset-import.ts';

/** Datasets, their documents, and text that stands in for old data. */

export const datasetInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  documents: z.int(),
  heldOutDocuments: z.int(),
  /** Bytes of UTF-8 text. */
  bytes: z.int(),
  /** Hash of the documents and their split; the dataset never changes. */
  hash: z.string(),
  source: z.string(),
  createdAt: z.string(),
  /** Where it is published, and its licence; null where nobody said. */
  origin: z.string().nullable(),
  licence: z.string().nullable(),
  /** Documents of each kind of content. */
  kinds: contentKindsSchema,
  /** Main languages of a sample of its documents, as shares of its text, largest first; "unknown" for what is too short to tell. */
  languages: z.array(z.object({ language: z.string(), share: z.number() })),
  /** 1 for a dataset of its own; one more than its parent's for one made from changed sources. */
  version: z.int(),
  /** Id of the dataset that this is a later version of. */
  parent: z.string().nullable(),
  /** The dataset that this is a sample of: it has all of its held-out documents, and counts as it where held-out text is measured. */
  sampleOf: sampleOfSchema.nullable(),
});
export type DatasetInfo = z.infer<typeof datasetInfoSchema>;

/** A document of a dataset, shortened for a list. */
export const listedDocumentSchema = z.object({
  /** Its number in the dataset, counted from 0. */
  number: z.int(),
  kind: z.enum(CONTENT_KINDS),
  heldOut: z.boolean(),
  /** Bytes of UTF-8 of all that it says. */
  bytes: z.int(),
  /** The file it came from; null where that was not noted. */
  file: z.string().nullable(),
  /** Its plain text: the beginning, or the surroundings of what was searched for. */
  text: z.string(),
  /** Where in `text` that stands; null where nothing was searched for. */
  at: z.int().nullable(),
});
export type ListedDocument = z.infer<typeof listedDocumentSchema>;

export const datasetDetailsSchema = datasetInfoSchema.extend({
  files: z.array(importedFileSchema),
  duplicates: z.int(),
  /** How it was cleaned and what that did; null where nobody noted it. */
  cleaning: z.object({ settings: cleaningSettingsSchema, report: cleaningReportSchema }).nullable(),
  split: splitReportSchema.nullable(),
  /** Runs that used it, the newest first. */
  runs: z.array(z.object({ id: z.string(), name: z.string(), role: roleSchema })),
});
export type DatasetDetails = z.infer<typeof datasetDetailsSchema>;

/** Tokens that a dataset has for a model. */
export const tokenCountSchema = z.object({
  dataset: z.string(),
  tokens: z.int(),
  /** False where it is concluded from a sample of its documents. */
  isExact: z.boolean(),
});
export type TokenCount = z.infer<typeof tokenCountSchema>;

export const partSchema = z.enum(DATASET_PARTS).default('all');

/** A document as a model reads it. */
export const documentTokensSchema = z.object({
  /** Its number in the dataset, counted from 0. */
  document: z.int(),
  content: contentSchema,
  heldOut: z.boolean(),
  tokens: z.int(),
  learnedTokens: z.int(),
  /** Its first tokens. */
  pieces: z.array(tokenPieceSchema),
  /** How conversations are written where the model has no chat template of its own; null where it has one. */
  note: z.string().nullable(),
});
export type DocumentTokens = z.infer<typeof documentTokensSchema>;

/** Text that a model is to write by itself, in place of old data that nobody has. */
export const selfReplayRequestSchema = z.object({
  model: z.string().min(1),
  /** About so many. */
  tokens: z.int().min(1000).max(1_000_000_000).default(SELF_REPLAY_DEFAULTS.tokens),
  temperature: z.number().min(0.05).max(10).default(SELF_REPLAY_DEFAULTS.temperature),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(SELF_REPLAY_DEFAULTS.seed),
  name: z.string().min(1).max(200).optional(),
  engine: z.string().optional(),
});
export type SelfReplayRequest = z.output<typeof selfReplayRequestSchema>;

/** How far it is, in tokens; the dataset comes last. */
export const selfReplayEventSchema = z.object({
  activity: z.string(),
  done: z.int(),
  of: z.int(),
  dataset: datasetInfoSchema.nullable(),
});
export type SelfReplayEvent = z.infer<typeof selfReplayEventSchema>;

/** A part of a dataset that is kept for replay, drawn by a seed; one of the three says how much of its training part. */
export const datasetSampleRequestSchema = z.object({
  dataset: z.string().min(1),
  /** About so many, of the model where one is named, otherwise of four bytes. */
  tokens: z.int().min(1).optional(),
  documents: z.int().min(1).optional(),
  /** Of its text. */
  share: z.number().gt(0).lt(1).optional(),
  model: z.string().optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(1),
  name: z.string().min(1).max(200).optional(),
});
export type DatasetSampleRequest = z.output<typeof datasetSampleRequestSchema>;
