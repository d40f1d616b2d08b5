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

export interface DatasetDocument {
  text: string;
  heldOut: boolean;
}

export interface DatasetFolder {
  /** Documents in their order, all of them or one part. */
  documents(options?: { heldOut?: boolean }): AsyncIterable<DatasetDocument>;
}

/** Opens a dataset's documents for streaming; a folder that is not one fails at the first document. */
export async function openDataset(directory: string): Promise<DatasetFolder> {
  return {
    documents: async function* ({ heldOut } = {}) {
      for await (const line of linesOf(createReadStream(join(directory, DOCUMENTS_FILE)) as AsyncIterable<Buffer>)) {
        const document = JSON.parse(line) as DatasetDocument;
        if (heldOut === undefined || document.heldOut === heldOut) yield document;
      }
    },
  };
}

/** @throws StrataError CORRUPT when the manifest is missing or cannot be understood. */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(join(directory, MANIFEST_FILE), 'utf8')));
  } catch (error) {
    throw new StrataError('CORRUPT', 'A dataset folder is damaged.', {
      found: error instanceof Error ? error.message : String(error),
      hint: `Import the files again; ${directory} can be deleted.`,
      cause: error,
    });
  }
}
