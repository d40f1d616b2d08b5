import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { chosenMappingSchema } from '../../shared/contract/dataset-import.ts';
import { errorRecordSchema } from '../../shared/contract/errors.ts';
import { cleaningSettingsSchema } from '../../shared/domain/cleaning.ts';
import { partialOf } from '../datasets/write-dataset.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';
import { importProgressSchema } from '../training/messages.ts';
import { OWNER_FILE } from './owner-file.ts';

/**
 * What an unfinished dataset folder holds beside what an import has read: what was asked for. By it an import goes on in another process. The file
 * stays in the folder until the dataset is on the list, also while the folder has its own name already.
 */
const REQUEST_FILE = 'request.json';

export const importRecordSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Where the files come from, for the user. */
  source: z.string(),
  startedAt: z.string(),
  paths: z.array(z.string()).min(1),
  origin: z.string().optional(),
  licence: z.string().optional(),
  cleaning: cleaningSettingsSchema,
  mappings: z.array(chosenMappingSchema),
  seed: z.int().min(0).optional(),
  version: z.int().min(1),
  /** What this is to be a later version of. */
  parent: z.object({ id: z.string(), hash: z.string() }).nullable(),
  /** How far it was when it ended, and why where it failed; null for one that never ended by itself. */
  progress: importProgressSchema.nullable(),
  error: errorRecordSchema.nullable(),
});
export type ImportRecord = z.infer<typeof importRecordSchema>;

/** Where an import of this id works now: in the unfinished folder, or in the finished one that is not on the list yet. */
export function importFolder(datasets: string, id: string): string {
  const destination = join(datasets, id);
  return existsSync(join(destination, REQUEST_FILE)) ? destination : partialOf(destination);
}

/** Null where the folder is none of an import. */
export async function readImportRecord(directory: string): Promise<ImportRecord | null> {
  try {
    return importRecordSchema.parse(JSON.parse(await readFile(join(directory, REQUEST_FILE), 'utf8')));
  } catch {
    return null;
  }
}

export async function writeImportRecord(directory: string, record: ImportRecord): Promise<void> {
  await writeTextAtomically(join(directory, REQUEST_FILE), `${JSON.stringify(record)}\n`);
}

/** Takes away what only the import needed, from the folder of a dataset that is on the list. */
export async function forgetImport(directory: string): Promise<void> {
  for (const name of [OWNER_FILE, REQUEST_FILE]) await rm(join(directory, name), { force: true });
}

/** Imports whose folders are there, whoever began them. */
export async function importsIn(datasets: string, isListed: (id: string) => boolean): Promise<ImportRecord[]> {
  const records: ImportRecord[] = [];
  for (const name of (await readdir(datasets).catch((): string[] => [])).sort()) {
    const id = basename(name, '.partial');
    if (isListed(id)) continue;
    const record = await readImportRecord(join(datasets, name));
    if (record?.id === id) records.push(record);
  }
  return records;
}
