import { createHash, randomUUID } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content } from '../../shared/domain/content.ts';
import { StrataError } from '../../shared/errors.ts';
import { openDataset } from './dataset-folder.ts';
import { writeAt } from './write-at.ts';

/**
 * Token shards: one part of a dataset as a row of token ids, for random access by position. Header of 64 bytes: the magic "STRATOK2", u32 bytes
 * per token (2 or 4), u32 whether there is a mask (0 or 1), u64 number of tokens, 32 bytes sha256 of what follows, u64 number of documents.
 * Then the ids; with a mask a byte for each, 1 where the token is to be learned and 0 where it is only read; then the position of each
 * document's first token as u64. All little-endian. Version 1, which is still read, had neither mask nor documents.
 */
const MAGIC = { 1: 'STRATOK1', 2: 'STRATOK2' } as const;
const HEADER_BYTES = 64;
const POSITION_BYTES = 8;

/** A document as a shard takes it. */
export interface EncodedDocument {
  ids: readonly number[] | Int32Array;
  /** 1 for each id that is to be learned, 0 for one that is only read, such as a question; absent: all are learned. */
  learned?: Uint8Array;
}

/** What building shards needs of a model (see main/models/content-encoder.ts). */
export interface DocumentEncoder {
  /** Ids of a document, and which of them are learned. */
  encode(content: Content): EncodedDocument;
  /** The same of many documents, in their order; where it is missing they are encoded one after the other. */
  encodeAll?(contents: AsyncIterable<Content>): AsyncIterable<EncodedDocument>;
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
  close(): Promise<void>;
}

export interface BuiltShards {
  trainPath: string;
  heldOutPath: string;
  trainTokens: number;
  heldOutTokens: number;
}

/** Training windows in a shard: window k reads tokens [k * context, (k + 1) * context] and predicts all but the first. */
export function trainingWindows(tokens: number, context: number): number {
  return Math.max(0, Math.floor((tokens - 1) / context));
}

/**
 * Tokenises a dataset's two parts, once per encoder: later calls find the files of the first. Documents follow each other in the
 * dataset's order, whole, however long they are.
 * @param options.needsDocuments shards of version 1 are made again, with the same tokens and where documents start.
 */
export async function buildTokenShards(
  datasetDirectory: string,
  encoder: DocumentEncoder,
  { needsDocuments = false }: { needsDocuments?: boolean } = {},
): Promise<BuiltShards> {
  const directory = tokensFolder(datasetDirectory, encoder);
  await mkdir(directory, { recursive: true });
  const build = async (part: 'train' | 'heldout'): Promise<{ path: string; tokens: number }> => {
    const path = join(directory, `${part}.tokens`);
    const existing = await readHeader(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (existing && (existing.version === 2 || !needsDocuments)) return { path, tokens: existing.tokens };
    const documents = encodedDocuments(datasetDirectory, part === 'heldout', encoder);
    return { path, tokens: await writeTokenShard(path, documents, encoder.vocabularySize) };
  };
  const train = await build('train');
  const heldOut = await build('heldout');
  return { trainPath: train.path, heldOutPath: heldOut.path, trainTokens: train.tokens, heldOutTokens: heldOut.tokens };
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

/** Tokens are written in pieces of about this many. */
const CHUNK_TOKENS = 1 << 20;

async function* encodedDocuments(datasetDirectory: string, heldOut: boolean, encoder: DocumentEncoder): AsyncGenerator<EncodedDocument> {
  const contents = contentsOf(datasetDirectory, heldOut);
  if (encoder.encodeAll) yield* encoder.encodeAll(contents);
  else for await (const content of contents) yield encoder.encode(content);
}

async function* contentsOf(datasetDirectory: string, heldOut: boolean): AsyncGenerator<Content> {
  for await (const { content } of (await openDataset(datasetDirectory)).documents({ heldOut })) yield content;
}

/**
 * Writes a shard; it appears under its name only when it is whole.
 * @param vocabularySize decides how many bytes an id needs.
 * @returns the number of tokens.
 */
export async function writeTokenShard(path: string, documents: AsyncIterable<EncodedDocument>, vocabularySize: number): Promise<number> {
  // Its own name: two requests may build the same shard at once, and each renames a whole one.
  const partial = `${path}.${randomUUID()}.partial`;
  const elementBytes = vocabularySize <= 65_536 ? 2 : 4;
  const hash = createHash('sha256');
  const file = await open(partial, 'w');
  try {
    let end = HEADER_BYTES;
    const append = async (bytes: Uint8Array): Promise<void> => {
      hash.update(bytes);
      await writeAt(file, bytes, end);
      end += bytes.length;
    };
    let tokens = 0;
    let pending: number[] = [];
    const flush = async (): Promise<void> => {
      const ids = elementBytes === 2 ? Uint16Array.from(pending) : Uint32Array.from(pending);
      pending = [];
      await append(new Uint8Array(ids.buffer));
    };
    const starts: bigint[] = [];
    const masked: { start: number; learned: Uint8Array }[] = [];
    for await (const { ids, learned } of documents) {
      if (learned && learned.length !== ids.length) {
        throw new StrataError('INTERNAL', `A document of ${ids.length} tokens has a mask of ${learned.length}.`);
      }
      starts.push(BigInt(tokens));
      if (learned) masked.push({ start: tokens, learned });
      tokens += ids.length;
      for (const id of ids) pending.push(id);
      if (pending.length >= CHUNK_TOKENS) await flush();
    }
    await flush();
    if (masked.length > 0) await append(joinMasks(masked, tokens));
    await append(new Uint8Array(BigUint64Array.from(starts).buffer));
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC[2], 0, 'latin1');
    header.writeUInt32LE(elementBytes, 8);
    header.writeUInt32LE(masked.length > 0 ? 1 : 0, 12);
    header.writeBigUInt64LE(BigInt(tokens), 16);
    hash.digest().copy(header, 24);
    header.writeBigUInt64LE(BigInt(starts.length), 56);
    await writeAt(file, header, 0);
    await file.sync();
    await file.close();
    await rename(partial, path);
    return tokens;
  } catch (error) {
    await file.close().catch(() => undefined); // already closed when the rename failed
    await rm(partial, { force: true });
    throw error;
  }
}

/** Documents without a mask of their own are learned as a whole. */
function joinMasks(masked: readonly { start: number; learned: Uint8Array }[], tokens: number): Uint8Array {
  const mask = new Uint8Array(tokens).fill(1);
  for (const { start, learned } of masked) mask.set(learned, start);
  return mask;
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
