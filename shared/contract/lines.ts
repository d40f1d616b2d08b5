import { z } from 'zod';
import { LINE_FIGURES } from '../domain/continual-words.ts';
import { estimateSchema } from '../domain/measurement.ts';
import { methodSchema } from '../domain/method.ts';
import { roleSchema } from '../domain/run.ts';
import { trainRequestSchema } from './training.ts';

/** What a model learned over its line of steps, and what it kept of each. */

export const LINE_UNITS = ['nats', 'bits'] as const;
export type LineUnit = (typeof LINE_UNITS)[number];

export const lineRefSchema = z.object({
  /** Model or run, id or name. */
  model: z.string().min(1),
  /** Scores are minus nats per token, or minus bits per byte. */
  unit: z.enum(LINE_UNITS).default('nats'),
});

/** A line of the workspace, by the model that it ends in. */
export const lineRowSchema = z.object({
  model: z.object({ id: z.string(), name: z.string() }),
  base: z.string(),
  /** What was learned, one step after the other: the new datasets of each. */
  tasks: z.array(z.array(z.string())),
  createdAt: z.string(),
});
export type LineRow = z.infer<typeof lineRowSchema>;

const lineDatasetSchema = z.object({
  name: z.string(),
  hash: z.string(),
  /** In this workspace, also where only a sample of it is left; null where neither is. */
  id: z.string().nullable(),
  isSample: z.boolean(),
});
export type LineDataset = z.infer<typeof lineDatasetSchema>;

export const lineStepSchema = z.object({
  /** Which step of the model's line, counted from 0: its blocks have that colour. */
  index: z.int(),
  /** The task that it learned, counted from 1; null where it only inserted blocks. */
  task: z.int().nullable(),
  name: z.string(),
  /** The model that came of it, and its run, where they are in this workspace. */
  model: z.string().nullable(),
  run: z.object({ id: z.string(), name: z.string() }).nullable(),
  method: methodSchema,
  insertedBlocks: z.int(),
  datasets: z.array(lineDatasetSchema.extend({ role: roleSchema })),
  /** As the run measured them, nats per token. */
  gain: z.number().nullable(),
  forgetting: z.number().nullable(),
});
export type LineStep = z.infer<typeof lineStepSchema>;

/** What a model scored on a task's held-out text; or why that is not known. */
export const lineCellSchema = z.discriminatedUnion('isKnown', [
  z.object({
    isKnown: z.literal(true),
    /** Minus the loss. */
    score: estimateSchema,
    tokens: z.int(),
    documents: z.int(),
    /** The run that measured it; null where that was done for the line. */
    run: z.object({ id: z.string(), name: z.string() }).nullable(),
    /** More than before the task was learned, by documents where they are known; null in that row and where it was not measured. */
    change: estimateSchema.nullable(),
  }),
  z.object({ isKnown: z.literal(false), reason: z.string(), canBeMeasured: z.boolean() }),
]);
export type LineCell = z.infer<typeof lineCellSchema>;

export const lineColumnSchema = z.object({
  datasets: z.array(lineDatasetSchema),
  /** How all cells of the column were measured; null where none was. */
  manner: z.object({ context: z.int(), coverage: z.number() }).nullable(),
  /** From row 0, before any training, to the last. */
  cells: z.array(lineCellSchema),
});
export type LineColumn = z.infer<typeof lineColumnSchema>;

export const lineSchema = z.object({
  model: z.object({ id: z.string(), name: z.string(), blocks: z.int(), owners: z.array(z.union([z.literal('base'), z.int()])) }),
  unit: z.enum(LINE_UNITS),
  base: z.string(),
  steps: z.array(lineStepSchema),
  /** Row t: the model after task t; row 0 before any. Its id is null where it is not in this workspace. */
  rows: z.array(z.object({ name: z.string(), model: z.string().nullable() })),
  /** Column i - 1: task i. */
  tasks: z.array(lineColumnSchema),
  /** Data that were only old: what the base could do before. Null where no step had any. */
  kept: lineColumnSchema.nullable(),
  figures: z.record(z.enum(LINE_FIGURES), estimateSchema.nullable()),
  /** For each task, the model that learned the tasks up to it together, with its score on it. */
  joint: z.array(z.object({ name: z.string(), model: z.string().nullable(), cell: lineCellSchema }).nullable()),
  /** What is gone, in words. */
  missing: z.array(z.string()),
  /** Cells that can be measured now. */
  measurable: z.int(),
});
export type Line = z.infer<typeof lineSchema>;

/** How far the measuring of a line is; the line comes last. */
export const lineEventSchema = z.object({ activity: z.string(), done: z.int(), of: z.int(), line: lineSchema.nullable() });
export type LineEvent = z.infer<typeof lineEventSchema>;

export const jointRequestSchema = z.object({
  model: z.string().min(1),
  /** Counted from 1; the last of the line unless said. */
  task: z.int().min(1).optional(),
  /** Model or run that learned the tasks up to this one together; null takes it back. */
  joint: z.string().min(1).nullable(),
});

/** What a run needs that begins where another ended: a request without what is to be learned. */
export const nextDomainSchema = z.object({
  request: trainRequestSchema.extend({ newDatasets: z.array(z.string()) }),
  /** What was carried over, and why, a sentence each. */
  reasons: z.array(z.string()),
  /** Datasets that should be on the old side and are not in this workspace. */
  missing: z.array(z.object({ name: z.string(), reason: z.string() })),
  /** For each dataset just learned: how many tokens the next run is likely to replay of it, where it has several times as many. */
  samples: z.array(z.object({ dataset: z.string(), name: z.string(), has: z.int(), tokens: z.int() })),
});
export type NextDomain = z.infer<typeof nextDomainSchema>;
