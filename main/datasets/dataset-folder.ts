import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { importedFileSchema } from '../../shared/contract/contract.ts';
import { StrataError } from '../../shared/errors.ts';
import { linesOf } from './lines.ts';

/** `dataset.json`: what a dataset folder holds. The folder never changes after its import. */
export const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  name: z.string(),
  documents: z.int(),
  heldOutDocuments: z.int(),
  /** Documents left out because another had the same text. */
  duplicates: z.int(),
  /** Bytes of UTF-8 text. */
  bytes: z.int(),
  /** sha256 over the documents and their split. */
  hash: z.string(),
  source: z.string(),
  files: z.array(importedFileSchema),
});
export type DatasetManifest = z.infer<typeof manifestSchema>;

export const MANIFEST_FILE = 'dataset.json';
export const DOCUMENTS_FILE = 'documents.jsonl';

const documentSchema = z.object({ text: z.string(), heldOut: z.boolean() });
export type DatasetDocument = z.infer<typeof documentSchema>;

export interface DatasetFolder {
  /** Documents in their order, all of them or one part. */
  documents(options?: { heldOut?: boolean }): AsyncIterable<DatasetDocument>;
}

/**
 * Opens a dataset's documents for streaming.
 * @throws StrataError CORRUPT at the first document that is missing or cannot be understood.
 */
export async function openDataset(directory: string): Promise<DatasetFolder> {
  return {
    documents: async function* ({ heldOut } = {}) {
      for await (const document of storedDocuments(directory)) {
        if (heldOut === undefined || document.heldOut === heldOut) yield document;
      }
    },
  };
}

async function* storedDocuments(directory: string): AsyncIterable<DatasetDocument> {
  let number = 0;
  try {
    for await (const line of linesOf(createReadStream(join(directory, DOCUMENTS_FILE)) as AsyncIterable<Buffer>)) {
      yield documentSchema.parse(JSON.parse(line));
      number++;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damaged(directory, `no ${DOCUMENTS_FILE}`, error);
    const isUnreadable = error instanceof SyntaxError || error instanceof TypeError || error instanceof z.ZodError;
    if (isUnreadable) throw damaged(directory, `${DOCUMENTS_FILE} cannot be read at line ${number + 1}`, error);
    throw error;
  }
}

/** @throws StrataError CORRUPT when the manifest is missing or cannot be understood. */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(directory, MANIFEST_FILE), 'utf8')));
  } catch (error) {
    throw damaged(directory, error instanceof Error ? error.message : String(error), error);
  }
}

function damaged(directory: string, found: string, cause: unknown): StrataError {
  return new StrataError('CORRUPT', 'A dataset folder is damaged.', {
    found,
    hint: `Import the files again; ${directory} can be deleted.`,
    cause,
  });
}
