import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ImportedFile } from '../../shared/contract/contract.ts';
import { StrataError } from '../../shared/errors.ts';
import { type DatasetManifest, DOCUMENTS_FILE, MANIFEST_FILE } from './dataset-folder.ts';
import { linesOf } from './lines.ts';
import { documentsOf, findFiles, READABLE } from './read-files.ts';
import { UnreadableFile } from './unreadable-file.ts';
import { writeAt } from './write-at.ts';

/** The held-out part of a dataset: this share of its text, more when that is too little to measure on, but never more than the limit. */
const HELD_OUT_SHARE = 0.05;
const HELD_OUT_BYTES = 80_000; // about 20,000 tokens
const HELD_OUT_LIMIT = 0.2;

/**
 * Reads files and folders into a new dataset folder: documents in order, exact duplicates left out, a held-out part chosen by
 * the hash of each document's text, so that the same documents always have the same split. The folder appears under its name
 * only when it is complete.
 * @throws StrataError NOT_FOUND when a path does not exist, BAD_INPUT when no file could be read or there are too few documents to hold
 * one out; nothing is left behind.
 */
export async function importDataset(
  paths: readonly string[],
  destination: string,
  options: { name?: string; source?: string } = {},
): Promise<DatasetManifest> {
  await refuseMissing(paths);
  const partial = `${destination}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    const read = await collect(paths, join(partial, 'collected.jsonl'));
    if (read.documents.length === 0) throw nothingImported(read.files);
    const isHeldOut = chooseHeldOut(read.documents);
    const hash = await writeDocuments(join(partial, 'collected.jsonl'), join(partial, DOCUMENTS_FILE), isHeldOut);
    await rm(join(partial, 'collected.jsonl'));
    const manifest: DatasetManifest = {
      schemaVersion: 1,
      name: options.name ?? suggestName(paths),
      documents: read.documents.length,
      heldOutDocuments: isHeldOut.filter(Boolean).length,
      duplicates: read.duplicates,
      bytes: read.documents.reduce((sum, { bytes }) => sum + bytes, 0),
      hash,
      source: options.source ?? paths.join(', '),
      files: read.files,
    };
    await writeFile(join(partial, MANIFEST_FILE), JSON.stringify(manifest, null, 2) + '\n', { flush: true });
    await rename(partial, destination);
    return manifest;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** A path that was given and is not there is a slip: nothing is imported, rather than less than was meant. */
async function refuseMissing(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      throw new StrataError('NOT_FOUND', 'There is no such file or folder; nothing was imported.', { found: path, allowed: READABLE });
    });
  }
}

interface CollectedDocument {
  bytes: number;
  /** The first 48 bits of the text's hash: what orders documents for holding out. */
  key: number;
}

interface Collected {
  documents: CollectedDocument[];
  duplicates: number;
  files: ImportedFile[];
}

/**
 * Streams every readable document into one file; keeps only sizes and hashes in memory. A file that cannot be read to its end
 * gives nothing: half of a corpus would look like the whole.
 */
async function collect(paths: readonly string[], target: string): Promise<Collected> {
  const collected: Collected = { documents: [], duplicates: 0, files: [] };
  const seen = new Set<string>();
  const output = await open(target, 'w');
  let keptBytes = 0;
  try {
    for (const { path, skipReason } of await findFiles(paths)) {
      if (skipReason !== null) {
        collected.files.push({ path, status: 'skipped', reason: skipReason });
        continue;
      }
      const part = { documents: [] as CollectedDocument[], ids: [] as string[], duplicates: 0, bytes: 0 };
      try {
        for await (const text of documentsOf(path)) {
          const digest = createHash('sha256').update(text).digest();
          const id = digest.toString('base64', 0, 16);
          if (seen.has(id)) {
            part.duplicates++;
            continue;
          }
          seen.add(id);
          part.ids.push(id);
          part.documents.push({ bytes: Buffer.byteLength(text), key: digest.readUIntBE(0, 6) });
          const line = Buffer.from(JSON.stringify(text) + '\n');
          await writeAt(output, line, keptBytes + part.bytes);
          part.bytes += line.length;
        }
      } catch (error) {
        if (!(error instanceof UnreadableFile)) throw error;
        for (const id of part.ids) seen.delete(id);
        collected.files.push({ path, status: 'failed', reason: error.message });
        continue;
      }
      keptBytes += part.bytes;
      for (const document of part.documents) collected.documents.push(document);
      collected.duplicates += part.duplicates;
      collected.files.push(resultOf(path, part.documents.length, part.duplicates));
    }
    await output.truncate(keptBytes);
  } finally {
    await output.close();
  }
  return collected;
}

function resultOf(path: string, documents: number, duplicates: number): ImportedFile {
  const counted = `${documents} ${documents === 1 ? 'document' : 'documents'}`;
  const repeated = duplicates > 0 ? `, ${duplicates} left out because others have the same text` : '';
  return { path, status: documents > 0 ? 'imported' : 'skipped', reason: counted + repeated };
}

/** Documents in the order of their hashes until enough text is held out: at least one (where all are large, the smallest), never all. */
function chooseHeldOut(documents: readonly CollectedDocument[]): boolean[] {
  if (documents.length < 2) {
    throw new StrataError('BAD_INPUT', 'There is too little text: nothing could be held out to measure on.', {
      found: `1 document of ${documents[0]?.bytes ?? 0} bytes`,
      allowed: 'at least two documents (a long plain text is cut into sections of about 4,000 characters by itself)',
      hint: 'Import more text together with it.',
    });
  }
  const total = documents.reduce((sum, { bytes }) => sum + bytes, 0);
  const limit = total * HELD_OUT_LIMIT;
  const wanted = Math.min(Math.max(total * HELD_OUT_SHARE, HELD_OUT_BYTES), limit);
  const byHash = documents.map((document, index) => ({ ...document, index })).sort((a, b) => a.key - b.key);
  const isHeldOut = documents.map(() => false);
  let heldOut = 0;
  for (const { index, bytes } of byHash) {
    if (heldOut >= wanted) break;
    if (heldOut + bytes > limit) continue;
    isHeldOut[index] = true;
    heldOut += bytes;
  }
  if (heldOut === 0) {
    const smallest = byHash.reduce((least, document) => (document.bytes < least.bytes ? document : least));
    isHeldOut[smallest.index] = true;
  }
  return isHeldOut;
}

async function writeDocuments(source: string, target: string, isHeldOut: readonly boolean[]): Promise<string> {
  const hash = createHash('sha256');
  const output = await open(target, 'w');
  try {
    let index = 0;
    for await (const line of linesOf(createReadStream(source) as AsyncIterable<Buffer>)) {
      const document = JSON.stringify({ text: JSON.parse(line) as string, heldOut: isHeldOut[index++]! }) + '\n';
      hash.update(document);
      await output.appendFile(document);
    }
    await output.sync();
  } finally {
    await output.close();
  }
  return hash.digest('hex');
}

/** So many files are named in an error; more would hide what it says. */
const MOST_REASONS = 20;

function nothingImported(files: readonly ImportedFile[]): StrataError {
  const mostTelling = [...files].sort((a, b) => Number(b.status === 'failed') - Number(a.status === 'failed'));
  const reasons = mostTelling.slice(0, MOST_REASONS).map(({ path, reason }) => `${basename(path)}: ${reason}`);
  const more = files.length > MOST_REASONS ? ` (and ${files.length - MOST_REASONS} more files)` : '';
  return new StrataError('BAD_INPUT', 'No text could be imported.', {
    found: reasons.length > 0 ? reasons.join(' ') + more : 'an empty folder',
    allowed: READABLE,
    hint: 'Mend or convert the files and import them again.',
  });
}

function suggestName(paths: readonly string[]): string {
  const first = basename(paths[0]!)
    .replace(/\.gz$/i, '')
    .replace(/\.(txt|text|md|markdown|jsonl|ndjson|json)$/i, '');
  return paths.length === 1 ? first || 'dataset' : `${first} and ${paths.length - 1} more`;
}
