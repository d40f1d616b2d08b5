import { z } from 'zod';
import { importanceSchema } from './importance.ts';
import { guardEventSchema, guardSchema } from './guard.ts';
import { datasetMeasureSchema, windowOrderSchema } from './measurement.ts';
import { methodNameSchema, methodSchema } from './method.ts';
import { mixtureSchema } from './mixture.ts';
import { planSchema } from './plan.ts';
import { renderingSchema } from './rendering.ts';
import { scheduleSchema } from './schedule.ts';
import { TENSOR_GROUPS, type TensorGroup } from './tensor-groups.ts';
import { sampleSettingsSchema } from './text-samples.ts';

/** The words a run is described in; every screen, the command line's JSON and the database use these. */

export const ROLES = ['new', 'old'] as const;
export const roleSchema = z.enum(ROLES);
export type Role = z.infer<typeof roleSchema>;

/**
 * queued (waits until the device is free) -> preparing -> running -> done | stopped (ended early, result kept) | failed;
 * running -> paused (by the user) | interrupted (Ctrl-C, crash, power cut): both resume from the last checkpoint, by way of the queue while
 * another run trains.
 */
export const RUN_STATUSES = ['queued', 'preparing', 'running', 'paused', 'interrupted', 'stopped', 'failed', 'done'] as const;
export const runStatusSchema = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof runStatusSchema>;

/**
 * plain: a window is a row of tokens, and a token may look at all before it, also at the end of another document. documents: a token looks
 * at its own document only, and the first token of a document is not predicted from the one before it.
 */
export const PACKINGS = ['plain', 'documents'] as const;
export type Packing = (typeof PACKINGS)[number];

/**
 * Everything that determines a run's result, frozen at its start: with the base's weights and the token shards it names,
 * nothing else may influence what is computed.
 */
export const runConfigurationSchema = z.object({
  baseModel: z.object({ id: z.string(), name: z.string(), hash: z.string() }),
  /** What is trained, with the options of the method. */
  method: methodSchema,
  /** What each block of the base mattered, where new blocks were placed by that. It says why; what is computed is in the method. */
  importance: importanceSchema.optional(),
  datasets: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      role: roleSchema,
      hash: z.string(),
      /** What its held-out part goes by, where it is a sample: the hash of the dataset that it is of. */
      heldOutHash: z.string().optional(),
      /** Text that a model wrote stands in for old data that nobody has; absent for any other. */
      origin: z.literal('self-replay').optional(),
    }),
  ),
  /** Fraction of trained tokens that come from old datasets: of the whole run, whatever its course. */
  replayShare: z.number(),
  /** Why so much: what was chosen, or what was measured. It computes nothing. Absent in runs from before it was noted. */
  replayReason: z.string().optional(),
  /** How documents became tokens. Absent in runs from before it could be chosen: see DEFAULT_RENDERING. */
  rendering: renderingSchema.optional(),
  /** Which window is trained on when. Absent in runs from before it could be chosen: see mixture-open.ts. */
  mixture: mixtureSchema.optional(),
  steps: z.int().min(1),
  /** Windows per step. */
  batch: z.int().min(1),
  /** Windows that go through the model at once; the gradients of a step's windows are added up. The last micro-batch may be smaller. */
  microBatch: z.int().min(1),
  /** Tokens per window. */
  context: z.int().min(2),
  /** How windows meet the ends of documents in them: see {@link PACKINGS}. */
  packing: z.enum(PACKINGS),
  /** Peak learning rate. */
  learningRate: z.number().positive(),
  /** What it is multiplied with for tensors of a group. */
  learningRateFactors: z.strictObject(
    Object.fromEntries(TENSOR_GROUPS.map((group) => [group, z.number().min(0)])) as Record<TensorGroup, z.ZodNumber>,
  ),
  /** Fraction of the steps over which the learning rate rises from 0. */
  warmup: z.number().min(0).max(1),
  /** How it goes on from there. */
  schedule: scheduleSchema,
  /** It ends at this fraction of the peak. */
  finalLearningRate: z.number().min(0).max(1),
  weightDecay: z.number().min(0),
  beta1: z.number(),
  beta2: z.number(),
  epsilon: z.number(),
  /** Gradients are scaled down to this global norm; 0 switches it off. */
  clipNorm: z.number().min(0),
  seed: z.int(),
  /**
   * Held-out losses are measured every so many steps, on at most so many tokens per role; before step 1 and at the end on `tokensAtEnds`, or as
   * many where that is absent. `order` is the one in which windows are taken; the first come first in runs from before there was another.
   */
  evaluation: z.object({
    everySteps: z.int().min(1),
    tokens: z.int().min(1),
    tokensAtEnds: z.int().min(1).optional(),
    order: windowOrderSchema.optional(),
  }),
  /** Text that the model writes on the way. It computes nothing. None when absent. */
  samples: sampleSettingsSchema.optional(),
  /** What the model learned before, in earlier steps of its line, and is measured on as well. Absent in runs from before it was. */
  past: z.array(z.object({ id: z.string(), name: z.string(), hash: z.string() })).optional(),
  /** A limit on forgetting; none when absent. */
  guard: guardSchema.optional(),
  checkpointEverySteps: z.int().min(1),
  /** Which engine was asked for; `auto` takes the first that passes its self-test. */
  engine: z.string(),
});
export type RunConfiguration = z.infer<typeof runConfigurationSchema>;

/** A loss measured on held-out text: nats per token, over so many predicted tokens, and its standard error where that is known. */
export const measuredLossSchema = z.object({ loss: z.number(), tokens: z.int(), error: z.number().nullable().optional() });
export type MeasuredLoss = z.infer<typeof measuredLossSchema>;

/** Held-out losses of both roles at one moment; `old` is null when the run has no old data. Drift: KL(base || tuned), nats per token. */
export const evaluationSchema = z.object({
  new: measuredLossSchema,
  old: measuredLossSchema.nullable(),
  drift: z.number().nullable(),
  /** Dataset by dataset; absent in runs from before it was measured so. */
  datasets: z.array(datasetMeasureSchema).optional(),
});
export type Evaluation = z.infer<typeof evaluationSchema>;

/** Something that the user should know about a run although it went on, and when it happened. */
export const runWarningSchema = z.object({ at: z.string(), text: z.string() });
export type RunWarning = z.infer<typeof runWarningSchema>;

export const runSummarySchema = z.object({
  id: z.string(),
  name: z.string(),
  note: z.string(),
  status: runStatusSchema,
  /** Why it failed or was interrupted; null otherwise. */
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      found: z.string().optional(),
      allowed: z.string().optional(),
      hint: z.string().optional(),
    })
    .nullable(),
  /** What happened to it without ending it, oldest first: a damaged checkpoint whose predecessor was used. */
  warnings: z.array(runWarningSchema),
  /** What its guard did, oldest first. */
  guardEvents: z.array(guardEventSchema),
  /** Words that the user put on it. */
  tags: z.array(z.string()),
  favourite: z.boolean(),
  /** When it was put away or deleted; a deleted run can be brought back until the bin is emptied. */
  archivedAt: z.string().nullable(),
  deletedAt: z.string().nullable(),
  /** The batch that it was started with; null for a run of its own. */
  batch: z.string().nullable(),
  /** While it waits in the queue, runs of a higher one go first. */
  priority: z.int(),
  /** Why it was stopped early, where that was not the user's doing: by its sweep, as hopeless. */
  stopReason: z.string().nullable(),
  /** Id of the run that it repeats exactly; null for any other. */
  rerunOf: z.string().nullable(),
  /** Id of the model the run produced; null until it is saved. */
  model: z.string().nullable(),
  modelPath: z.string().nullable(),
  baseModel: z.object({ id: z.string(), name: z.string() }),
  /** Its name; the options are in the configuration. */
  method: methodNameSchema,
  /** Where blocks were inserted; null for methods that insert none. */
  plan: planSchema.nullable(),
  configuration: runConfigurationSchema,
  seed: z.int(),
  /** Steps planned and done. */
  steps: z.int(),
  stepsDone: z.int(),
  tokens: z.object({ total: z.int(), byDataset: z.record(z.string(), z.int()) }),
  replayShare: z.number(),
  trainableParameters: z.int().nullable(),
  trainableTensors: z.array(z.string()),
  addedParameters: z.int().nullable(),
  /** Largest absolute logit difference between base and expanded model before step 1; 0 or the run refuses to train. */
  identityDifference: z.number().nullable(),
  baseline: evaluationSchema.nullable(),
  /**
   * On the way a run measures less of its held-out text than at both ends: the base on just that text, and the last measurement, which is to be
   * compared with it. Null before it was measured; the former also of runs before version 190.
   */
  watchedBaseline: evaluationSchema.nullable(),
  latest: evaluationSchema.nullable(),
  final: evaluationSchema.nullable(),
  /** Drop of held-out loss on new, rise on old, both against the baseline (nats per token). */
  gain: z.number().nullable(),
  forgetting: z.number().nullable(),
  /** Standard errors of the two by bootstrap over documents, which are the same before and after; null where they are not known. */
  gainError: z.number().nullable(),
  forgettingError: z.number().nullable(),
  drift: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  /** Seconds spent training and measuring, over all sessions of the run. */
  seconds: z.number().nullable(),
  /** Of these, seconds spent measuring. */
  measuringSeconds: z.number().nullable(),
  /** Seconds spent on samples of text so far; null in runs from before they were counted. */
  samplingSeconds: z.number().nullable(),
  /** Bytes. */
  peakMemory: z.number().nullable(),
  engine: z.string().nullable(),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

/**
 * Series of a run's metrics. Losses are nats per token; `loss.train` is the training batch's own. `memory` is what the trainer holds of the
 * machine's, in bytes, and noted now and then; all others are of a step or a measurement.
 */
export const METRIC_SERIES = [
  'loss.train',
  'loss.new',
  'loss.old',
  'drift',
  'learningRate',
  'gradientNorm',
  'tokensPerSecond',
  'memory',
] as const;
export const metricSeriesSchema = z.enum(METRIC_SERIES);
export type MetricSeries = z.infer<typeof metricSeriesSchema>;
export const metricPointSchema = z.object({ step: z.int(), series: metricSeriesSchema, value: z.number() });
export type MetricPoint = z.infer<typeof metricPointSchema>;

/** Windows that were trained on: how many, how many of each dataset (in the order of the configuration's), and of which the last ones were. */
export const drawnWindowsSchema = z.object({
  total: z.int().min(0),
  counts: z.array(z.int().min(0)),
  /** Places in the configuration's datasets, the latest window last. */
  last: z.array(z.int().min(0)),
});
export type DrawnWindows = z.infer<typeof drawnWindowsSchema>;

/** Gain and forgetting of an evaluation against its baseline: positive gain is good, positive forgetting is bad. */
export function gainAndForgetting(baseline: Evaluation, now: Evaluation): { gain: number; forgetting: number | null } {
  const [before, after] = [baseline, now].map((each) => ({ new: each.new.loss, old: each.old?.loss ?? null }));
  return changeOfLosses(before!, after!);
}

/** Losses of the same text before step 1 and now; `old` is null where nothing old was measured. */
export interface HeldOutLosses {
  new: number;
  old: number | null;
}

/** {@link gainAndForgetting} of the losses alone. */
export function changeOfLosses(before: HeldOutLosses, now: HeldOutLosses): { gain: number; forgetting: number | null } {
  return { gain: before.new - now.new, forgetting: before.old !== null && now.old !== null ? now.old - before.old : null };
}

/** Whether a run has an end to be waited for: it waits for its turn, or trains. */
export function isUnfinished(status: RunStatus): boolean {
  return ['queued', 'preparing', 'running'].includes(status);
}

/** Whether a run can be resumed: one that diverged would do so again at the same step. */
export function canGoOn({ status, error }: Pick<RunSummary, 'status' | 'error'>): boolean {
  return ['paused', 'interrupted', 'failed'].includes(status) && error?.code !== 'DIVERGED';
}
