import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { importanceSchema } from '../domain/importance.ts';
import { movementSchema } from '../domain/movement.ts';
import { renderingSchema } from '../domain/rendering.ts';
import { partResultSchema } from '../domain/evaluation/part.ts';
import { drawnWindowsSchema, metricPointSchema, runSummarySchema } from '../domain/run.ts';
import { binItemSchema, purgeRequestSchema, purgeResultSchema } from './bin.ts';
import {
  comparisonRequestSchema,
  comparisonSchema,
  curveSchema,
  curvesRequestSchema,
  runExportRequestSchema,
  runExportSchema,
  runPageSchema,
  runQuerySchema,
} from './comparison.ts';
import { dataCheckEventSchema, dataCheckRequestSchema, distanceEventSchema, distanceRequestSchema } from './dataset-checks.ts';
import { datasetImportSchema, importRefSchema, importRequestSchema, inspectRequestSchema, inspectionSchema } from './dataset-import.ts';
import {
  datasetDetailsSchema,
  datasetInfoSchema,
  datasetSampleRequestSchema,
  documentTokensSchema,
  listedDocumentSchema,
  partSchema,
  selfReplayEventSchema,
  selfReplayRequestSchema,
  tokenCountSchema,
} from './datasets.ts';
import { catalogueModelSchema, downloadRef, downloadRequestSchema, downloadSchema } from './downloads.ts';
import { engineInfoSchema, enginePackRef, enginePackSchema, installPackRequestSchema } from './engines.ts';
import { errorRecordSchema } from './errors.ts';
import { exportEventSchema, exportRequestSchema, exportSizesSchema } from './exports.ts';
import { jointRequestSchema, lineEventSchema, lineRefSchema, lineRowSchema, lineSchema, nextDomainSchema } from './lines.ts';
import { modelInfoSchema, verifiedModelSchema } from './models.ts';
import { composedSchema, composeRequestSchema, gateEventSchema, gateRequestSchema, modelPacksSchema, packProofSchema } from './packs.ts';
import { importanceEventSchema, importanceRequestSchema, planBasisSchema, planReportSchema, planRequestShape } from './planning.ts';
import { batchRef, batchSchema, batchSummarySchema, presetSchema, recipePreviewSchema, recipeSchema } from './recipes.ts';
import {
  measurementsAtStepSchema,
  metricsRequestSchema,
  rerunVerdictSchema,
  resumableSchema,
  runAfterStepSchema,
  runEventSchema,
  runRef,
  runRequestSchema,
  samplesOfRunSchema,
} from './runs.ts';
import {
  inspectPartRequestSchema,
  partInspectionSchema,
  renameSuiteRequestSchema,
  saveSuiteRequestSchema,
  scoreEventSchema,
  scoreRequestSchema,
  suiteChangesRequestSchema,
  suiteChangesSchema,
  suiteItemsRequestSchema,
  suiteRef,
  suiteResultsRequestSchema,
  suiteRunEventSchema,
  suiteRunRequestSchema,
  suiteSchema,
  suiteSummarySchema,
  suiteTableSchema,
} from './suites.ts';
import {
  explainRequestSchema,
  explanationSchema,
  generatedSchema,
  generateRequestSchema,
  streamEventSchema,
  streamRequestSchema,
  textEvaluationSchema,
} from './text.ts';
import { prioritySchema, streamWindowSchema, trainPreviewSchema, trainRequestSchema, trainStartSchema } from './training.ts';
import { userPath } from './user-path.ts';

/**
 * Every call between a screen (or a script) and the studio. Types on both sides are inferred from these schemas.
 * Arguments are parsed at the door; errors travel as one typed error `STRATA` whose data is an ErrorRecord.
 * Events announce small facts; pages fetch what they need.
 */

const call = oc.errors({ STRATA: { data: errorRecordSchema } });

export const contract = {
  workspace: {
    info: call.output(z.object({ home: z.string(), version: z.string(), embeddedBase: z.string().nullable() })),
    /** Folders in which a page may name a path that the user typed, and the one that exports may be written to without choosing. */
    paths: call.output(z.object({ typed: z.array(z.string()), exports: z.string() })),
    /** Registers the embedded base model and the two sample datasets, if they are not there yet. */
    addSamples: call.output(z.object({ model: modelInfoSchema, newDataset: datasetInfoSchema, oldDataset: datasetInfoSchema })),
  },
  engines: {
    list: call.output(z.object({ selected: z.string().nullable(), engines: z.array(engineInfoSchema) })),
    packs: {
      /** Libraries that can be installed on this machine, and those that are. */
      list: call.output(z.array(enginePackSchema)),
      /** Fetches, checks, unpacks and tests one; returns as soon as it has begun. The same again goes on with what has arrived. */
      install: call.input(installPackRequestSchema).output(enginePackSchema),
      watch: call.input(enginePackRef).output(eventIterator(enginePackSchema)),
      cancel: call.input(enginePackRef).output(enginePackSchema),
      remove: call.input(enginePackRef).output(z.object({ removed: z.string() })),
    },
  },
  models: {
    list: call.output(z.array(modelInfoSchema)),
    show: call.input(z.object({ model: z.string() })).output(modelInfoSchema),
    /**
     * A Hugging Face folder, or a llama2.c checkpoint (.bin) with its tokenizer beside it; or a pack of inserted blocks (its folder or its
     * `.strata-pack` file), which is put on its base: the one named, or the one in the workspace that has the base's hash.
     */
    import: call
      .input(z.object({ path: userPath('read'), name: z.string().optional(), base: z.string().optional() }))
      .output(modelInfoSchema),
    /** Which of these are meant as models or packs; the others are data, if anything. */
    recognise: call.input(z.object({ paths: z.array(userPath('read')).max(10_000) })).output(z.object({ models: z.array(z.string()) })),
    expand: call.input(z.object({ ...planRequestShape, name: z.string().optional() })).output(modelInfoSchema),
    /** What an expansion would mean, before it is done. */
    plan: call.input(z.object(planRequestShape)).output(planReportSchema),
    /** What such answers are computed from, so that a page can do it while a block is being moved. */
    planBasis: call.input(z.object({ model: z.string() })).output(planBasisSchema),
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
    /** Puts a model into the bin; its files stay until that is emptied. */
    remove: call.input(z.object({ model: z.string() })).output(z.object({ removed: z.string() })),
    bin: call.output(z.array(binItemSchema)),
    restore: call.input(z.object({ model: z.string() })).output(modelInfoSchema),
    /** Deletes for good what is in the bin: one, or all that no unfinished run needs. */
    purge: call.input(purgeRequestSchema).output(purgeResultSchema),
  },
  packs: {
    /** The packs of a model, and what was measured of them. */
    list: call.input(z.object({ model: z.string() })).output(modelPacksSchema),
    /** Whether it is its base without them, to the last bit. */
    prove: call.input(z.object({ model: z.string(), engine: z.string().optional() })).output(packProofSchema),
    /** Makes a model of a base and packs of other models: to stack them, to take one out, or to make a strength its own. */
    compose: call.input(composeRequestSchema).output(composedSchema),
    /** How well a gate decides whether a pack is used; leaving off ends it. */
    evaluateGate: call.input(gateRequestSchema).output(eventIterator(gateEventSchema)),
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
    /** Puts a dataset into the bin; its files in the workspace stay until that is emptied. */
    remove: call.input(z.object({ dataset: z.string() })).output(z.object({ removed: z.string() })),
    bin: call.output(z.array(binItemSchema)),
    restore: call.input(z.object({ dataset: z.string() })).output(datasetInfoSchema),
    /** Deletes for good what is in the bin: one, or all that no unfinished run needs. */
    purge: call.input(purgeRequestSchema).output(purgeResultSchema),
    /** What datasets have in common, and what of the texts to measure on stands in their training parts; leaving off ends it. */
    check: call.input(dataCheckRequestSchema).output(eventIterator(dataCheckEventSchema)),
    /** A new dataset with the documents of another but for those at the given places, counted from 0; the other one stays. */
    drop: call
      .input(
        z.object({ dataset: z.string().min(1), documents: z.array(z.int().min(0)).min(1), name: z.string().min(1).max(200).optional() }),
      )
      .output(datasetInfoSchema),
    /** A new dataset with all held-out documents of another and a seeded sample of the others, for replay. */
    sample: call.input(datasetSampleRequestSchema).output(datasetInfoSchema),
    /** How far new data are from old, before training; leaving off ends it. */
    distance: call.input(distanceRequestSchema).output(eventIterator(distanceEventSchema)),
  },
  lines: {
    /** Lines of the workspace, by the models that they end in. */
    list: call.output(z.array(lineRowSchema)),
    /** What a model learned step after step, and what it kept: every score, and the figures that follow. */
    show: call.input(lineRefSchema).output(lineSchema),
    /** Measures what is missing and can be measured; leaving off ends it, what was measured until then stays. */
    measure: call.input(lineRefSchema).output(eventIterator(lineEventSchema)),
    /** Names the model that learned the tasks of a line up to one of them together, or takes it back. */
    setJoint: call.input(jointRequestSchema).output(lineSchema),
  },
  training: {
    /** A request that begins where a run ended: its model, and all that it learned and kept now on the old side. */
    nextDomain: call.input(runRef).output(nextDomainSchema),
    preview: call.input(trainRequestSchema).output(trainPreviewSchema),
    /** Windows of the run that a request would start, from a position on. */
    stream: call
      .input(z.object({ request: trainRequestSchema, first: z.int().min(0).default(0), count: z.int().min(1).max(1000).default(64) }))
      .output(z.array(streamWindowSchema)),
    /** Records the run and starts the trainer, or lets the run wait while another one trains (status `queued`); returns as soon as it has an id. */
    start: call.input(trainStartSchema).output(runSummarySchema),
  },
  /** Several runs that answer one question together. */
  recipes: {
    /** Settings of single runs under a name. */
    presets: call.output(z.array(presetSchema)),
    /** The runs that it would make, and what they need. */
    preview: call.input(recipeSchema).output(recipePreviewSchema),
    /** Puts them into the queue: all, or none when one is refused. */
    start: call.input(recipeSchema).output(batchSchema),
    /** Newest first. */
    list: call.output(z.array(batchSummarySchema)),
    /** With the points of finished runs, and of a forecast what its pilots say. */
    show: call.input(batchRef).output(batchSchema),
    /** Takes what waits out of the queue, and ends what trains with what it has learned. */
    cancel: call.input(batchRef).output(batchSchema),
  },
  /** Runs that wait until the device is free. The host of a page starts the next one whenever nothing trains. */
  queue: {
    /** The next one first. */
    list: call.output(z.array(runSummarySchema)),
    /** Before another waiting run, or to the end with null; it gets the priority of its neighbours. */
    move: call.input(runRef.extend({ before: z.string().nullable() })).output(z.array(runSummarySchema)),
    setPriority: call.input(runRef.extend({ priority: prioritySchema })).output(z.array(runSummarySchema)),
  },
  runs: {
    list: call.output(z.array(runSummarySchema)),
    show: call.input(runRef).output(runSummarySchema),
    metrics: call.input(metricsRequestSchema).output(z.array(metricPointSchema)),
    /** What was measured of each dataset, step by step; empty for runs from before it was told apart. */
    measurements: call.input(runAfterStepSchema).output(z.array(measurementsAtStepSchema)),
    /** Text that base and model wrote on the way; nothing for a run without samples. */
    samples: call.input(runAfterStepSchema).output(samplesOfRunSchema),
    /** Windows that were trained on; null before the first step, and for runs from before they were noted. */
    windows: call.input(runRef).output(drawnWindowsSchema.nullable()),
    /** How far it moved its model from its base, tensor by tensor and layer by layer: computed once, then kept in the run's folder. */
    movement: call.input(runRef).output(movementSchema),
    /** Follows a run, also while it waits, until it ends; the first event is its present state. */
    watch: call.input(runRef).output(eventIterator(runEventSchema)),
    /** Saves a checkpoint and gives the memory back; a run that waits leaves the queue. */
    pause: call.input(runRef).output(runSummarySchema),
    /** Runs that a crash or a power cut left in the middle: to be offered when the studio is opened. */
    resumable: call.output(z.array(resumableSchema)),
    /** Goes on as the same run, or waits for its turn while another one trains. */
    resume: call.input(runRef).output(runSummarySchema),
    /** Ends early: measures and saves what was learned so far. */
    stop: call.input(runRef).output(runSummarySchema),
    /** What a run was asked for, to be changed and started. */
    request: call.input(runRef).output(runRequestSchema),
    /** Trains a run that is done once more, exactly: same configuration, seed and engine. */
    rerun: call.input(runRef).output(runSummarySchema),
    /** Whether a rerun made the same model. */
    rerunVerdict: call.input(runRef).output(rerunVerdictSchema),
    rename: call.input(runRef.extend({ name: z.string().min(1).max(200) })).output(runSummarySchema),
    note: call.input(runRef.extend({ note: z.string().max(20_000) })).output(runSummarySchema),
    /** A page of the history. */
    search: call.input(runQuerySchema).output(runPageSchema),
    /** The tags that a run then has. */
    tag: call.input(runRef.extend({ tags: z.array(z.string().trim().min(1).max(60)).max(50) })).output(runSummarySchema),
    favourite: call.input(runRef.extend({ favourite: z.boolean() })).output(runSummarySchema),
    archive: call.input(z.object({ runs: z.array(z.string()).min(1), archived: z.boolean() })).output(z.array(runSummarySchema)),
    curves: call.input(curvesRequestSchema).output(z.array(curveSchema)),
    compare: call.input(comparisonRequestSchema).output(comparisonSchema),
    export: call.input(runExportRequestSchema).output(runExportSchema),
    /** Puts runs into the bin; what they measured and made stays until it is emptied. */
    remove: call.input(runRef).output(z.object({ removed: z.string() })),
    restore: call.input(runRef).output(runSummarySchema),
    /** Deletes for good what is in the bin: one run, or all. */
    purge: call.input(z.object({ run: z.string().optional() })).output(z.object({ removed: z.array(z.string()) })),
  },
  suites: {
    list: call.output(z.array(suiteSummarySchema)),
    /** Reads a file or a dataset through, and says what could be measured with it; nothing is kept. */
    inspect: call.input(inspectPartRequestSchema).output(partInspectionSchema),
    /** Copies the items of every part into the workspace; malformed ones are refused. */
    save: call.input(saveSuiteRequestSchema).output(suiteSchema),
    rename: call.input(renameSuiteRequestSchema).output(suiteSchema),
    remove: call.input(suiteRef).output(z.object({ removed: z.string() })),
    /** Measures what is not known yet; leaving off ends it, and keeps what was measured. */
    run: call.input(suiteRunRequestSchema).output(eventIterator(suiteRunEventSchema)),
    /** Models and runs by parts, with standard errors and comparisons. */
    results: call.input(suiteResultsRequestSchema).output(suiteTableSchema),
    /** Null where it has not been measured. */
    items: call.input(suiteItemsRequestSchema).output(partResultSchema.nullable()),
    /** Questions gained and lost against the baseline, with what both answered. */
    changes: call.input(suiteChangesRequestSchema).output(suiteChangesSchema),
    /** Scores a model once, without a suite; leaving off ends it. */
    score: call.input(scoreRequestSchema).output(eventIterator(scoreEventSchema)),
  },
  text: {
    generate: call.input(generateRequestSchema).output(generatedSchema),
    /** An answer token by token; leaving off ends it at the next token. */
    stream: call.input(streamRequestSchema).output(eventIterator(streamEventSchema)),
    /** What voices think of each token of a text, and which blocks moved it. */
    explain: call.input(explainRequestSchema).output(explanationSchema),
    evaluate: call
      .input(
        z.object({
          model: z.string(),
          files: z.array(userPath('read')).default([]),
          /** Held-out parts of them. */
          datasets: z.array(z.string()).default([]),
          /** Model or run to compare with, position by position. */
          reference: z.string().optional(),
          context: z.int().min(2).optional(),
        }),
      )
      .output(textEvaluationSchema),
  },
};
export type Contract = typeof contract;
