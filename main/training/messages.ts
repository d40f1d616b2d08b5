import { z } from 'zod';
import { chosenMappingSchema } from '../../shared/contract/dataset-import.ts';
import { errorRecordSchema } from '../../shared/contract/errors.ts';
import { cleaningSettingsSchema } from '../../shared/domain/cleaning.ts';
import { partOptionsSchema } from '../../shared/domain/evaluation/part.ts';
import { guardEventSchema } from '../../shared/domain/guard.ts';
import { windowOrderSchema } from '../../shared/domain/measurement.ts';
import { methodSchema } from '../../shared/domain/method.ts';
import { drawnWindowsSchema, evaluationSchema, metricPointSchema, roleSchema, runConfigurationSchema } from '../../shared/domain/run.ts';
import { samplePromptSchema, samplesAtStepSchema } from '../../shared/domain/text-samples.ts';
import { speechAnswerSchemas, speechCommandSchemas } from './speech-messages.ts';

/** What goes between the studio and the trainer process, parsed on both sides. */

const shardSchema = z.object({
  datasetId: z.string(),
  role: roleSchema,
  /** Token shards (see main/datasets/token-shard.ts) of the training part and the held-out part. */
  trainPath: z.string(),
  heldOutPath: z.string(),
});

/** Sums of a dataset's held-out documents: scored tokens, losses in nats and, where there was a base, drifts from it. */
export const partSumsSchema = z.object({
  datasetId: z.string(),
  tokens: z.array(z.number()),
  losses: z.array(z.number()),
  drifts: z.array(z.number()).nullable(),
});

/** Train, or go on from the run's last checkpoint if it has one. */
const trainJobSchema = z.object({
  kind: z.literal('train'),
  /** What the model says about its origin; absent outside a workspace. */
  run: z.object({ id: z.string(), name: z.string() }).optional(),
  configuration: runConfigurationSchema,
  baseModelDirectory: z.string(),
  shards: z.array(shardSchema),
  /** Held-out shards of those of the configuration's past that are in the workspace. */
  past: z.array(z.object({ datasetId: z.string(), heldOutPath: z.string() })).optional(),
  /** Checkpoints are kept here. */
  runDirectory: z.string(),
  /** The finished model is written here, as a Hugging Face folder. */
  modelDirectory: z.string(),
});

/** Answers requests about text until it is ended: see main/training/speech-job.ts. */
const speechJobSchema = z.object({ kind: z.literal('speech'), engine: z.string() });

/** How well a gate decides whether a pack is used: see main/training/gate-job.ts. */
const gateJobSchema = z.object({
  kind: z.literal('gate'),
  engine: z.string(),
  modelDirectory: z.string(),
  /** The pack's blocks. */
  positions: z.array(z.int().min(0)).min(1),
  datasets: z.array(z.object({ name: z.string(), role: roleSchema, heldOutPath: z.string() })).min(1),
  /** How many first tokens decide: each is evaluated. */
  tokens: z.array(z.int().min(1)).min(1),
  /** At most so many documents of each dataset, and tokens of each document. */
  documents: z.int().min(2),
  documentTokens: z.int().min(2),
});

/** Loss on texts: see design, "eval". */
const evaluateJobSchema = z.object({
  kind: z.literal('evaluate'),
  engine: z.string(),
  modelDirectory: z.string(),
  files: z.array(z.string()),
  /** Texts that are in no file, measured after the files. */
  texts: z.array(z.string()).optional(),
  /** Held-out parts of datasets, tokenised for the model, measured after the texts: so many tokens, or all. */
  datasets: z
    .array(z.object({ datasetId: z.string(), name: z.string(), hash: z.string(), heldOutPath: z.string(), tokens: z.int().optional() }))
    .optional(),
  /** In which order windows of datasets are taken, where not all are. */
  order: windowOrderSchema.optional(),
  /** Whether what each document adds is wanted as well. */
  withDocuments: z.boolean().optional(),
  /** A model to compare with position by position; it must have the same tokenizer. */
  referenceDirectory: z.string().optional(),
  context: z.int().min(2).nullable(),
});

/** Compares the expanded model's logits with its base's on real text, inserted blocks bypassed or not. */
const verifyJobSchema = z.object({
  kind: z.literal('verify'),
  engine: z.string(),
  modelDirectory: z.string(),
  /** Null when the base is no longer in the workspace: then only the bypass is compared with nothing. */
  baseModelDirectory: z.string().nullable(),
  /** The blocks without which it is its base; those of its last expansion unless said. */
  positions: z.array(z.int().min(0)).optional(),
});

/** How much each block matters for old text: see main/training/importance-job.ts. */
const importanceJobSchema = z.object({
  kind: z.literal('importance'),
  engine: z.string(),
  modelDirectory: z.string(),
  /** Of the model, which the table names. */
  modelHash: z.string(),
  datasets: z.array(z.object({ name: z.string(), hash: z.string(), heldOutPath: z.string() })).min(1),
  /** Tokens per window. */
  context: z.int().min(2),
  /** At most so many windows, of all datasets together. */
  windows: z.int().min(1),
  /** After so many seconds it ends with the windows that it has; the first is always measured. */
  limitSeconds: z.number().positive(),
});

/** How far a run moved its model from its base: see main/training/movement-job.ts. */
const movementJobSchema = z.object({
  kind: z.literal('movement'),
  engine: z.string(),
  modelDirectory: z.string(),
  baseModelDirectory: z.string(),
  method: methodSchema,
  /** Old data, whose held-out parts the hidden states are computed on. */
  datasets: z.array(z.object({ name: z.string(), heldOutPath: z.string() })),
  /** Tokens per window. */
  context: z.int().min(2),
});

/** Text that a model writes by itself: see main/training/self-replay-job.ts. */
const selfReplayJobSchema = z.object({
  kind: z.literal('self-replay'),
  engine: z.string(),
  modelDirectory: z.string(),
  /** About so many. */
  tokens: z.int().min(1),
  temperature: z.number().positive(),
  seed: z.int(),
  /** A file of JSON Lines, written anew. */
  destination: z.string(),
});

/** What a model makes of questions and texts: see main/training/score-job.ts. */
const scoreJobSchema = z.object({
  kind: z.literal('score'),
  engine: z.string(),
  modelDirectory: z.string(),
  parts: z
    .array(
      z.object({
        /** For the user. */
        name: z.string(),
        /** Files of JSON Lines; examples for answers in words, null where they are among the questions. */
        path: z.string(),
        examplesPath: z.string().nullable(),
        options: partOptionsSchema,
      }),
    )
    .min(1),
});

/** Reads files and folders into a dataset folder, without an engine: see main/training/import-job.ts. */
const importJobSchema = z.object({
  kind: z.literal('import'),
  paths: z.array(z.string()).min(1),
  /** Of the dataset folder. Goes on with what an earlier job to the same destination has read. */
  destination: z.string(),
  name: z.string().optional(),
  /** Where the files came from, for the user. */
  source: z.string(),
  origin: z.string().optional(),
  licence: z.string().optional(),
  cleaning: cleaningSettingsSchema,
  mappings: z.array(chosenMappingSchema),
  seed: z.int().min(0).optional(),
  version: z.int().min(1),
  parent: z.string().optional(),
});

/** Loads every engine and runs a small forward and backward pass on each. */
const selfTestJobSchema = z.object({ kind: z.literal('self-test'), engines: z.array(z.string()) });

export const jobSchema = z.discriminatedUnion('kind', [
  trainJobSchema,
  speechJobSchema,
  gateJobSchema,
  evaluateJobSchema,
  verifyJobSchema,
  importanceJobSchema,
  movementJobSchema,
  selfReplayJobSchema,
  scoreJobSchema,
  importJobSchema,
  selfTestJobSchema,
]);
export type Job = z.infer<typeof jobSchema>;
export type TrainJob = z.infer<typeof trainJobSchema>;
export type SpeechJob = z.infer<typeof speechJobSchema>;
export type GateJob = z.infer<typeof gateJobSchema>;
export type EvaluateJob = z.infer<typeof evaluateJobSchema>;
export type VerifyJob = z.infer<typeof verifyJobSchema>;
export type ImportanceJob = z.infer<typeof importanceJobSchema>;
export type MovementJob = z.infer<typeof movementJobSchema>;
export type SelfReplayJob = z.infer<typeof selfReplayJobSchema>;
export type ScoreJob = z.infer<typeof scoreJobSchema>;
export type ImportJob = z.infer<typeof importJobSchema>;
/** Jobs that compute with a tensor engine. */
export type EngineJob = Exclude<Job, { kind: 'import' | 'self-test' }>;

/** How far an import is: see ImportMeter. */
export const importProgressSchema = z.object({
  activity: z.string(),
  filesDone: z.int(),
  files: z.int().nullable(),
  documents: z.int(),
  bytesRead: z.number(),
  fraction: z.number().nullable(),
  secondsLeft: z.number().nullable(),
});

/** pause: checkpoint, then end. stop: measure and save what was learned so far. interrupt: checkpoint and end at once (Ctrl-C); an import keeps what it has read. */
export const controlSchema = z.enum(['pause', 'stop', 'interrupt']);
export type Control = z.infer<typeof controlSchema>;

export const commandSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), job: jobSchema }),
  z.object({ type: z.literal('control'), control: controlSchema }),
  ...speechCommandSchemas,
]);
export type Command = z.infer<typeof commandSchema>;

/** How a training session ended, and its figures. */
export const trainResultSchema = z.object({
  outcome: z.enum(['done', 'stopped', 'paused', 'interrupted']),
  stepsDone: z.int(),
  tokens: z.object({ total: z.int(), byDataset: z.record(z.string(), z.int()) }),
  /** Seconds over all sessions of the run. */
  seconds: z.number(),
  /** Of these, seconds spent measuring. */
  measuringSeconds: z.number(),
  /** Of these, seconds spent on samples of text. */
  samplingSeconds: z.number(),
  /** Tokens trained per second of training steps, over all sessions. */
  tokensPerSecond: z.number(),
  /** Of the windows trained on, the share that had been there before. */
  repeatedShare: z.number(),
  /** Largest resident set of the process, bytes. */
  peakMemory: z.number(),
  final: evaluationSchema.nullable(),
  /** Standard errors of gain and forgetting by bootstrap over documents; null where they are not known. */
  gainError: z.number().nullable(),
  forgettingError: z.number().nullable(),
  /** Whether the model was written. */
  saved: z.boolean(),
});
export type TrainResult = z.infer<typeof trainResultSchema>;

export const trainerEventSchema = z.discriminatedUnion('type', [
  /** What is being done now, in words for the user. */
  z.object({ type: z.literal('activity'), text: z.string() }),
  /** What the user should know about the run also after it has ended, although it goes on. */
  z.object({ type: z.literal('warning'), text: z.string() }),
  z.object({
    type: z.literal('prepared'),
    engine: z.string(),
    trainableTensors: z.array(z.string()),
    trainableParameters: z.int(),
    addedParameters: z.int(),
    identityDifference: z.number().nullable(),
    /** The step it goes on from; 0 at the start. */
    step: z.int(),
  }),
  /** Before step 1. `watched` is the part of it that is measured again and again; `documents` what documents add to the whole. */
  z.object({ type: z.literal('baseline'), evaluation: evaluationSchema, watched: evaluationSchema, documents: z.array(partSumsSchema) }),
  /** On the way, or of the result: then with `documents`. */
  z.object({
    type: z.literal('evaluation'),
    step: z.int(),
    evaluation: evaluationSchema,
    watched: evaluationSchema,
    documents: z.array(partSumsSchema).nullable(),
  }),
  /** What the guard has done so far, at the start of a session and whenever it acts. */
  z.object({ type: z.literal('guard'), events: z.array(guardEventSchema) }),
  z.object({
    type: z.literal('progress'),
    step: z.int(),
    /** All points since the last progress message: none is lost, messages are at most ten a second. */
    points: z.array(metricPointSchema),
    tokensPerSecond: z.number(),
    secondsLeft: z.number().nullable(),
    /** Up to that step; whole in each message. */
    windows: drawnWindowsSchema,
  }),
  /** What samples of text begin with and what the base makes of it: before step 1, and again at the start of every session. */
  z.object({ type: z.literal('prompts'), prompts: z.array(samplePromptSchema) }),
  /** What the model makes of it after a step; `seconds` all samples of the run took so far. */
  z.object({ type: z.literal('samples'), samples: samplesAtStepSchema, seconds: z.number() }),
  z.object({ type: z.literal('checkpoint'), step: z.int() }),
  /** How far a job is that can count what it does. */
  z.object({ type: z.literal('done'), done: z.int(), of: z.int() }),
  z.object({ type: z.literal('import'), progress: importProgressSchema }),
  ...speechAnswerSchemas,
  /** A job's result; its shape belongs to the job's kind. */
  z.object({ type: z.literal('finished'), result: z.unknown() }),
  z.object({ type: z.literal('failed'), error: errorRecordSchema }),
]);
export type TrainerEvent = z.infer<typeof trainerEventSchema>;
