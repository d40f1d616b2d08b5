import { createHash, randomUUID } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import { openDataset } from './dataset-folder.ts';
import { writeAt } from './write-at.ts';

/**
 * Token shards: one part of a dataset as a row of token ids, for random access by position. Header of 64 bytes: the magic
 * "STRATOK1", u32 bytes per token (2 or 4), u32 zero, u64 number of tokens, 32 bytes sha256 of what follows, zeros; then the ids, little-endian.
 */
const MAGIC = 'STRATOK1';
const HEADER_BYTES = 64;

/** What building shards needs of a tokenizer (see main/models/tokenizer.ts; passed in, so that the rooms stay apart). */
export interface DocumentTokenizer {
  encodeDocument(text: string): number[];
  readonly vocabularySize: number;
  readonly hash: string;
}

export interface TokenShard {
  /** Tokens. */
  readonly length: number;
  /** A fresh array of the tokens [start, start + count), cut at the end of the shard. Reads by position. */
  read(start: number, count: number): Int32Array;
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
 * Tokenises a dataset's two parts, once per tokenizer: later calls find the files of the first. Documents follow each other in
 * the dataset's order, each with its start and end tokens.
 */
export async function buildTokenShards(datasetDirectory: string, tokenizer: DocumentTokenizer): Promise<BuiltShards> {
  const directory = join(datasetDirectory, 'tokens', tokenizer.hash.slice(0, 16));
  await mkdir(directory, { recursive: true });
  const build = async (part: 'train' | 'heldout'): Promise<{ path: string; tokens: number }> => {
    const path = join(directory, `${part}.tokens`);
    const existing = await readHeader(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    const tokens = existing?.tokens ?? (await writeShard(path, datasetDirectory, part === 'heldout', tokenizer));
    return { path, tokens };
  };
  const train = await build('train');
  const heldOut = await build('heldout');
  return { trainPath: train.path, heldOutPath: heldOut.path, trainTokens: train.tokens, heldOutTokens: heldOut.tokens };
}

/** Tokens are written in pieces of about this many. */
const CHUNK_TOKENS = 1 << 20;

async function writeShard(path: string, datasetDirectory: string, heldOut: boolean, tokenizer: DocumentTokenizer): Promise<number> {
  // Its own name: two requests may build the same shard at once, and each renames a whole one.
  const partial = `${path}.${randomUUID()}.partial`;
  const elementBytes = tokenizer.vocabularySize <= 65_536 ? 2 : 4;
  const hash = createHash('sha256');
  let tokens = 0;
  const file = await open(partial, 'w');
  try {
    let pending: number[] = [];
    const flush = async (): Promise<void> => {
      const ids = elementBytes === 2 ? Uint16Array.from(pending) : Uint32Array.from(pending);
      const bytes = new Uint8Array(ids.buffer);
      hash.update(bytes);
      await writeAt(file, bytes, HEADER_BYTES + tokens * elementBytes);
      tokens += pending.length;
      pending = [];
    };
    for await (const { text } of (await openDataset(datasetDirectory)).documents({ heldOut })) {
      for (const id of tokenizer.encodeDocument(text)) pending.push(id);
      if (pending.length >= CHUNK_TOKENS) await flush();
    }
    await flush();
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, 0, 'latin1');
    header.writeUInt32LE(elementBytes, 8);
    header.writeBigUInt64LE(BigInt(tokens), 16);
    hash.digest().copy(header, 24);
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

interface ShardHeader {
  elementBytes: 2 | 4;
  tokens: number;
  hash: string;
}

async function readHeader(path: string): Promise<ShardHeader> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = Buffer.alloc(HEADER_BYTES);
    await file.read(header, 0, HEADER_BYTES, 0);
    const elementBytes = header.readUInt32LE(8);
    const tokens = Number(header.readBigUInt64LE(16));
    const isWhole = size === HEADER_BYTES + tokens * elementBytes;
    if (header.toString('latin1', 0, 8) !== MAGIC || (elementBytes !== 2 && elementBytes !== 4) || !isWhole) {
      throw damaged(path, `${size} bytes`);
    }
    return { elementBytes, tokens, hash: header.toString('hex', 24, 56) };
  } finally {
    await file.close();
  }
}

/**
 * Opens a shard, whose bytes must have the hash in its header.
 * @throws StrataError CORRUPT when the file is not whole or was changed.
 */
export async function openTokenShard(path: string): Promise<TokenShard> {
  const { elementBytes, tokens, hash } = await readHeader(path);
  const computed = createHash('sha256');
  for await (const chunk of createReadStream(path, { start: HEADER_BYTES })) computed.update(chunk as Buffer);
  if (computed.digest('hex') !== hash) throw damaged(path, 'other bytes than were written');
  const descriptor = openSync(path, 'r');
  return {
    length: tokens,
    read: (start, count) => {
      const length = Math.max(0, Math.min(count, tokens - start));
      const bytes = Buffer.alloc(length * elementBytes);
      readSync(descriptor, bytes, 0, bytes.length, HEADER_BYTES + start * elementBytes);
      const ids = elementBytes === 2 ? new Uint16Array(bytes.buffer, 0, length) : new Uint32Array(bytes.buffer, 0, length);
      return Int32Array.from(ids);
    },
    close: async () => closeSync(descriptor),
  };
}

function damaged(path: string, found: string): StrataError {
  return new StrataError('CORRUPT', 'A token shard is damaged.', {
    found: `${path}: ${found}`,
    hint: 'Delete that file; it is made again from the dataset at the next run.',
  });
}
