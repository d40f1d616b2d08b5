import { z } from 'zod';
import { importanceSchema } from '../domain/importance.ts';
import { guardSchema } from '../domain/guard.ts';
import { methodRequestShape, methodSchema } from '../domain/method.ts';
import { REPLAY_BASES, WEIGHTINGS, curvePointSchema } from '../domain/mixture.ts';
import { outlookSchema } from '../domain/plan-summary.ts';
import { planSchema } from '../domain/plan.ts';
import { renderingSchema } from '../domain/rendering.ts';
import { roleSchema } from '../domain/run.ts';
import { advancedSettingsSchema, MOST_BATCH } from '../domain/settings.ts';
import { memoryOutlookSchema } from './planning.ts';

/** What a person chooses before a run, and what it would do. */

/** What a person chooses before a run; everything absent gets a default that the plan shows. */
export const trainRequestSchema = z.object({
  /** Id or name. */
  model: z.string().min(1),
  newDatasets: z.array(z.string()).min(1),
  oldDatasets: z.array(z.string()).default([]),
  replayShare: z.number().optional(),
  /** How datasets of a role share its tokens; by size unless said, by hand where there are shares. */
  weights: z.enum(WEIGHTINGS).optional(),
  /** Of weights by size: size^(1/T). */
  temperature: z.number().optional(),
  /** By id or name: a share of all tokens, or with a replay share a weight within its role. */
  shares: z.record(z.string(), z.number()).optional(),
  /** So many times a dataset may be gone through. */
  maxRepeats: z.number().optional(),
  /** The course of the replay share: a name, or heights at fractions of the run. */
  replaySchedule: z.string().max(2000).optional(),
  /** How prompts with completions and conversations become tokens. */
  rendering: renderingSchema.optional(),
  ...methodRequestShape,
  /** One of the three, or none for the default amount. */
  steps: z.int().min(1).optional(),
  tokens: z.int().min(1).optional(),
  epochs: z.number().positive().optional(),
  batch: z.int().min(1).max(MOST_BATCH).optional(),
  context: z.int().min(2).optional(),
  learningRate: z.number().positive().optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  name: z.string().max(200).optional(),
  engine: z.string().optional(),
  /** A limit on forgetting that acts while the run goes on. */
  guard: guardSchema.optional(),
  /** Settings that rarely need to be chosen. */
  advanced: advancedSettingsSchema.optional(),
});
export type TrainRequest = z.input<typeof trainRequestSchema>;

/** Of runs that wait, those of a higher one go first. */
export const prioritySchema = z.int().min(-100).max(100);

/** A start: the run, and what happens while another one trains. */
export const trainStartSchema = trainRequestSchema.extend({
  /** Wait in the queue then; false refuses the run. */
  queue: z.boolean().default(true),
  priority: prioritySchema.default(0),
  /** Of whoever may ask twice, by a double click or because the answer was lost: the second call with the same key answers the first one's run. */
  key: z.string().min(8).max(100).optional(),
});

/** What a run would do, before anything starts. */
export const trainPreviewSchema = outlookSchema.extend({
  method: methodSchema,
  plan: planSchema.nullable(),
  /** What each block of the base matters, where new blocks are placed by that. */
  importance: importanceSchema.nullable(),
  steps: z.int(),
  batch: z.int(),
  microBatch: z.int(),
  context: z.int(),
  learningRate: z.number(),
  /** Tokens trained on in all, and by dataset with how often each is gone through. */
  tokens: z.int(),
  mixture: z.array(
    z.object({
      datasetId: z.string(),
      name: z.string(),
      role: roleSchema,
      /** Its part of all windows, on average over the run. */
      share: z.number(),
      windows: z.int(),
      tokens: z.int(),
      /** How often it is gone through. */
      epochs: z.number(),
      /** Tokens that its share asked for and the cap on repeats did not give: others of its role have them. */
      shortfall: z.int(),
      /** Its part of the run's time; null when that is not known. */
      seconds: z.number().nullable(),
    }),
  ),
  replayShare: z.number(),
  /** Why so much is replayed. */
  replayReason: z.string(),
  /** `unmeasured`: the share may be another one once `datasets.distance` has measured the chosen data. */
  replayBasis: z.enum(REPLAY_BASES),
  /** The share of old tokens over the run. */
  replayCurve: z.array(curvePointSchema),
  /** The first windows of the run, each as its dataset's place in `mixture`. */
  stream: z.array(z.int()),
  memory: memoryOutlookSchema,
  /** How long it takes, and what that is concluded from; null when nothing is known of the engine's speed. */
  time: z.object({ seconds: z.number(), tokensPerSecond: z.number(), basis: z.string() }).nullable(),
  /** What the user should know although the run is possible, such as documents that are left out. */
  warnings: z.array(z.string()),
});
export type TrainPreview = z.infer<typeof trainPreviewSchema>;

/** A window of a run's stream. */
export const streamWindowSchema = z.object({
  position: z.int(),
  datasetId: z.string(),
  role: roleSchema,
  /** Which window of the dataset, and how often the dataset was gone through before. */
  window: z.int(),
  epoch: z.int(),
});
export type StreamWindow = z.infer<typeof streamWindowSchema>;
