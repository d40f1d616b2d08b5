import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Content, contentSchema, plainTextOf } from '../../shared/domain/content.ts';
import type { DatasetPart } from '../../shared/domain/split.ts';
import { damagedDataset } from './damaged-dataset.ts';
import { type DocumentIndex, DocumentIndexWriter, openDocumentIndex } from './document-index.ts';
import { linesOf } from './lines.ts';

/** A JSON object on a line of its own for each document. */
export const DOCUMENTS_FILE = 'documents.jsonl';
export const INDEX_FILE = 'documents.index';

export interface DatasetDocument {
  content: Content;
  heldOut: boolean;
  /** Its file's place in the manifest's list; null in datasets of the first version, which did not know it. */
  file: number | null;
}

/** A document with its number, counted from 0 over all of the dataset. */
export interface NumberedDocument extends DatasetDocument {
  number: number;
}

const storedSchema = z.union([
  z.object({ content: contentSchema, heldOut: z.boolean(), file: z.int().min(0) }),
  // The first version.
  z
    .object({ text: z.string(), heldOut: z.boolean() })
    .transform(({ text, heldOut }): DatasetDocument => ({ content: { kind: 'text', text }, heldOut, file: null })),
]);

export interface SearchOptions {
  /** Number of the first document to look at: to go on behind the last one found. */
  from?: number;
  /** The search ends with so many documents. */
  limit?: number;
  part?: DatasetPart;
  signal?: AbortSignal;
}

/** A search that hands over what it has after some time. */
export interface TimedSearchOptions extends Omit<SearchOptions, 'signal'> {
  milliseconds: number;
}

export interface FoundDocument extends NumberedDocument {
  /** Where in its plain text the query stands for the first time. */
  at: number;
}

/** A dataset's documents. Nothing is kept open or in memory between calls. */
export interface DatasetFolder {
  /** Documents in their order, all of them or one part. */
  documents(options?: { heldOut?: boolean }): AsyncIterable<DatasetDocument>;
  /** How many documents a part has. */
  count(part?: DatasetPart): Promise<number>;
  /** One document by its number, as fast in the largest dataset as in the smallest; null where there is none. */
  document(number: number): Promise<NumberedDocument | null>;
  /** Documents [from, from + count) of a part, counted within it; fewer at its end. */
  range(from: number, count: number, options?: { part?: DatasetPart }): Promise<NumberedDocument[]>;
  /** Documents whose plain text has the query, upper and lower case alike, as they are found. */
  search(query: string, options?: SearchOptions): AsyncIterable<FoundDocument>;
  /** Those found in a time, and the number of the document to go on with; null where all were looked at. At least one is looked at. */
  searchFor(query: string, options: TimedSearchOptions): Promise<{ found: FoundDocument[]; next: number | null }>;
}

/**
 * Opens a dataset's documents.
 * @throws StrataError CORRUPT, from its functions, at the first document that is missing or cannot be understood.
 */
export async function openDataset(directory: string): Promise<DatasetFolder> {
  const range = async (from: number, count: number, { part = 'all' }: { part?: DatasetPart } = {}): Promise<NumberedDocument[]> => {
    const index = await indexOf(directory);
    try {
      const file = await open(join(directory, DOCUMENTS_FILE), 'r');
      try {
        const end = Math.min(from + count, index.count(part));
        const documents: NumberedDocument[] = [];
        for (let place = from; place < end; place++)
          documents.push(await readDocument(directory, file, index, await index.numberOf(place, part)));
        return documents;
      } finally {
        await file.close();
      }
    } finally {
      await index.close();
    }
  };
  return {
    documents: async function* ({ heldOut } = {}) {
      for await (const line of storedLines(directory)) {
        const document = parse(directory, line.text, line.number);
        if (heldOut === undefined || document.heldOut === heldOut) yield document;
      }
    },
    count: async (part = 'all') => {
      const index = await indexOf(directory);
      try {
        return index.count(part);
      } finally {
        await index.close();
      }
    },
    document: async (number) => (await range(number, 1))[0] ?? null,
    range,
    search: (query, options = {}) => search(directory, query, options),
    searchFor: async (query, { milliseconds, limit, ...options }) => {
      const end = performance.now() + milliseconds;
      let next: number | null = null;
      const found: FoundDocument[] = [];
      const goesOn = (number: number): boolean => {
        const isEnough = found.length >= (limit ?? Infinity) || performance.now() >= end;
        if (isEnough && number > (options.from ?? 0)) next = number;
        return next === null;
      };
      for await (const document of search(directory, query, options, goesOn)) found.push(document);
      return { found, next };
    },
  };
}

async function readDocument(directory: string, file: FileHandle, index: DocumentIndex, number: number): Promise<NumberedDocument> {
  const [begin, end] = (await index.positions(number, 1)) as [number, number];
  const isPossible = 0 <= begin && begin < end && end <= index.bytes;
  if (!isPossible) throw damagedDataset(directory, `${INDEX_FILE} has document ${number + 1} at bytes ${begin} to ${end}`);
  const bytes = Buffer.alloc(end - begin);
  await file.read(bytes, 0, bytes.length, begin);
  return { ...parse(directory, bytes.toString('utf8'), number), number };
}

async function* search(
  directory: string,
  query: string,
  { from = 0, limit = Infinity, part = 'all', signal }: SearchOptions,
  goesOn: (number: number) => boolean = () => true,
): AsyncIterable<FoundDocument> {
  const wanted = query.toLowerCase();
  // What a document says stands in its line as JSON writes it: most lines are passed over without being understood. Line ends may stand
  // between two parts, where the line has none.
  const written = /[\r\n]/.test(query) ? '' : JSON.stringify(wanted).slice(1, -1);
  const begin = from === 0 ? 0 : await positionOf(directory, from);
  let found = 0;
  if (begin === null || limit <= 0) return;
  for await (const { text, number } of storedLines(directory, begin, from)) {
    signal?.throwIfAborted();
    if (!goesOn(number)) return;
    if (!text.toLowerCase().includes(written)) continue;
    const document = parse(directory, text, number);
    if (part !== 'all' && document.heldOut !== (part === 'heldOut')) continue;
    const at = plainTextOf(document.content).toLowerCase().indexOf(wanted);
    if (at === -1) continue;
    yield { ...document, number, at };
    if (++found >= limit) return;
  }
}

/** Where a document begins; null where there is none. */
async function positionOf(directory: string, number: number): Promise<number | null> {
  const index = await indexOf(directory);
  try {
    return number < index.documents ? (await index.positions(number, 1))[0]! : null;
  } finally {
    await index.close();
  }
}

/** The index, made first where there is none: of the first version, or removed. */
async function indexOf(directory: string): Promise<DocumentIndex> {
  const path = join(directory, INDEX_FILE);
  const { size } = await stat(join(directory, DOCUMENTS_FILE)).catch((error: unknown) => {
    throw explained(directory, error, 0);
  });
  const opened = await openDocumentIndex(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    await makeIndex(directory, path, size);
    return openDocumentIndex(path);
  });
  if (!opened) throw damagedDataset(directory, `${INDEX_FILE} is not whole`);
  if (opened.bytes === size) return opened;
  await opened.close();
  throw damagedDataset(directory, `${DOCUMENTS_FILE} has ${size} bytes, not the ${opened.bytes} that were written`);
}

async function makeIndex(directory: string, path: string, bytes: number): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  const file = await open(partial, 'w');
  try {
    const writer = new DocumentIndexWriter(file);
    for await (const { text, number, begin } of storedLines(directory)) await writer.add(begin, parse(directory, text, number).heldOut);
    await writer.finish(bytes);
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file.close().catch(() => undefined); // already closed when the rename failed
    await rm(partial, { force: true });
    throw error;
  }
}

/** The lines from a position on, which is where the document of that number begins; each with its own position. */
async function* storedLines(directory: string, start = 0, first = 0): AsyncIterable<{ text: string; number: number; begin: number }> {
  let number = first;
  let begin = start;
  try {
    for await (const text of linesOf(createReadStream(join(directory, DOCUMENTS_FILE), { start }) as AsyncIterable<Buffer>)) {
      yield { text, number, begin };
      number++;
      begin += Buffer.byteLength(text) + 1;
    }
  } catch (error) {
    throw explained(directory, error, number);
  }
}

function parse(directory: string, line: string, number: number): DatasetDocument {
  try {
    return storedSchema.parse(JSON.parse(line));
  } catch (error) {
    throw explained(directory, error, number);
  }
}

function explained(directory: string, error: unknown, number: number): unknown {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return damagedDataset(directory, `no ${DOCUMENTS_FILE}`, error);
  const isUnreadable = error instanceof SyntaxError || error instanceof TypeError || error instanceof z.ZodError;
  return isUnreadable ? damagedDataset(directory, `${DOCUMENTS_FILE} cannot be read at line ${number + 1}`, error) : error;
}
