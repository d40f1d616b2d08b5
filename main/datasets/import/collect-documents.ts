import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content } from '../../../shared/domain/content.ts';
import type { Mapping, ShapeGuess } from '../../../shared/domain/shape.ts';
import type { DatasetFile } from '../dataset-manifest.ts';
import { linesOf } from '../lines.ts';
import { contentsOf } from '../shapes/read-contents.ts';
import { findFiles } from '../sources/find-files.ts';
import type { Found } from '../sources/found.ts';
import type { SourceOptions } from '../sources/limits.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { writeAt } from '../write-at.ts';
import { hashedFile } from './hashed-file.ts';
import { ImportJournal } from './import-journal.ts';
import { LicenceFinder } from './licence-file.ts';

/** A document as it was found, before anything is cleaned or left out. */
export interface CollectedDocument {
  content: Content;
  /** Its file's place in the list of files. */
  file: number;
  /** Its place for people: "corpus.zip/a.jsonl, line 7". */
  where: string;
}

export interface CollectOptions {
  chooseMapping?: (guess: ShapeGuess) => Mapping | null;
  signal?: AbortSignal;
  /** How files are found, and who hears of it. */
  sources?: SourceOptions;
  /** Hears of each file that is begun, and of bytes that were read. */
  onFile?: (path: string, filesDone: number, documents: number) => void;
  onBytes?: (bytes: number) => void;
}

export interface Collected {
  files: DatasetFile[];
  documents: number;
  /** The first line of a file LICENSE or the like among the files; null where there is none. */
  licence: string | null;
  /** All collected documents from the first; may be asked again. */
  read(): AsyncIterable<CollectedDocument>;
}

/** Documents are written in pieces of about this many bytes. */
const CHUNK_BYTES = 1 << 20;

/**
 * Reads every file of the paths and writes its documents, one after the other, into a work folder. A file that cannot be read to its end gives
 * nothing: half of a corpus would look like the whole. What an earlier try in the same folder has read of files that are as they were is not read
 * again.
 * @throws whatever aborted the signal; the system's errors that are no file's (a full disk).
 */
export async function collectDocuments(paths: readonly string[], work: string, options: CollectOptions = {}): Promise<Collected> {
  const path = join(work, 'collected.jsonl');
  const journal = await ImportJournal.open(join(work, 'files.jsonl'));
  const output = await open(path, 'a+').then(async (file) => {
    await file.close();
    return open(path, 'r+');
  });
  let documents = journal.entries.reduce((sum, { file }) => sum + (file.documents ?? 0), 0);
  const licences = new LicenceFinder();
  let isResuming = true;
  let place = 0;
  try {
    for await (const found of findFiles(paths, { ...options.sources, temporaryFolder: work })) {
      options.signal?.throwIfAborted();
      options.onFile?.(found.path, place, documents);
      await licences.offer(found.path);
      const stamp = await stampOf(found);
      if (isResuming) {
        const known = journal.entries[place];
        if (known?.file.path === found.path && known.stamp === stamp && stamp !== null) {
          place++;
          options.onBytes?.(known.file.bytes ?? 0);
          continue;
        }
        isResuming = false;
        await journal.truncate(place);
        documents = journal.entries.reduce((sum, { file }) => sum + (file.documents ?? 0), 0);
      }
      const begin = journal.entries.at(-1)?.end ?? 0;
      const { file, end } = await collectFile(found, place, output, begin, options);
      documents += file.documents ?? 0;
      await journal.add({ file, stamp, end });
      place++;
    }
    await journal.truncate(place);
    await output.truncate(journal.entries.at(-1)?.end ?? 0);
  } finally {
    await output.close();
  }
  return {
    files: journal.entries.map(({ file }) => structuredClone(file)),
    documents,
    licence: licences.licence,
    read: () => readCollected(path, options.signal),
  };
}

async function* readCollected(path: string, signal?: AbortSignal): AsyncGenerator<CollectedDocument> {
  for await (const line of linesOf(createReadStream(path) as AsyncIterable<Buffer>)) {
    signal?.throwIfAborted();
    yield JSON.parse(line) as CollectedDocument;
  }
}

/** By what a file on the disk is known again; members of archives go with their archive, which is read again. */
async function stampOf(found: Found): Promise<string | null> {
  const info = await stat(found.path).catch(() => null);
  return info?.isFile() ? `${info.size} ${info.mtimeMs}` : null;
}

type Output = Awaited<ReturnType<typeof open>>;

async function collectFile(
  found: Found,
  place: number,
  output: Output,
  begin: number,
  { chooseMapping, signal, onBytes = () => undefined }: CollectOptions,
): Promise<{ file: DatasetFile; end: number }> {
  const unread = (status: 'skipped' | 'failed', reason: string): DatasetFile => ({
    ...{ path: found.path, status, reason, documents: 0 },
    ...{ bytes: null, sha256: null, mapping: null },
  });
  if (found.kind !== 'file') return { file: unread(found.kind, found.reason), end: begin };
  const { file, digest } = hashedFile(found.file, onBytes);
  const notes: string[] = [];
  let mapping: Mapping | null = null;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let end = begin;
  let documents = 0;
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(pending);
    [pending, pendingBytes] = [[], 0];
    await writeAt(output, bytes, end);
    end += bytes.length;
  };
  try {
    const contents = contentsOf(file, {
      ...(chooseMapping ? { chooseMapping } : {}),
      onMapping: (chosen) => (mapping = chosen),
      note: (sentence) => notes.push(sentence),
    });
    for await (const { content, where } of contents) {
      signal?.throwIfAborted();
      const document: CollectedDocument = { content, file: place, where: `${found.path}, ${where}` };
      const line = Buffer.from(JSON.stringify(document) + '\n');
      pending.push(line);
      pendingBytes += line.length;
      documents++;
      if (pendingBytes >= CHUNK_BYTES) await flush();
    }
    await flush();
    const sha256 = await digest();
    const facts = {
      path: found.path,
      status: 'imported' as const,
      reason: notes.join(' '),
      documents,
      bytes: found.file.bytes,
      sha256,
      mapping,
    };
    return { file: facts, end };
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    return { file: unread('failed', error.message), end: begin };
  }
}
