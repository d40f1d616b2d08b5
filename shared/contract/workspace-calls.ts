import { eventIterator } from '@orpc/contract';
import { z } from 'zod';
import { importanceSchema } from '../domain/importance.ts';
import { renderingSchema } from '../domain/rendering.ts';
import { binItemSchema, purgeRequestSchema, purgeResultSchema } from './bin.ts';
import { call } from './call.ts';
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
import { exportEventSchema, exportRequestSchema, exportSizesSchema } from './exports.ts';
import { modelInfoSchema, verifiedModelSchema } from './models.ts';
import { composedSchema, composeRequestSchema, gateEventSchema, gateRequestSchema, modelPacksSchema, packProofSchema } from './packs.ts';
import { importanceEventSchema, importanceRequestSchema, planBasisSchema, planReportSchema, planRequestShape } from './planning.ts';
import { userPath } from './user-path.ts';

/** Calls about what lies in the workspace, and how it gets there and out again: engines, models, packs, datasets. */
export const workspaceCalls = {
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
};
