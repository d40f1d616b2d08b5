import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { StrataError } from '../../shared/errors.ts';
import { writeAt } from './write-at.ts';

/**
 * Token shards: one part of a dataset as a row of token ids, for random access by position. Header of 64 bytes: the magic "STRATOK2", u32 bytes
 * per token (2 or 4), u32 whether there is a mask (0 or 1), u64 number of tokens, 32 bytes sha256 of what follows, u64 number of documents.
 * Then the ids; with a mask a byte for each, 1 where the token is to be learned and 0 where it is only read; then the position of each
 * document's first token as u64. All little-endian. Version 1, which is still read, had neither mask nor documents.
 */
export const MAGIC = { 1: 'STRATOK1', 2: 'STRATOK2' } as const;
export const HEADER_BYTES = 64;
export const POSITION_BYTES = 8;

/** A document as a shard takes it. */
export interface EncodedDocument {
  ids: readonly number[] | Int32Array;
  /** 1 for each id that is to be learned, 0 for one that is only read, such as a question; absent: all are learned. */
  learned?: Uint8Array;
}

/** Tokens are written in pieces of this many. */
const CHUNK_TOKENS = 1 << 18;

/** Writes a shard document by document; it appears under its name only when it is whole. */
export class TokenShardWriter {
  readonly #path: string;
  /** Its own name: two requests may build the same shard at once, and each renames a whole one. */
  readonly #partial: string;
  readonly #file: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #pending: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  #pendingTokens = 0;
  #end = HEADER_BYTES;
  #tokens = 0;
  readonly #starts: number[] = [];
  readonly #masked: { start: number; learned: Uint8Array }[] = [];

  private constructor(path: string, partial: string, file: FileHandle, vocabularySize: number) {
    this.#path = path;
    this.#partial = partial;
    this.#file = file;
    this.#pending = vocabularySize <= 65_536 ? new Uint16Array(CHUNK_TOKENS) : new Uint32Array(CHUNK_TOKENS);
  }

  /** @param vocabularySize decides how many bytes an id needs. */
  static async create(path: string, vocabularySize: number): Promise<TokenShardWriter> {
    const partial = `${path}.${randomUUID()}.partial`;
    return new TokenShardWriter(path, partial, await open(partial, 'w'), vocabularySize);
  }

  async add({ ids, learned }: EncodedDocument): Promise<void> {
    if (learned && learned.length !== ids.length) {
      throw new StrataError('INTERNAL', `A document of ${ids.length} tokens has a mask of ${learned.length}.`);
    }
    this.#starts.push(this.#tokens);
    if (learned) this.#masked.push({ start: this.#tokens, learned: learned.slice() }); // of its own: a view would hold a whole batch
    this.#tokens += ids.length;
    for (let begin = 0; begin < ids.length;) {
      const end = Math.min(ids.length, begin + CHUNK_TOKENS - this.#pendingTokens);
      this.#pending.set(begin === 0 && end === ids.length ? ids : ids.slice(begin, end), this.#pendingTokens);
      this.#pendingTokens += end - begin;
      begin = end;
      if (this.#pendingTokens === CHUNK_TOKENS) await this.#flush();
    }
  }

  /** @returns the number of tokens. */
  async finish(): Promise<number> {
    await this.#flush();
    const hasMask = this.#masked.length > 0;
    if (hasMask) await this.#append(joinMasks(this.#masked, this.#tokens));
    await this.#append(new Uint8Array(BigUint64Array.from(this.#starts, BigInt).buffer));
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC[2], 0, 'latin1');
    header.writeUInt32LE(this.#pending.BYTES_PER_ELEMENT, 8);
    header.writeUInt32LE(hasMask ? 1 : 0, 12);
    header.writeBigUInt64LE(BigInt(this.#tokens), 16);
    this.#hash.digest().copy(header, 24);
    header.writeBigUInt64LE(BigInt(this.#starts.length), 56);
    await writeAt(this.#file, header, 0);
    await this.#file.sync();
    await this.#file.close();
    await rename(this.#partial, this.#path);
    return this.#tokens;
  }

  /** Leaves nothing of what was not finished. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined); // already closed when the rename failed
    await rm(this.#partial, { force: true });
  }

  async #flush(): Promise<void> {
    const { buffer, BYTES_PER_ELEMENT: bytes } = this.#pending;
    const piece = new Uint8Array(buffer, 0, this.#pendingTokens * bytes);
    this.#pendingTokens = 0;
    await this.#append(piece);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    await writeAt(this.#file, bytes, this.#end);
    this.#end += bytes.length;
  }
}

/** Documents without a mask of their own are learned as a whole. */
function joinMasks(masked: readonly { start: number; learned: Uint8Array }[], tokens: number): Uint8Array {
  const mask = new Uint8Array(tokens).fill(1);
  for (const { start, learned } of masked) mask.set(learned, start);
  return mask;
}
