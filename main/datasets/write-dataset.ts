import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Content, type ContentKind, plainTextOf } from '../../shared/domain/content.ts';
import { DOCUMENTS_FILE, INDEX_FILE } from './dataset-folder.ts';
import { type DatasetFacts, type DatasetManifest, MANIFEST_FILE } from './dataset-manifest.ts';
import { DocumentIndexWriter } from './document-index.ts';
import { writeAt } from './write-at.ts';

export interface NewDocument {
  content: Content;
  heldOut: boolean;
  /** Its file's place in the list of files. */
  file: number;
}

/** Documents are written in pieces of about this many bytes. */
const CHUNK_BYTES = 1 << 17;

/**
 * Where an import keeps what it has read before the documents are written: inside the unfinished dataset, so that it goes with it.
 * {@link writeDataset} removes it.
 */
export function workFolderOf(destination: string): string {
  return join(partialOf(destination), 'work');
}

/** Where a dataset is written until it is complete. */
export function partialOf(destination: string): string {
  return `${destination}.partial`;
}

/**
 * Writes a dataset folder: documents in their order as they come, their index, and the manifest with what was counted. The folder appears
 * under its name only when it is complete; until then it is the name with ".partial". When the writing fails, nothing of it is left there but
 * what was there before, such as the work of an import that can go on. The hash is over what the documents say and their split, wherever they
 * came from.
 * @param facts asked for once all documents are written.
 */
export async function writeDataset(
  destination: string,
  documents: AsyncIterable<NewDocument> | Iterable<NewDocument>,
  facts: () => DatasetFacts | Promise<DatasetFacts>,
): Promise<DatasetManifest> {
  const partial = partialOf(destination);
  await mkdir(partial, { recursive: true });
  try {
    const counts = await writeDocuments(partial, documents);
    const manifest: DatasetManifest = { schemaVersion: 2, ...(await facts()), ...counts };
    await writeFile(join(partial, MANIFEST_FILE), JSON.stringify(manifest, null, 2) + '\n', { flush: true });
    await rm(workFolderOf(destination), { recursive: true, force: true });
    await rename(partial, destination);
    return manifest;
  } catch (error) {
    for (const name of [DOCUMENTS_FILE, INDEX_FILE, MANIFEST_FILE]) await rm(join(partial, name), { force: true });
    await rmdir(partial).catch(() => undefined); // it holds more
    throw error;
  }
}

type Counts = Pick<DatasetManifest, 'documents' | 'heldOutDocuments' | 'kinds' | 'characters' | 'bytes' | 'hash'>;

async function writeDocuments(directory: string, documents: AsyncIterable<NewDocument> | Iterable<NewDocument>): Promise<Counts> {
  const output = await open(join(directory, DOCUMENTS_FILE), 'w');
  try {
    const indexFile = await open(join(directory, INDEX_FILE), 'w');
    try {
      return await writeLines(output, new DocumentIndexWriter(indexFile), documents);
    } finally {
      await indexFile.close();
    }
  } finally {
    await output.close();
  }
}

async function writeLines(
  output: FileHandle,
  index: DocumentIndexWriter,
  documents: AsyncIterable<NewDocument> | Iterable<NewDocument>,
): Promise<Counts> {
  const hash = createHash('sha256');
  const kinds: Partial<Record<ContentKind, number>> = {};
  const counts = { documents: 0, heldOutDocuments: 0, characters: 0, bytes: 0 };
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let end = 0;
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(pending);
    [pending, pendingBytes] = [[], 0];
    await writeAt(output, bytes, end - bytes.length);
  };
  for await (const { content, heldOut, file } of documents) {
    // The content is written once for both: it may be long.
    const beginning = Buffer.from(`{"content":${JSON.stringify(content)},"heldOut":${heldOut}`);
    const line = Buffer.concat([beginning, Buffer.from(`,"file":${file}}\n`)]);
    hash.update(beginning).update('}\n');
    await index.add(end, heldOut);
    pending.push(line);
    pendingBytes += line.length;
    end += line.length;
    if (pendingBytes >= CHUNK_BYTES) await flush();
    const text = plainTextOf(content);
    counts.documents++;
    if (heldOut) counts.heldOutDocuments++;
    counts.characters += text.length;
    counts.bytes += Buffer.byteLength(text);
    kinds[content.kind] = (kinds[content.kind] ?? 0) + 1;
  }
  await flush();
  await output.sync();
  await index.finish(end);
  return { ...counts, kinds, hash: hash.digest('hex') };
}
