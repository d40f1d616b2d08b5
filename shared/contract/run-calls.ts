import { eventIterator } from '@orpc/contract';
import { z } from 'zod';
import { movementSchema } from '../domain/movement.ts';
import { partResultSchema } from '../domain/evaluation/part.ts';
import { drawnWindowsSchema, metricPointSchema, runSummarySchema } from '../domain/run.ts';
import { call } from './call.ts';
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
import { jointRequestSchema, lineEventSchema, lineRefSchema, lineRowSchema, lineSchema, nextDomainSchema } from './lines.ts';
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

/** Calls about what is done with it: training and what was trained, measuring, writing text. */
export const runCalls = {
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
