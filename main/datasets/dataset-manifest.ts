import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { chosenMappingSchema, importedFileSchema } from '../../shared/contract/dataset-import.ts';
import { cleaningReportSchema, cleaningSettingsSchema } from '../../shared/domain/cleaning.ts';
import { contentKindsSchema } from '../../shared/domain/content.ts';
import { sampleOfSchema } from '../../shared/domain/dataset-sample.ts';
import { mappingSchema } from '../../shared/domain/shape.ts';
import { splitReportSchema } from '../../shared/domain/split.ts';
import { damagedDataset } from './damaged-dataset.ts';

export const MANIFEST_FILE = 'dataset.json';

/** What became of one file; documents name theirs by its place in the list. */
export const datasetFileSchema = importedFileSchema.extend({
  /** Documents of it that are in the dataset; null in datasets of the first version, which did not count them. */
  documents: z.int().min(0).nullable(),
  bytes: z.int().min(0).nullable(),
  /** sha256 of the file as it was read; null where it was not read to its end. */
  sha256: z.string().nullable(),
  /** How its rows were read; null for a file that has none. */
  mapping: mappingSchema.nullable(),
});
export type DatasetFile = z.infer<typeof datasetFileSchema>;

/** What the writer counts. */
const countsSchema = z.object({
  documents: z.int().min(0),
  heldOutDocuments: z.int().min(0),
  /** Documents of each kind of content. */
  kinds: contentKindsSchema,
  /** Characters (UTF-16 units) and bytes of UTF-8 of all that the documents say. Characters are unknown of the first version. */
  characters: z.int().min(0).nullable(),
  bytes: z.int().min(0),
  /** sha256 over the documents and their split. */
  hash: z.string(),
});

/** What was asked for, by which a later version is made of the same sources. */
export const datasetRequestSchema = z.object({
  paths: z.array(z.string()),
  mappings: z.array(chosenMappingSchema),
  /** Null where none was chosen. */
  seed: z.int().min(0).nullable(),
});
export type DatasetRequest = z.infer<typeof datasetRequestSchema>;

/** Main languages of a sample of documents, as shares of its text, the largest first; "unknown" for what is too short to tell. */
export const languageSharesSchema = z.array(z.object({ language: z.string(), share: z.number() }));
export type LanguageShares = z.infer<typeof languageSharesSchema>;

/** What only the import knows. */
export const datasetFactsSchema = z.object({
  name: z.string(),
  /** Documents left out because another said the same. */
  duplicates: z.int().min(0),
  /** Where the files came from, in words for the user: paths, or names of what a browser sent. */
  source: z.string(),
  /** Where the data is published, such as an address; null where nobody said. */
  origin: z.string().nullable(),
  /** Its licence, as a note of the user or of a file beside the data; null where nobody said. */
  licence: z.string().nullable(),
  files: z.array(datasetFileSchema),
  /** How it was cleaned, and what that did; null where nobody noted it. */
  cleaning: z.object({ settings: cleaningSettingsSchema, report: cleaningReportSchema }).nullable(),
  /** What is held out, and how well it measures; null where nobody noted it. */
  split: splitReportSchema.nullable(),
  /** 1 for a dataset of its own; one more than its parent's for one made from changed sources. */
  version: z.int().min(1),
  /** Id of the dataset that this is a later version of. */
  parent: z.string().nullable(),
  /** The dataset that this is a sample of, with the same held-out documents. */
  sampleOf: sampleOfSchema.nullable().default(null),
  /** Null where nobody noted it. */
  request: datasetRequestSchema.nullable().default(null),
  languages: languageSharesSchema.default([]),
});
export type DatasetFacts = z.infer<typeof datasetFactsSchema>;

/** `dataset.json`: what a dataset folder holds. The folder never changes after its import. */
export const manifestSchema = z
  .object({ schemaVersion: z.literal(2) })
  .extend(datasetFactsSchema.shape)
  .extend(countsSchema.shape);
export type DatasetManifest = z.infer<typeof manifestSchema>;

/** The first version: every document was a text. */
const firstVersionSchema = z
  .object({
    schemaVersion: z.literal(1),
    name: z.string(),
    documents: z.int(),
    heldOutDocuments: z.int(),
    duplicates: z.int(),
    bytes: z.int(),
    hash: z.string(),
    source: z.string(),
    files: z.array(importedFileSchema),
  })
  .transform((first): DatasetManifest => ({
    ...first,
    schemaVersion: 2,
    kinds: { text: first.documents },
    characters: null,
    origin: null,
    licence: null,
    files: first.files.map((file) => ({ ...file, documents: null, bytes: null, sha256: null, mapping: null })),
    cleaning: null,
    split: null,
    version: 1,
    parent: null,
    sampleOf: null,
    request: null,
    languages: [],
  }));

const anyVersionSchema = z.union([manifestSchema, firstVersionSchema]);

/**
 * Reads a manifest of any version in the form of the present one.
 * @throws StrataError CORRUPT when it is missing or cannot be understood.
 */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  try {
    return anyVersionSchema.parse(JSON.parse(await readFile(join(directory, MANIFEST_FILE), 'utf8')));
  } catch (error) {
    throw damagedDataset(directory, error instanceof Error ? error.message : String(error), error);
  }
}
