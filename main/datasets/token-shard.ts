import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Content } from '../../shared/domain/content.ts';
import { type ErrorRecord, StrataError } from '../../shared/errors.ts';
import { openDataset } from './dataset-folder.ts';
import { joinLeftOut, type LeftOut, readLeftOut, refuseTooFew, withLeftOut, writeLeftOut } from './left-out.ts';
import { type EncodedDocument, HEADER_BYTES, MAGIC, POSITION_BYTES, TokenShardWriter } from './token-shard-writer.ts';

/** What building shards needs of a model (see main/models/content-encoder.ts). */
export interface DocumentEncoder {
  /** Ids of a document, and which of them are learned. */
  encode(content: Content): EncodedDocument;
  /**
   * The same of many documents, in their order; where it is missing they are encoded one after the other. Those that cannot be encoded are left
   * out, and told by their place.
   */
  encodeAll?(
    contents: AsyncIterable<Content>,
    options: { onRefused: (place: number, error: ErrorRecord) => void },
  ): AsyncIterable<EncodedDocument>;
  readonly vocabularySize: number;
  /** Changes with everything that ids and masks depend on: tokenizer, chat template, what is learned. */
  readonly hash: string;
}

export interface TokenShard {
  /** Tokens. */
  readonly length: number;
  /** A fresh array of the tokens [start, start + count), cut at the end of the shard. Reads by position. */
  read(start: number, count: number): Int32Array;
  /** Which of the tokens in that range are to be learned: 1, or 0. Null when all of the shard are. */
  learned(start: number, count: number): Uint8Array | null;
  /**
   * The document of each token in that range, counted from 0 at its first. Null when the shard does not know: it is of version 1.
   */
  documents(start: number, count: number): Int32Array | null;
  /** The document of a token, counted from 0 at the first of the shard; 0 when the shard does not know. */
  documentAt(token: number): number;
  close(): Promise<void>;
}

export interface BuiltShards {
  trainPath: string;
  heldOutPath: string;
  trainTokens: number;
  heldOutTokens: number;
  /** Of both parts; null when all documents are there. */
  leftOut: LeftOut | null;
}

/** Training windows in a shard: window k reads tokens [k * context, (k + 1) * context] and predicts all but the first. */
export function trainingWindows(tokens: number, context: number): number {
  return Math.max(0, Math.floor((tokens - 1) / context));
}

/**
 * Tokenises a dataset's two parts, once per encoder: later calls find the files of the first. Documents follow each other in the
 * dataset's order, whole, however long they are. A few that the encoder refuses are left out.
 * @param options.needsDocuments shards of version 1 are made again, with the same tokens and where documents start.
 * @param options.name what the dataset is called, for messages.
 * @throws StrataError BAD_INPUT when half of the documents or more are refused; no shard is left that would have too few.
 */
export async function buildTokenShards(
  datasetDirectory: string,
  encoder: DocumentEncoder,
  { needsDocuments = false, name = basename(datasetDirectory) }: { needsDocuments?: boolean; name?: string } = {},
): Promise<BuiltShards> {
  const directory = tokensFolder(datasetDirectory, encoder);
  await mkdir(directory, { recursive: true });
  const parts = [await findPart(directory, 'train', needsDocuments), await findPart(directory, 'heldout', needsDocuments)] as const;
  const leftOutOf = (): LeftOut | null => joinLeftOut(parts[0].leftOut, parts[1].leftOut);
  try {
    for (const part of parts) if (!part.isThere) part.writer = await TokenShardWriter.create(part.path, encoder.vocabularySize);
    if (parts.some(({ writer }) => writer)) {
      const documents = await encodeInto(parts, datasetDirectory, encoder);
      // Before a shard gets its name.
      refuseTooFew(name, leftOutOf(), documents);
    }
    for (const part of parts) {
      if (!part.writer) continue;
      if (part.leftOut) await writeLeftOut(part.leftOutPath, part.leftOut);
      part.tokens = await part.writer.finish();
    }
  } catch (error) {
    for (const { writer } of parts) await writer?.discard();
    throw error;
  }
  const [train, heldOut] = parts;
  return {
    ...{ trainPath: train.path, heldOutPath: heldOut.path, trainTokens: train.tokens, heldOutTokens: heldOut.tokens },
    leftOut: leftOutOf(),
  };
}

interface ShardPart {
  path: string;
  leftOutPath: string;
  isThere: boolean;
  /** Null for a shard that is there already. */
  writer: TokenShardWriter | null;
  tokens: number;
  leftOut: LeftOut | null;
}

/** Where a dataset keeps what is known of it for an encoder. */
export function tokensFolder(datasetDirectory: string, { hash }: Pick<DocumentEncoder, 'hash'>): string {
  return join(datasetDirectory, 'tokens', hash.slice(0, 16));
}

/** Tokens of both parts of a dataset that was tokenised for an encoder; null where it was not, or its shards are damaged. */
export async function countShardTokens(datasetDirectory: string, encoder: Pick<DocumentEncoder, 'hash'>): Promise<number | null> {
  const directory = tokensFolder(datasetDirectory, encoder);
  let tokens = 0;
  for (const part of ['train', 'heldout']) {
    const header = await readHeader(join(directory, `${part}.tokens`)).catch(() => null);
    if (header === null) return null;
    tokens += header.tokens;
  }
  return tokens;
}

async function findPart(directory: string, name: string, needsDocuments: boolean): Promise<ShardPart> {
  const [path, leftOutPath] = [join(directory, `${name}.tokens`), join(directory, `${name}.left-out.json`)];
  const existing = await readHeader(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (existing && (existing.version === 2 || !needsDocuments)) {
    return { path, leftOutPath, isThere: true, writer: null, tokens: existing.tokens, leftOut: await readLeftOut(leftOutPath) };
  }
  return { path, leftOutPath, isThere: false, writer: null, tokens: 0, leftOut: null };
}

/**
 * Encodes the documents of the parts that are wanted in one pass: the dataset is read, and threads are started, once.
 * @returns how many documents both parts have.
 */
async function encodeInto(parts: readonly [ShardPart, ShardPart], datasetDirectory: string, encoder: DocumentEncoder): Promise<number> {
  let documents = 0;
  /** Of documents that are encoded: their part, and their number in the dataset. */
  const given: { part: ShardPart; number: number }[] = [];
  const contents = async function* (): AsyncGenerator<Content> {
    for await (const { content, heldOut } of (await openDataset(datasetDirectory)).documents()) {
      const number = documents++;
      const part = parts[heldOut ? 1 : 0];
      if (!part.writer) continue;
      given.push({ part, number });
      yield content;
    }
  };
  const refused = new Set<number>();
  const onRefused = (place: number, error: ErrorRecord): void => {
    const { part, number } = given[place]!;
    part.leftOut = withLeftOut(part.leftOut, number, error);
    refused.add(place);
  };
  let place = 0;
  for await (const document of encodedAll(contents(), encoder, onRefused)) {
    while (refused.delete(place)) place++; // it has been told of them before it gives what stands behind them
    await given[place++]!.part.writer!.add(document);
  }
  return documents;
}

async function* encodedAll(
  contents: AsyncIterable<Content>,
  encoder: DocumentEncoder,
  onRefused: (place: number, error: ErrorRecord) => void,
): AsyncGenerator<EncodedDocument> {
  if (encoder.encodeAll) yield* encoder.encodeAll(contents, { onRefused });
  else for await (const content of contents) yield encoder.encode(content);
}

/**
 * Writes a shard; it appears under its name only when it is whole.
 * @param vocabularySize decides how many bytes an id needs.
 * @returns the number of tokens.
 */
export async function writeTokenShard(path: string, documents: AsyncIterable<EncodedDocument>, vocabularySize: number): Promise<number> {
  const writer = await TokenShardWriter.create(path, vocabularySize);
  try {
    for await (const document of documents) await writer.add(document);
    return await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

interface ShardHeader {
  version: 1 | 2;
  elementBytes: 2 | 4;
  tokens: number;
  hasMask: boolean;
  documents: number;
  hash: string;
}

async function readHeader(path: string): Promise<ShardHeader> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = Buffer.alloc(HEADER_BYTES);
    await file.read(header, 0, HEADER_BYTES, 0);
    const magic = header.toString('latin1', 0, 8);
    const version = magic === MAGIC[1] ? 1 : 2;
    const elementBytes = header.readUInt32LE(8);
    const mask = header.readUInt32LE(12);
    const tokens = Number(header.readBigUInt64LE(16));
    const documents = Number(header.readBigUInt64LE(56));
    const isWhole = size === HEADER_BYTES + tokens * (elementBytes + mask) + documents * POSITION_BYTES;
    const isKnown = magic === MAGIC[version] && (elementBytes === 2 || elementBytes === 4) && (mask === 0 || mask === 1);
    if (!isKnown || !isWhole) throw damaged(path, `${size} bytes`);
    return { version, elementBytes, tokens, hasMask: mask === 1, documents, hash: header.toString('hex', 24, 56) };
  } finally {
    await file.close();
  }
}

/**
 * Opens a shard, whose bytes must have the hash in its header.
 * @throws StrataError CORRUPT when the file is not whole or was changed.
 */
export async function openTokenShard(path: string): Promise<TokenShard> {
  const { version, elementBytes, tokens, hasMask, documents, hash } = await readHeader(path);
  const computed = createHash('sha256');
  for await (const chunk of createReadStream(path, { start: HEADER_BYTES })) computed.update(chunk as Buffer);
  if (computed.digest('hex') !== hash) throw damaged(path, 'other bytes than were written');
  const descriptor = openSync(path, 'r');
  const readBytes = (position: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length);
    readSync(descriptor, bytes, 0, length, HEADER_BYTES + position);
    return bytes;
  };
  const cut = (start: number, count: number): number => Math.max(0, Math.min(count, tokens - start));
  const maskBegin = tokens * elementBytes;
  const positions = readBytes(maskBegin + (hasMask ? tokens : 0), documents * POSITION_BYTES);
  const starts = Float64Array.from({ length: documents }, (_, index) => Number(positions.readBigUInt64LE(index * POSITION_BYTES)));
  return {
    length: tokens,
    read: (start, count) => {
      const length = cut(start, count);
      const bytes = readBytes(start * elementBytes, length * elementBytes);
      const ids = elementBytes === 2 ? new Uint16Array(bytes.buffer, 0, length) : new Uint32Array(bytes.buffer, 0, length);
      return Int32Array.from(ids);
    },
    learned: (start, count) => (hasMask ? Uint8Array.from(readBytes(maskBegin + start, cut(start, count))) : null),
    documents: (start, count) => (version === 1 ? null : documentsWithin(starts, start, cut(start, count))),
    documentAt: (token) => (version === 1 ? 0 : Math.max(0, firstAfter(starts, token) - 1)),
    close: async () => closeSync(descriptor),
  };
}

/** The document of each token [start, start + count), counted from 0 at the first; `starts` has the first token of each document. */
function documentsWithin(starts: Float64Array, start: number, count: number): Int32Array {
  let next = firstAfter(starts, start);
  const first = next;
  return Int32Array.from({ length: count }, (_, index) => {
    while (next < starts.length && starts[next]! <= start + index) next++;
    return next - first;
  });
}

/** How many documents start at this token or before it. */
function firstAfter(starts: Float64Array, token: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= token) low = middle + 1;
    else high = middle;
  }
  return low;
}

function damaged(path: string, found: string): StrataError {
  return new StrataError('CORRUPT', 'A token shard is damaged.', {
    found: `${path}: ${found}`,
    hint: 'Delete that file; it is made again from the dataset at the next run.',
  });
}
