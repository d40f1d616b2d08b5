import { z } from 'zod';
import { cleaningSettingsSchema } from '../domain/cleaning.ts';
import { contentSchema } from '../domain/content.ts';
import { mappingSchema, shapeGuessSchema } from '../domain/shape.ts';
import { errorRecordSchema } from './errors.ts';
import { userPath } from './user-path.ts';

/** The calls of an import: what would be read, how it is chosen, and how far it is. */

/** What became of one file. */
export const importedFileSchema = z.object({
  path: z.string(),
  status: z.enum(['imported', 'skipped', 'failed']),
  /** Why it was skipped or failed; what was read otherwise ("120 documents"). */
  reason: z.string(),
});
export type ImportedFile = z.infer<typeof importedFileSchema>;

/** How rows with exactly these columns, in any order, are read. */
export const chosenMappingSchema = z.object({ columns: z.array(z.string()), mapping: mappingSchema });
export type ChosenMapping = z.infer<typeof chosenMappingSchema>;

const paths = z.array(userPath('read')).min(1);

export const inspectRequestSchema = z.object({
  paths,
  /** Shows the rows as they would be read so. */
  mappings: z.array(chosenMappingSchema).default([]),
});
export type InspectRequest = z.input<typeof inspectRequestSchema>;

/** One row of a table, and what would become of it. */
export const inspectedRowSchema = z.object({
  /** Its place for people. */
  where: z.string(),
  /** Cells as text, shortened. */
  cells: z.record(z.string(), z.string()),
  /** Null where the row cannot be used. */
  content: contentSchema.nullable(),
  problem: z.string().nullable(),
});
export type InspectedRow = z.infer<typeof inspectedRowSchema>;

/** Files whose rows have the same columns. */
export const inspectedShapeSchema = z.object({
  guess: shapeGuessSchema,
  /** What rows are read as: the chosen mapping, or the guessed one; null where there is none, and the files would be left out. */
  mapping: mappingSchema.nullable(),
  files: z.int(),
  /** Some of the files, by path. */
  examples: z.array(z.string()),
  /** The first rows of the first file. */
  rows: z.array(inspectedRowSchema),
});
export type InspectedShape = z.infer<typeof inspectedShapeSchema>;

/** What an import of some paths would read: looked at in a bounded time, not read to the end. */
export const inspectionSchema = z.object({
  /** The name that the dataset would get. */
  name: z.string(),
  /** Files found, and their bytes on the disk. */
  files: z.int(),
  bytes: z.int(),
  /** False where there are more files than were looked at. */
  isComplete: z.boolean(),
  formats: z.array(z.object({ format: z.string(), files: z.int() })),
  /** Files that would be left out as far as can be told, the first of them, and how many there are. */
  leftOut: z.array(importedFileSchema),
  leftOutCount: z.int(),
  /** False where there may be more of them: files that were not opened, or not read to their end. */
  isLeftOutExact: z.boolean(),
  shapes: z.array(inspectedShapeSchema),
  /** Files of plain text and documents, with the beginnings of some. */
  texts: z.object({ files: z.int(), examples: z.array(z.object({ path: z.string(), text: z.string() })) }),
  /** The first line of a file LICENSE or the like among the files; null where there is none. */
  licence: z.string().nullable(),
});
export type Inspection = z.infer<typeof inspectionSchema>;

export const importRequestSchema = z.object({
  /** Files and folders on the studio's machine; of a later version, the dataset's own ones unless said. */
  paths: paths.optional(),
  name: z.string().min(1).max(200).optional(),
  /** Where the data is published, such as an address. */
  origin: z.string().max(2000).optional(),
  /** Empty for none; when absent, that of a file LICENSE or the like among the sources, or the earlier version's. */
  licence: z.string().max(2000).optional(),
  cleaning: cleaningSettingsSchema.optional(),
  mappings: z.array(chosenMappingSchema).optional(),
  /** Draws another held-out part. */
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
  /**
   * Id or name of the dataset that this is a later version of. What is not said is done as it was then; where the sources say the same, no
   * version is made.
   */
  newVersionOf: z.string().min(1).optional(),
});
export type ImportRequest = z.input<typeof importRequestSchema>;

/** An import that goes on, or was until it ended. */
export const datasetImportSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Where the files come from, for the user. */
  source: z.string(),
  /** `stopped` and `failed` by what is no file's fault: what was read is kept, and it can go on. */
  state: z.enum(['running', 'done', 'stopped', 'failed']),
  canResume: z.boolean(),
  /** What is being done now, for the user. */
  activity: z.string(),
  /** Part of all its work, 0 to 1; null as long as nobody knows. */
  fraction: z.number().nullable(),
  filesDone: z.int(),
  files: z.int().nullable(),
  documents: z.int(),
  bytesRead: z.number(),
  secondsLeft: z.number().nullable(),
  startedAt: z.string(),
  error: errorRecordSchema.nullable(),
  /** Id of the dataset once it is in the workspace. */
  dataset: z.string().nullable(),
  /** False where a later version was asked for and its sources had not changed: then `dataset` is the earlier one. */
  isNew: z.boolean(),
  /** What became of each file; empty until the end. */
  results: z.array(importedFileSchema),
});
export type DatasetImport = z.infer<typeof datasetImportSchema>;

export const importRefSchema = z.object({ import: z.string().min(1) });
