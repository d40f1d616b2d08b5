import { z } from 'zod';
import { estimateSchema } from '../domain/measurement.ts';
import { methodNameSchema } from '../domain/method.ts';
import { metricSeriesSchema, runStatusSchema, runSummarySchema } from '../domain/run.ts';
import { COMPARED_MEASURES, VERDICTS } from '../domain/verdict.ts';

/** The history of runs: finding them, marking them, and comparing any of them. */

export const RUN_SORTS = ['created', 'name', 'gain', 'forgetting', 'drift', 'seconds', 'replayShare', 'tokensPerSecond'] as const;

/** Everything absent means: do not filter by it. */
export const runQuerySchema = z.object({
  /** Words that name, note, tags, model or datasets hold, upper and lower case alike; all must be found. */
  text: z.string().max(500).default(''),
  status: z.array(runStatusSchema).optional(),
  method: z.array(methodNameSchema).optional(),
  /** All of them. */
  tags: z.array(z.string()).optional(),
  /** Id of the model that runs started from. */
  baseModel: z.string().optional(),
  /** Id of a batch of runs that were started together. */
  batch: z.string().optional(),
  favourite: z.boolean().optional(),
  /** `active` leaves out archived and deleted runs; each of the others shows nothing but its own. */
  shelf: z.enum(['active', 'archived', 'deleted']).default('active'),
  sort: z.enum(RUN_SORTS).default('created'),
  /** Descending unless said; runs without the value come last either way. */
  ascending: z.boolean().default(false),
  from: z.int().min(0).default(0),
  count: z.int().min(1).max(1000).default(100),
});
export type RunQuery = z.input<typeof runQuerySchema>;

/** A run in a list: what a row shows, without the configuration. */
export const runRowSchema = z.object({
  id: z.string(),
  name: z.string(),
  status: runStatusSchema,
  note: z.string(),
  tags: z.array(z.string()),
  favourite: z.boolean(),
  archivedAt: z.string().nullable(),
  deletedAt: z.string().nullable(),
  /** The batch that it was started with; null for a run of its own. */
  batch: z.string().nullable(),
  method: methodNameSchema,
  baseModel: z.object({ id: z.string(), name: z.string() }),
  /** Id of the model it made. */
  model: z.string().nullable(),
  datasets: z.array(z.object({ id: z.string(), name: z.string(), role: z.enum(['new', 'old']) })),
  insertedBlocks: z.int(),
  replayShare: z.number(),
  steps: z.int(),
  stepsDone: z.int(),
  gain: estimateSchema.nullable(),
  forgetting: estimateSchema.nullable(),
  drift: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  seconds: z.number().nullable(),
  engine: z.string().nullable(),
  /** Held-out new loss over the run in at most 32 values, for a picture beside the name. */
  sparkline: z.array(z.number()),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
});
export type RunRow = z.infer<typeof runRowSchema>;

export const runPageSchema = z.object({
  /** Runs that the query finds, on all pages. */
  total: z.int(),
  rows: z.array(runRowSchema),
  /** All tags in use with the number of runs, for the filter. */
  tags: z.array(z.object({ tag: z.string(), runs: z.int() })),
});

export const CURVE_AXES = ['step', 'tokens', 'time'] as const;

/** Curves of several runs on one axis, each thinned to at most so many points; the least and the largest of what is left out stay. */
export const curvesRequestSchema = z.object({
  runs: z.array(z.string()).min(1).max(200),
  series: z.array(metricSeriesSchema).min(1),
  axis: z.enum(CURVE_AXES).default('step'),
  points: z.int().min(10).max(10_000).default(400),
});
export const curveSchema = z.object({
  run: z.string(),
  series: metricSeriesSchema,
  /** Steps, tokens or seconds of training, and the value there. */
  x: z.array(z.number()),
  y: z.array(z.number()),
});
export type Curve = z.infer<typeof curveSchema>;

/** In which unit runs can be put side by side; `none` where nothing of them can, with the reason. */
export const comparabilitySchema = z.object({
  /** nats: same held-out text, tokenizer and context; bits: same held-out text, other tokenizers; none: other text. */
  unit: z.enum(['nats', 'bits', 'none']),
  /** What is compared; nothing where the unit is none. */
  measures: z.array(z.enum(COMPARED_MEASURES)),
  /** Why something is not compared, and what to mind where it is. */
  reasons: z.array(z.string()),
});

/** One run's point on the chart of gain against forgetting, in the comparison's unit. */
export const tradeOffPointSchema = z.object({
  run: z.string(),
  /** Null where it was not measured, or where the runs cannot be compared in it. */
  gain: estimateSchema.nullable(),
  forgetting: estimateSchema.nullable(),
  drift: z.number().nullable(),
  /** No other run gains at least as much and forgets no more, and is better in one of them. */
  isBest: z.boolean(),
});

/** Whether a run is better than the baseline, by a bootstrap of the same documents measured with both. */
export const verdictSchema = z.object({
  run: z.string(),
  measure: z.enum(COMPARED_MEASURES),
  /** The run's value minus the baseline's; for forgetting and drift less is better. Null where one of them was not measured. */
  difference: z.number().nullable(),
  error: z.number().nullable(),
  /** 95 %. */
  interval: z.tuple([z.number(), z.number()]).nullable(),
  verdict: z.enum(VERDICTS),
  /** Why there is none, where there is none: no paired measurement, one document, another held-out text. */
  reason: z.string().nullable(),
});

/**
 * Forgetting at equal gain: each run's course of (gain, forgetting) is read where its gain is `gain`, between the two measurements around it
 * (science: comparing at equal steps misleads). Null for a run that did not reach it.
 */
export const matchedGainSchema = z.object({
  /** The largest gain that all compared runs reached. */
  gain: z.number(),
  runs: z.array(z.object({ run: z.string(), forgetting: z.number().nullable(), step: z.number().nullable() })),
});

export const comparisonRequestSchema = z.object({
  runs: z.array(z.string()).min(2).max(200),
  /** Which of the runs the others are compared with; null for no verdicts. */
  baseline: z.string().nullable().default(null),
  /** For the matched comparison; the largest that all reached when left out. */
  gain: z.number().positive().optional(),
});

export const comparisonSchema = z.object({
  runs: z.array(runSummarySchema),
  /** Settings and results by dotted name, one value per run: only those in which runs differ. */
  differences: z.record(z.string(), z.array(z.unknown())),
  comparability: comparabilitySchema,
  points: z.array(tradeOffPointSchema),
  /** Null where fewer than two runs have both gain and forgetting in one unit. */
  matched: matchedGainSchema.nullable(),
  verdicts: z.array(verdictSchema),
});
export type Comparison = z.infer<typeof comparisonSchema>;

/** `runs.csv` has a row per run, `metrics.csv` a row per point; JSON has both. `report` is one HTML file with its charts. */
export const RUN_EXPORT_FORMATS = ['runs.csv', 'metrics.csv', 'json', 'report.html'] as const;
export const runExportRequestSchema = z.object({
  runs: z.array(z.string()).min(1).max(1000),
  format: z.enum(RUN_EXPORT_FORMATS),
  baseline: z.string().nullable().default(null),
});
export const runExportSchema = z.object({ fileName: z.string(), mediaType: z.string(), text: z.string() });
