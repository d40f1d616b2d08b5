import { z } from 'zod';
import { datasetMeasureSchema } from '../domain/measurement.ts';
import { drawnWindowsSchema, evaluationSchema, metricSeriesSchema, runStatusSchema, runSummarySchema } from '../domain/run.ts';
import { samplePromptSchema, samplesAtStepSchema } from '../domain/text-samples.ts';
import { trainRequestSchema } from './training.ts';

/** Runs while they go on. */

export const runRef = z.object({ run: z.string().min(1) });

/** Small facts about a run in progress, at most ten a second. */
export const runEventSchema = z.object({
  run: z.string(),
  status: runStatusSchema,
  step: z.int(),
  steps: z.int(),
  /** Latest values. */
  trainLoss: z.number().nullable(),
  evaluation: evaluationSchema.nullable(),
  /** The step of the last measurement: that of the evaluation, or 0 while only the base was measured. */
  evaluationStep: z.int().nullable(),
  tokensPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  /** What the trainer holds of the machine's memory, bytes. */
  memory: z.number().nullable(),
  /** What was drawn so far. */
  windows: drawnWindowsSchema.nullable(),
  /** The step of the last samples of text, which {@link samplesOfRunSchema} has. */
  sampledStep: z.int().nullable(),
  /** What is being done now, for the user ("measuring before step 1"). */
  activity: z.string(),
});
export type RunEvent = z.infer<typeof runEventSchema>;

/** What was measured of each dataset after a step; 0 is before step 1. */
export const measurementsAtStepSchema = z.object({ step: z.int(), datasets: z.array(datasetMeasureSchema) });
export type MeasurementsAtStep = z.infer<typeof measurementsAtStepSchema>;

const afterStep = z.int().min(-1).default(-1);

/** Metrics after a step, for who has those before: each series with at most so many points, of which the least and the largest stay. */
export const metricsRequestSchema = runRef.extend({
  series: z.array(metricSeriesSchema).optional(),
  afterStep,
  points: z.int().min(10).max(100_000).optional(),
});

export const runAfterStepSchema = runRef.extend({ afterStep });

/** Text that the model of a run wrote after some steps, beside what its base wrote. */
export const samplesOfRunSchema = z.object({ prompts: z.array(samplePromptSchema), samples: z.array(samplesAtStepSchema) });
export type SamplesOfRun = z.infer<typeof samplesOfRunSchema>;

/** A run that its process left in the middle, and that can go on. */
export const resumableSchema = z.object({
  run: runSummarySchema,
  /** Whether there is a checkpoint; without one it begins again. */
  hasCheckpoint: z.boolean(),
  /** Why it ended, as far as that is known. */
  reason: z.string(),
});
export type Resumable = z.infer<typeof resumableSchema>;

/** The request that leads to a run's configuration again, to be changed and started. */
export const runRequestSchema = z.object({
  request: trainRequestSchema,
  /** What the request names and the workspace no longer has: to be chosen anew. */
  missing: z.array(z.object({ kind: z.enum(['model', 'dataset']), id: z.string(), name: z.string() })),
  /** What of the configuration no request can say. */
  notes: z.array(z.string()),
});
export type RunRequest = z.input<typeof runRequestSchema>;

/** Whether a rerun made the same model, by the hashes of both; null while that cannot be said. */
export const rerunVerdictSchema = z.object({
  original: z.string(),
  rerun: z.string(),
  isIdentical: z.boolean().nullable(),
  reason: z.string(),
});
export type RerunVerdict = z.infer<typeof rerunVerdictSchema>;
