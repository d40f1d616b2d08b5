import { z } from 'zod';
import { askedItemSchema } from '../domain/evaluation/asked-item.ts';
import { CHOICE_FORMS } from '../domain/evaluation/choice-item.ts';
import { partComparisonSchema } from '../domain/evaluation/compare.ts';
import { partFiguresSchema, partOptionsSchema, partResultSchema } from '../domain/evaluation/part.ts';
import { userPath } from './user-path.ts';

/** Evaluation suites: what a workspace measures of the base and of every run alike. */

/** Items of a part: a file of JSON Lines (also .gz), or the held-out documents of a dataset. */
export const partSourceSchema = z.union([z.object({ file: userPath('read') }), z.object({ dataset: z.string().min(1) })]);
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

/** What a source would measure; without options they follow from its items. */
export const inspectPartRequestSchema = z.object({ source: partSourceSchema, options: partOptionsSchema.optional() });
export type InspectPartRequest = z.input<typeof inspectPartRequestSchema>;

export const partInspectionSchema = z.object({
  name: z.string(),
  items: z.int(),
  options: partOptionsSchema,
  /** The form of questions with choices; null for other kinds. */
  form: z.enum(CHOICE_FORMS).nullable(),
  /** The first item. */
  example: askedItemSchema,
});
export type PartInspection = z.infer<typeof partInspectionSchema>;

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

export const suiteSummarySchema = suiteSchema.extend({
  /** Models of the workspace that something of it was measured of. */
  models: z.int(),
  /** The one that was measured last; null before any was. */
  last: suiteRowSchema.nullable(),
});
export type SuiteSummary = z.infer<typeof suiteSummarySchema>;

export const renameSuiteRequestSchema = suiteRef.extend({ name: z.string().trim().min(1).max(200) });

export const suiteTableSchema = z.object({ suite: suiteSchema, rows: z.array(suiteRowSchema) });
export type SuiteTable = z.infer<typeof suiteTableSchema>;

/** @see suiteTableSchema; models that were not measured have no row. */
export const suiteResultsRequestSchema = suiteRef.extend({
  /** Model or run that all are compared with; each with its own base unless said. */
  baseline: z.string().min(1).optional(),
  /** Only these models or runs, ids or names. */
  models: z.array(z.string().min(1)).optional(),
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

/** Items of one part that a model answers otherwise than what it is compared with. */
export const suiteChangesRequestSchema = suiteItemsRequestSchema.extend({
  /** Its own base unless said. */
  baseline: z.string().min(1).optional(),
  /** Right now and wrong before, or the other way round; of texts, those of less loss and those of more. */
  change: z.enum(['gained', 'lost']),
  from: z.int().min(0).default(0),
  count: z.int().min(1).max(500).default(50),
});
export type SuiteChangesRequest = z.input<typeof suiteChangesRequestSchema>;

/** What a model and its baseline made of an item, each as the kind of the item has it. */
const answersOf = <Answer extends z.ZodType>(answer: Answer): z.ZodObject<{ baseline: Answer; model: Answer }> =>
  z.object({ baseline: answer, model: answer });

export const changedItemSchema = z.object({
  /** Line of the file, counted from 1. */
  line: z.int(),
  item: askedItemSchema,
  answers: z.discriminatedUnion('kind', [
    /** Indices of the choices taken. */
    answersOf(z.int()).extend({ kind: z.literal('choices') }),
    /** What was written, and what of it was taken as the answer. */
    answersOf(z.object({ output: z.string(), extracted: z.string() })).extend({ kind: z.literal('exact-match') }),
    /** Bits per byte. */
    answersOf(z.number()).extend({ kind: z.literal('text') }),
  ]),
});
export type ChangedItem = z.infer<typeof changedItemSchema>;

export const suiteChangesSchema = z.object({
  suite: z.object({ id: z.string(), name: z.string() }),
  part: z.object({ hash: z.string(), name: z.string() }),
  model: z.object({ id: z.string(), name: z.string() }),
  baseline: z.object({ id: z.string(), name: z.string() }),
  gained: z.int(),
  lost: z.int(),
  /** Of those asked for, [from, from + count): questions in the order of the file, texts with the largest difference first. */
  items: z.array(changedItemSchema),
});
export type SuiteChanges = z.infer<typeof suiteChangesSchema>;
