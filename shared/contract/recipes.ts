import { z } from 'zod';
import { forecastErrorSchema, forecastSchema, predictionSchema, recommendationSchema } from '../domain/forecast.ts';
import { methodNameSchema, methodSchema } from '../domain/method.ts';
import { runStatusSchema } from '../domain/run.ts';
import { trainRequestSchema } from './training.ts';

/** Several runs that are started together because they answer one question. */

const learningRateSchema = z.number().positive();
/** What every run of a recipe has in common. Its length is taken as the request says it, once, so that all train on equally many tokens. */
const common = { request: trainRequestSchema, name: z.string().min(1).max(200).optional() };

/** Every method on the same tokens of the same data, with the request's replay and with none. */
export const controlsSchema = z.strictObject({
  kind: z.literal('controls'),
  ...common,
  methods: z.array(methodNameSchema).min(1).default(['expand', 'lora', 'full', 'freeze']),
  /** By method; the request's own is that of its method. What is absent gets the method's default. */
  learningRates: z.partialRecord(methodNameSchema, learningRateSchema).default({}),
});

/** Every combination of the values given; an axis that is left out is not varied. */
export const sweepSchema = z.strictObject({
  kind: z.literal('sweep'),
  ...common,
  replayShares: z.array(z.number()).min(1).optional(),
  blockCounts: z.array(z.int().min(1)).min(1).optional(),
  places: z.array(z.string()).min(1).optional(),
  learningRates: z.array(learningRateSchema).min(1).optional(),
  /** Ends runs that another one of the sweep beats in gain and in forgetting: see shared/domain/hopeless.ts. */
  earlyStop: z.boolean().default(true),
  /** Of the order of the runs. */
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
});

/** Four short pilots, from which losses at other replay shares are predicted. */
export const forecastRecipeSchema = z.strictObject({
  kind: z.literal('forecast'),
  ...common,
  /** Length of a pilot, as a fraction of the run that the request describes. */
  fraction: z.number().positive().max(1).default(0.1),
  /** Largest rise of the loss on old that is allowed, nats per token; for the recommendation. */
  limit: z.number().positive().optional(),
});

export const recipeSchema = z.discriminatedUnion('kind', [controlsSchema, sweepSchema, forecastRecipeSchema]);
export type RecipeRequest = z.input<typeof recipeSchema>;
export type Recipe = z.output<typeof recipeSchema>;
export const RECIPE_KINDS = ['controls', 'sweep', 'forecast'] as const satisfies readonly Recipe['kind'][];

/** A run that a recipe would make, before anything starts. */
const plannedRunSchema = z.object({
  /** What sets it apart from the others: "lora, rank 4, no replay". */
  label: z.string(),
  method: methodSchema,
  replayShare: z.number(),
  learningRate: z.number(),
  trainableParameters: z.int(),
  steps: z.int(),
  tokens: z.int(),
  /** Null when the engine's speed is not known. */
  seconds: z.number().nullable(),
  /** Bytes. */
  memory: z.number(),
});

export const recipePreviewSchema = z.object({
  kind: z.enum(RECIPE_KINDS),
  /** In the order in which they are trained. */
  runs: z.array(plannedRunSchema),
  /** One trains at a time: tokens and seconds of all, and the memory of the largest. */
  total: z.object({ tokens: z.int(), seconds: z.number().nullable(), memory: z.number() }),
  /** What the user should know about the recipe as a whole. */
  notes: z.array(z.string()),
});
export type RecipePreview = z.infer<typeof recipePreviewSchema>;

/** One run of a batch: where it is, and its point on the trade-off chart once it has one. */
const batchRunSchema = z.object({
  run: z.string(),
  name: z.string(),
  label: z.string(),
  status: runStatusSchema,
  steps: z.int(),
  stepsDone: z.int(),
  method: methodSchema,
  replayShare: z.number(),
  learningRate: z.number(),
  gain: z.number().nullable(),
  gainError: z.number().nullable(),
  forgetting: z.number().nullable(),
  forgettingError: z.number().nullable(),
  drift: z.number().nullable(),
  /** Why it was stopped early, where that was not the user's doing. */
  stopReason: z.string().nullable(),
  /** Why it failed. */
  failure: z.string().nullable(),
});

/** What four pilots say. */
export const forecastResultSchema = z.object({
  forecast: forecastSchema,
  /** Steps of a pilot, and of the run that was planned: the forecast is of runs as long as the pilots. */
  pilotSteps: z.int(),
  plannedSteps: z.int(),
  frontier: z.array(predictionSchema),
  /** Null where the request named no limit. */
  recommendation: recommendationSchema.nullable(),
  /** What limits the forecast, in words; its length is always among it. */
  notes: z.array(z.string()),
  /** Runs of the same model, data and method that ended later, and how wrong the forecast was about them. */
  checks: z.array(
    z.object({ run: z.string(), name: z.string(), steps: z.int(), error: forecastErrorSchema, prediction: predictionSchema }),
  ),
});
export type ForecastResult = z.infer<typeof forecastResultSchema>;

export const batchSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(RECIPE_KINDS),
  createdAt: z.string(),
  /** Runs by status; those that were deleted count nowhere. */
  progress: z.partialRecord(runStatusSchema, z.int()),
  /** No run of it waits or trains. */
  isOver: z.boolean(),
});
export const batchSchema = batchSummarySchema.extend({
  recipe: recipeSchema,
  runs: z.array(batchRunSchema),
  /** Of the kind `forecast`, once its pilots are done; null before, and of other kinds. */
  forecast: forecastResultSchema.nullable(),
});
export type Batch = z.infer<typeof batchSchema>;
export type BatchSummary = z.infer<typeof batchSummarySchema>;
export const batchRef = z.object({ batch: z.string().min(1) });

/** Settings of a single run under a name. */
export const presetSchema = z.strictObject({
  name: z.string(),
  meaning: z.string(),
  request: trainRequestSchema.omit({ model: true, newDatasets: true, oldDatasets: true, name: true }).partial().strict(),
});
export type Preset = z.infer<typeof presetSchema>;
