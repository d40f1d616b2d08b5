import { z } from 'zod';
import { partComparisonSchema } from '../domain/evaluation/compare.ts';
import { partFiguresSchema, partOptionsSchema, partResultSchema } from '../domain/evaluation/part.ts';

/** Evaluation suites: what a workspace measures of the base and of every run alike. */

/** Items of a part: a file of JSON Lines (also .gz), or the held-out documents of a dataset. */
export const partSourceSchema = z.union([z.object({ file: z.string().min(1) }), z.object({ dataset: z.string().min(1) })]);
export type PartSource = z.infer<typeof partSourceSchema>;

export const partRequestSchema = z.object({
  /** What to call it; the source's name and the kind unless said. */
  name: z.string().min(1).max(200).optional(),
  source: partSourceSchema,
  /** Where examples for answers in words come from; the questions themselves unless said. */
  examples: partSourceSchema.optional(),
  options: partOptionsSchema,
});
export type PartRequest = z.input<typeof partRequestSchema>;

export const suitePartSchema = z.object({
  name: z.string(),
  /** Where its items came from, for the user; they were copied into the workspace. */
  source: z.string(),
  items: z.int(),
  /** sha256 of the items, of the examples, and of both with the options: parts of the same hash measure the same. */
  itemsHash: z.string(),
  examplesHash: z.string().nullable(),
  hash: z.string(),
  options: partOptionsSchema,
});
export type SuitePart = z.infer<typeof suitePartSchema>;

export const suiteSchema = z.object({
  id: z.string(),
  name: z.string(),
  parts: z.array(suitePartSchema).min(1),
  createdAt: z.string(),
});
export type Suite = z.infer<typeof suiteSchema>;

/** Id or name. */
export const suiteRef = z.object({ suite: z.string().min(1) });

export const saveSuiteRequestSchema = z.object({
  name: z.string().min(1).max(200),
  parts: z.array(partRequestSchema).min(1).max(100),
});
export type SaveSuiteRequest = z.input<typeof saveSuiteRequestSchema>;

export const suiteCellSchema = z.object({
  /** Hash of the part. */
  part: z.string(),
  /** Null where it has not been measured. */
  result: partFiguresSchema.nullable(),
  measuredAt: z.string().nullable(),
  /** With the baseline of the row, item by item; null where one of both is missing, or the row is its own baseline. */
  comparison: partComparisonSchema.nullable(),
});

export const suiteRowSchema = z.object({
  model: z.object({ id: z.string(), name: z.string() }),
  /** The run that made it; null for a base. */
  run: z.object({ id: z.string(), name: z.string() }).nullable(),
  /** What it is compared with: the chosen baseline, else the base it was made from; null where that is not in the workspace. */
  baseline: z.object({ id: z.string(), name: z.string() }).nullable(),
  /** One for each part of the suite, in their order. */
  cells: z.array(suiteCellSchema),
});
export type SuiteRow = z.infer<typeof suiteRowSchema>;

export const suiteTableSchema = z.object({ suite: suiteSchema, rows: z.array(suiteRowSchema) });
export type SuiteTable = z.infer<typeof suiteTableSchema>;

/** @see suiteTableSchema; models that were not measured have no row. */
export const suiteResultsRequestSchema = suiteRef.extend({
  /** Model or run that all are compared with; each with its own base unless said. */
  baseline: z.string().min(1).optional(),
});
export type SuiteResultsRequest = z.infer<typeof suiteResultsRequestSchema>;

export const suiteRunRequestSchema = suiteRef.extend({
  /** Models or runs, ids or names; every model of the workspace when there is none. */
  models: z.array(z.string().min(1)).default([]),
  /** Measures again what is known. */
  again: z.boolean().default(false),
  engine: z.string().optional(),
});
export type SuiteRunRequest = z.input<typeof suiteRunRequestSchema>;

export const scoreProgressSchema = z.object({
  /** What is being measured. */
  activity: z.string(),
  /** Items of the part. */
  done: z.int(),
  of: z.int(),
  /** For the part; null until it can be told. */
  secondsLeft: z.number().nullable(),
  /** Parts that are measured, of all models, and all there are to measure. */
  partsDone: z.int(),
  parts: z.int(),
});
export type ScoreProgress = z.infer<typeof scoreProgressSchema>;

/** The table comes last. */
export const suiteRunEventSchema = z.object({ progress: scoreProgressSchema.nullable(), table: suiteTableSchema.nullable() });
export type SuiteRunEvent = z.infer<typeof suiteRunEventSchema>;

/** One part on one model, nothing kept. */
export const scoreRequestSchema = z.object({ model: z.string().min(1), part: partRequestSchema, engine: z.string().optional() });
export type ScoreRequest = z.input<typeof scoreRequestSchema>;

export const scoreResultSchema = z.object({
  model: z.object({ id: z.string(), name: z.string() }),
  result: partResultSchema,
  seconds: z.number(),
  engine: z.string(),
});
export type ScoreResult = z.infer<typeof scoreResultSchema>;

/** The result comes last. */
export const scoreEventSchema = z.object({ progress: scoreProgressSchema.nullable(), result: scoreResultSchema.nullable() });
export type ScoreEvent = z.infer<typeof scoreEventSchema>;

/** Items of one part for one model, as they were measured: for looking at what changed. */
export const suiteItemsRequestSchema = suiteRef.extend({ model: z.string().min(1), part: z.string().min(1) });
