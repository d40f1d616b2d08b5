import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { dataCheckReportSchema } from '../domain/data-check.ts';
import { distanceReportSchema } from '../domain/distance.ts';
import { cleaningReportSchema, cleaningSettingsSchema } from '../domain/cleaning.ts';
import { CONTENT_KINDS, contentKindsSchema, contentSchema } from '../domain/content.ts';
import { DATASET_PARTS, splitReportSchema } from '../domain/split.ts';
import { expansionStepSchema } from '../domain/expansion.ts';
import { EXPORT_DTYPES, EXPORT_FORMATS } from '../domain/export-format.ts';
import { importanceSchema } from '../domain/importance.ts';
import { methodRequestShape, methodSchema } from '../domain/method.ts';
import { curvePointSchema, REPLAY_BASES, WEIGHTINGS } from '../domain/mixture.ts';
import { planSchema } from '../domain/plan.ts';
import { outlookSchema } from '../domain/plan-summary.ts';
import { renderingSchema, tokenPieceSchema } from '../domain/rendering.ts';
import { evaluationSchema, metricPointSchema, metricSeriesSchema, roleSchema, runStatusSchema, runSummarySchema } from '../domain/run.ts';
import { SELF_REPLAY_DEFAULTS } from '../domain/self-replay.ts';
import { advancedSettingsSchema } from '../domain/settings.ts';
import {
  datasetImportSchema,
  importedFileSchema,
  importRefSchema,
  importRequestSchema,
  inspectionSchema,
  inspectRequestSchema,
} from './dataset-import.ts';
import { errorRecordSchema } from './errors.ts';

/**
 * Every call between a screen (or a script) and the studio. Types on both sides are inferred from these schemas.
 * Arguments are parsed at the door; errors travel as one typed error `STRATA` whose data is an ErrorRecord.
 * Events announce small facts; pages fetch what they need.
 */

const call = oc.errors({ STRATA: { data: errorRecordSchema } });

export const modelInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** As config.json says it, e.g. LlamaForCausalLM. */
  architecture: z.string(),
  parameters: z.int(),
  blocks: z.int(),
  vocabularySize: z.int(),
  contextLength: z.int(),
  /** Where the model lies: a Hugging Face folder inside the workspace. */
  path: z.string(),
  bytes: z.int(),
  /** Id of the model this one was expanded from; null for an imported one. */
  baseModel: z.string().nullable(),
  /** Id of the run that made it; null for an imported or untrained one. */
  run: z.string().nullable(),
  /** Of the last step that made it, where that was an expansion. */
  plan: planSchema.nullable(),
  /** Every step that Strata knows of, oldest first; none for a model that it did not make. */
  line: z.array(expansionStepSchema),
  /** Whose each block is: the base's, or the step's of the line that inserted it. */
  owners: z.array(z.union([z.literal('base'), z.int()])),
  source: z.string(),
  createdAt: z.string(),
});
export type ModelInfo = z.infer<typeof modelInfoSchema>;

export const verifiedModelSchema = z.object({
  /** Whether it computes exactly what its base computes. */
  identity: z.boolean(),
  /** Null where there is no base to compare with, or a difference is no number. */
  maxLogitDifference: z.number().nullable(),
  plan: z.array(z.int()),
  /** Tensors that must be those of the base, or begin as its copies do: how many were compared, and which are not. */
  tensors: z.object({ compared: z.int(), different: z.array(z.string()) }),
  problems: z.array(z.string()),
});
export type VerifiedModel = z.infer<typeof verifiedModelSchema>;

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

const partSchema = z.enum(DATASET_PARTS).default('all');

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

export const engineInfoSchema = z.object({
  name: z.string(),
  available: z.boolean(),
  /** Why it can or cannot be used, in words for the user. */
  reason: z.string(),
  version: z.string().nullable(),
  selfTest: z.object({ passed: z.boolean(), milliseconds: z.number(), largestError: z.number() }).nullable(),
});
export type EngineInfo = z.infer<typeof engineInfoSchema>;

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
  batch: z.int().min(1).max(4096).optional(),
  context: z.int().min(2).optional(),
  learningRate: z.number().positive().optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  name: z.string().max(200).optional(),
  engine: z.string().optional(),
  /** Settings that rarely need to be chosen. */
  advanced: advancedSettingsSchema.optional(),
});
export type TrainRequest = z.input<typeof trainRequestSchema>;

/** What a run needs at its peak and what the machine has, in bytes. */
const memoryOutlookSchema = z.object({
  weights: z.number(),
  moments: z.number(),
  gradients: z.number(),
  activations: z.number(),
  head: z.number(),
  engine: z.number(),
  total: z.number(),
  available: z.number(),
  keepsActivations: z.boolean(),
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

/** What a plan means for a model, whatever it will learn. */
export const planReportSchema = outlookSchema.extend({
  model: z.object({ id: z.string(), name: z.string() }),
  plan: planSchema,
  importance: importanceSchema.nullable(),
  /** What its training is estimated with. */
  batch: z.int(),
  context: z.int(),
  memory: memoryOutlookSchema.extend({ fits: z.boolean() }),
  /** For a million trained tokens. */
  time: z.object({ secondsPerMillionTokens: z.number(), tokensPerSecond: z.number(), basis: z.string() }).nullable(),
});
export type PlanReport = z.infer<typeof planReportSchema>;

/** How far the measurement of what blocks matter is; the table comes last. */
export const importanceEventSchema = z.object({
  activity: z.string(),
  done: z.int(),
  of: z.int(),
  importance: importanceSchema.nullable(),
});
export type ImportanceEvent = z.infer<typeof importanceEventSchema>;

/** What is to be measured: on which old data, and how much of it. */
export const importanceRequestSchema = z.object({
  model: z.string().min(1),
  oldDatasets: z.array(z.string()),
  rendering: renderingSchema.optional(),
  /** Tokens per window, windows in all, and seconds after which it ends with what it has. */
  context: z.int().min(2).optional(),
  windows: z.int().min(1).max(100_000).optional(),
  limitSeconds: z.number().positive().optional(),
  engine: z.string().optional(),
});
export type ImportanceRequest = z.infer<typeof importanceRequestSchema>;

export const dataCheckRequestSchema = z.object({
  /** Ids or names: what a run would train on, new and old. */
  datasets: z.array(z.string().min(1)).min(1),
  /** What is measured on besides held-out parts: datasets, or paths of files. */
  evaluations: z.array(z.string().min(1)).default([]),
});
export type DataCheckRequest = z.input<typeof dataCheckRequestSchema>;

/** How far a check is, in documents read; the report comes last. */
export const dataCheckEventSchema = z.object({
  activity: z.string(),
  done: z.int().nullable(),
  of: z.int().nullable(),
  report: dataCheckReportSchema.nullable(),
});
export type DataCheckEvent = z.infer<typeof dataCheckEventSchema>;

export const distanceRequestSchema = z.object({
  newDatasets: z.array(z.string().min(1)).min(1),
  oldDatasets: z.array(z.string().min(1)).min(1),
  /** Also measures the loss of this model, or of the one a run made, on both held-out parts. */
  model: z.string().min(1).optional(),
  /** Bytes of each held-out part that the model reads. */
  lossBytes: z.int().min(1000).max(100_000_000).optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  engine: z.string().optional(),
});
export type DistanceRequest = z.infer<typeof distanceRequestSchema>;

/** What is being done; the report comes last. */
export const distanceEventSchema = z.object({ activity: z.string(), report: distanceReportSchema.nullable() });
export type DistanceEvent = z.infer<typeof distanceEventSchema>;

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

const planRequestShape = {
  model: z.string(),
  blocks: z.int().optional(),
  place: z.string().default('even'),
  /** For the place `least-important`: the data it was measured on. */
  oldDatasets: z.array(z.string()).default([]),
};

const runRef = z.object({ run: z.string().min(1) });

/** Small facts about a run in progress, at most ten a second. */
export const runEventSchema = z.object({
  run: z.string(),
  status: runStatusSchema,
  step: z.int(),
  steps: z.int(),
  /** Latest values. */
  trainLoss: z.number().nullable(),
  evaluation: evaluationSchema.nullable(),
  /** The step that the evaluation belongs to. */
  evaluationStep: z.int().nullable(),
  tokensPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  /** What is being done now, for the user ("measuring before step 1"). */
  activity: z.string(),
});
export type RunEvent = z.infer<typeof runEventSchema>;

export const exportRequestSchema = z.object({
  /** Id or name. */
  model: z.string().min(1),
  format: z.enum(EXPORT_FORMATS),
  /** A folder that does not exist yet or is empty; for GGUF any folder, or the file's own path. */
  destination: z.string().min(1),
  /** As stored unless said. */
  dtype: z.enum(EXPORT_DTYPES).optional(),
  /** Largest weight file of a Hugging Face folder; one file unless said. */
  shardBytes: z.int().min(1).optional(),
  /** The model that a pack is to be put on, id or name; the one that the last blocks were inserted into unless said. */
  base: z.string().min(1).optional(),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;

export const exportedModelSchema = z.object({
  path: z.string(),
  format: z.string(),
  dtype: z.string(),
  bytes: z.int(),
  /** It was opened again, and is what it should be. */
  verified: z.boolean(),
  /** What other programs do in another way than Strata, and what is otherwise than asked for, in words. */
  notes: z.array(z.string()).optional(),
});
export type ExportedModel = z.infer<typeof exportedModelSchema>;

/** How far an export is, at most ten times a second; the last event has the result. */
export const exportEventSchema = z.object({
  /** Fraction of what is to be written and read again. */
  done: z.number(),
  exported: exportedModelSchema.nullable(),
});
export type ExportEvent = z.infer<typeof exportEventSchema>;

export const exportSizesSchema = z.object({
  /** The element types that the tensors have now. */
  stored: z.array(z.string()),
  sizes: z.array(z.object({ format: z.enum(EXPORT_FORMATS), dtype: z.enum(EXPORT_DTYPES).nullable(), bytes: z.number() })),
});
export type ExportSizes = z.infer<typeof exportSizesSchema>;

/** A model that Strata knows how to get. */
export const catalogueModelSchema = z.object({
  id: z.string(),
  /** What `downloads.start` takes. */
  source: z.string(),
  name: z.string(),
  purpose: z.string(),
  licence: z.string(),
  parameters: z.int(),
  /** What is fetched; null for what comes with Strata. */
  downloadBytes: z.int().nullable(),
  /** Where it is taken from, as a sentence. */
  origin: z.string(),
  /** Id of the model in the workspace that came from it; null when there is none. */
  model: z.string().nullable(),
});
export type CatalogueModel = z.infer<typeof catalogueModelSchema>;

/** A model that is being fetched and brought into the workspace, or was until it was stopped. */
export const downloadSchema = z.object({
  /** The name of its folder. */
  id: z.string(),
  /** `hub:ORG/NAME@REVISION` or `catalogue:ID`. */
  source: z.string(),
  /** The GGUF file that was asked for. */
  file: z.string().nullable(),
  title: z.string(),
  /** `stopped`: what has arrived is kept, and the same start goes on from there; so it does after `failed`. */
  state: z.enum(['fetching', 'importing', 'done', 'failed', 'stopped']),
  /** What is being done now, for the user. */
  activity: z.string(),
  bytesDone: z.number(),
  /** Null as long as nobody knows. */
  bytesTotal: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  /** What the user should know although it is no failure. */
  notices: z.array(z.string()),
  error: errorRecordSchema.nullable(),
  /** Id of the model once it is in the workspace. */
  model: z.string().nullable(),
});
export type Download = z.infer<typeof downloadSchema>;

const downloadRef = z.object({ download: z.string().min(1) });

export const downloadRequestSchema = z.object({
  source: z.string().min(1).max(500),
  /** A GGUF file of a hub's repository that holds several. */
  file: z.string().min(1).max(500).optional(),
  /** For a hub; kept in memory only. Without one, that of the Python client is used. */
  token: z.string().max(5000).optional(),
  /** Use only what is on this machine. */
  offline: z.boolean().optional(),
  name: z.string().min(1).max(200).optional(),
});
export type DownloadRequest = z.infer<typeof downloadRequestSchema>;

export const contract = {
  workspace: {
    info: call.output(z.object({ home: z.string(), version: z.string(), embeddedBase: z.string().nullable() })),
    /** Registers the embedded base model and the two sample datasets, if they are not there yet. */
    addSamples: call.output(z.object({ model: modelInfoSchema, newDataset: datasetInfoSchema, oldDataset: datasetInfoSchema })),
  },
  engines: {
    list: call.output(z.object({ selected: z.string().nullable(), engines: z.array(engineInfoSchema) })),
  },
  models: {
    list: call.output(z.array(modelInfoSchema)),
    show: call.input(z.object({ model: z.string() })).output(modelInfoSchema),
    /**
     * A Hugging Face folder, or a llama2.c checkpoint (.bin) with its tokenizer beside it; or a pack of inserted blocks, which is put on its
     * base: the one named, or the one in the workspace that has the base's hash.
     */
    import: call
      .input(z.object({ path: z.string().min(1), name: z.string().optional(), base: z.string().optional() }))
      .output(modelInfoSchema),
    expand: call.input(z.object({ ...planRequestShape, name: z.string().optional() })).output(modelInfoSchema),
    /** What an expansion would mean, before it is done. */
    plan: call.input(z.object(planRequestShape)).output(planReportSchema),
    /** What each block matters for old data, as far as it has been measured. */
    importance: call
      .input(importanceRequestSchema.pick({ model: true, oldDatasets: true, rendering: true }))
      .output(importanceSchema.nullable()),
    /** Measures it, unless that has been done; leaving off ends the measurement. */
    measureImportance: call.input(importanceRequestSchema).output(eventIterator(importanceEventSchema)),
    verify: call.input(z.object({ model: z.string() })).output(verifiedModelSchema),
    /** Writes a model for other programs and follows it to its end; ending the call before that leaves nothing behind. */
    export: call.input(exportRequestSchema).output(eventIterator(exportEventSchema)),
    /** What a model is stored as, and how large it would be in each format and element type. */
    exportSizes: call.input(z.object({ model: z.string() })).output(exportSizesSchema),
    remove: call.input(z.object({ model: z.string() })).output(z.object({ removed: z.string() })),
  },
  catalogue: {
    list: call.output(z.array(catalogueModelSchema)),
  },
  downloads: {
    /** Those that go on, and those that can go on. */
    list: call.output(z.array(downloadSchema)),
    /** Fetches a model and imports it; returns as soon as it has begun. The same again goes on with what has arrived. */
    start: call.input(downloadRequestSchema).output(downloadSchema),
    /** Follows one until it ends; the first event is its present state. */
    watch: call.input(downloadRef).output(eventIterator(downloadSchema)),
    /** Stops it; what has arrived is kept. */
    cancel: call.input(downloadRef).output(downloadSchema),
    /** Deletes what has arrived. */
    remove: call.input(downloadRef).output(z.object({ removed: z.string() })),
  },
  datasets: {
    list: call.output(z.array(datasetInfoSchema)),
    show: call.input(z.object({ dataset: z.string() })).output(datasetDetailsSchema),
    /** Documents [from, from + count) of a part, counted within it. */
    documents: call
      .input(
        z.object({ dataset: z.string(), part: partSchema, from: z.int().min(0).default(0), count: z.int().min(0).max(100).default(20) }),
      )
      .output(z.object({ total: z.int(), documents: z.array(listedDocumentSchema) })),
    /**
     * Documents that hold a text, upper and lower case alike, from a document on. It looks for about a second: `next` is the number to go on
     * from, null at the end of the dataset.
     */
    search: call
      .input(
        z.object({
          dataset: z.string(),
          query: z.string().min(1).max(1000),
          part: partSchema,
          from: z.int().min(0).default(0),
          limit: z.int().min(1).max(100).default(20),
        }),
      )
      .output(z.object({ documents: z.array(listedDocumentSchema), next: z.int().nullable() })),
    /** How many tokens datasets have for a model: exact where they were tokenised for it, otherwise concluded from a sample. */
    tokenCounts: call.input(z.object({ model: z.string().min(1) })).output(z.array(tokenCountSchema)),
    /** What an import would read, and how. */
    inspect: call.input(inspectRequestSchema).output(inspectionSchema),
    imports: {
      /** Those of this process, and those that can go on. */
      list: call.output(z.array(datasetImportSchema)),
      /** Begins an import; returns as soon as it has begun. */
      start: call.input(importRequestSchema).output(datasetImportSchema),
      /** Follows one until it ends; the first event is its present state. */
      watch: call.input(importRefSchema).output(eventIterator(datasetImportSchema)),
      /** Stops it; what was read is kept. */
      cancel: call.input(importRefSchema).output(datasetImportSchema),
      /** Goes on with one that was stopped or has failed. */
      resume: call.input(importRefSchema).output(datasetImportSchema),
      /** Takes one that has ended off the list, and deletes what it had read. */
      remove: call.input(importRefSchema).output(z.object({ removed: z.string() })),
    },
    /** Lets a model write text that stands in for old data, and makes a dataset of it; leaving off ends it. */
    selfReplay: call.input(selfReplayRequestSchema).output(eventIterator(selfReplayEventSchema)),
    /** One document as a model reads it, with what is learned of it. */
    tokens: call
      .input(
        z.object({
          dataset: z.string(),
          document: z.int().min(0),
          model: z.string(),
          rendering: renderingSchema.prefault({}),
          count: z.int().min(1).max(20_000).default(4000),
        }),
      )
      .output(documentTokensSchema),
    remove: call.input(z.object({ dataset: z.string() })).output(z.object({ removed: z.string() })),
    /** What datasets have in common, and what of the texts to measure on stands in their training parts; leaving off ends it. */
    check: call.input(dataCheckRequestSchema).output(eventIterator(dataCheckEventSchema)),
    /** A new dataset with the documents of another but for those at the given places, counted from 0; the other one stays. */
    drop: call
      .input(
        z.object({ dataset: z.string().min(1), documents: z.array(z.int().min(0)).min(1), name: z.string().min(1).max(200).optional() }),
      )
      .output(datasetInfoSchema),
    /** How far new data are from old, before training; leaving off ends it. */
    distance: call.input(distanceRequestSchema).output(eventIterator(distanceEventSchema)),
  },
  training: {
    preview: call.input(trainRequestSchema).output(trainPreviewSchema),
    /** Windows of the run that a request would start, from a position on. */
    stream: call
      .input(z.object({ request: trainRequestSchema, first: z.int().min(0).default(0), count: z.int().min(1).max(1000).default(64) }))
      .output(z.array(streamWindowSchema)),
    /** Records the run and starts the trainer; returns as soon as the run has an id. */
    start: call.input(trainRequestSchema).output(runSummarySchema),
  },
  runs: {
    list: call.output(z.array(runSummarySchema)),
    show: call.input(runRef).output(runSummarySchema),
    metrics: call
      .input(runRef.extend({ series: z.array(metricSeriesSchema).optional(), afterStep: z.int().min(-1).default(-1) }))
      .output(z.array(metricPointSchema)),
    /** Follows a run until it ends; the first event is its present state. */
    watch: call.input(runRef).output(eventIterator(runEventSchema)),
    pause: call.input(runRef).output(runSummarySchema),
    resume: call.input(runRef).output(runSummarySchema),
    /** Ends early: measures and saves what was learned so far. */
    stop: call.input(runRef).output(runSummarySchema),
    rename: call.input(runRef.extend({ name: z.string().min(1).max(200) })).output(runSummarySchema),
    note: call.input(runRef.extend({ note: z.string().max(20_000) })).output(runSummarySchema),
    compare: call
      .input(z.object({ runs: z.array(z.string()).min(2) }))
      .output(z.object({ runs: z.array(runSummarySchema), differences: z.record(z.string(), z.array(z.unknown())) })),
    remove: call.input(runRef).output(z.object({ removed: z.string() })),
  },
  text: {
    generate: call
      .input(
        z.object({
          /** Model or run, id or name. */
          model: z.string(),
          prompt: z.string(),
          maxTokens: z.int().min(1).max(8192).default(64),
          /** 0 is greedy. */
          temperature: z.number().min(0).max(10).default(0),
          seed: z.int().min(0).default(0),
          /** Skip the inserted blocks: the base's own answer. */
          bypass: z.boolean().default(false),
        }),
      )
      .output(z.object({ text: z.string(), tokenIds: z.array(z.int()) })),
    evaluate: call
      .input(z.object({ model: z.string(), files: z.array(z.string()).min(1), context: z.int().min(2).optional() }))
      .output(z.object({ tokens: z.int(), bytes: z.int(), lossPerToken: z.number(), perplexity: z.number(), bitsPerByte: z.number() })),
  },
};
export type Contract = typeof contract;
