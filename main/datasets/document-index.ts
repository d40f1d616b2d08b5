import { type FileHandle, open } from 'node:fs/promises';
import type { DatasetPart } from '../../shared/domain/split.ts';
import { writeAt } from './write-at.ts';

/**
 * `documents.index`: where each document begins, for random access. Header of 32 bytes: the magic "STRADOC1", u64 number of documents, u64 how
 * many of them are held out, u64 bytes of the file of documents. Then the position of each document's first byte as u64, then the numbers of
 * the held-out documents as u64, ascending. All little-endian. It is derived from the documents: without it they are gone through once.
 */
const MAGIC = 'STRADOC1';
const HEADER_BYTES = 32;
const NUMBER_BYTES = 8;
/** Positions are written in pieces of this many. */
const CHUNK = 65_536;

/** Writes an index while the documents are written. */
export class DocumentIndexWriter {
  readonly #file: FileHandle;
  readonly #heldOut: number[] = [];
  #pending: number[] = [];
  #documents = 0;
  #end = HEADER_BYTES;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async add(position: number, heldOut: boolean): Promise<void> {
    if (heldOut) this.#heldOut.push(this.#documents);
    this.#documents++;
    this.#pending.push(position);
    if (this.#pending.length === CHUNK) await this.#flush();
  }

  /** @param bytes of the file of documents. */
  async finish(bytes: number): Promise<void> {
    await this.#flush();
    for (let begin = 0; begin < this.#heldOut.length; begin += CHUNK) await this.#append(this.#heldOut.slice(begin, begin + CHUNK));
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, 0, 'latin1');
    for (const [index, number] of [this.#documents, this.#heldOut.length, bytes].entries()) {
      header.writeBigUInt64LE(BigInt(number), (index + 1) * NUMBER_BYTES);
    }
    await writeAt(this.#file, header, 0);
    await this.#file.sync();
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await this.#append(pending);
  }

  async #append(numbers: readonly number[]): Promise<void> {
    const bytes = new Uint8Array(BigUint64Array.from(numbers, BigInt).buffer);
    await writeAt(this.#file, bytes, this.#end);
    this.#end += bytes.length;
  }
}

/** An open index. It reads what it is asked for by position and keeps nothing: opening takes the same time for any number of documents. */
export interface DocumentIndex {
  readonly documents: number;
  readonly heldOut: number;
  /** Bytes of the file of documents. */
  readonly bytes: number;
  /** Documents of a part. */
  count(part: DatasetPart): number;
  /** The number among all of the document at a place of a part, which must have it. */
  numberOf(place: number, part: DatasetPart): Promise<number>;
  /** Where the documents [number, number + count) begin, and where the last of them ends. */
  positions(number: number, count: number): Promise<number[]>;
  close(): Promise<void>;
}

/**
 * @returns null when the file is not a whole index.
 * @throws ENOENT when there is none.
 */
export async function openDocumentIndex(path: string): Promise<DocumentIndex | null> {
  const file = await open(path, 'r');
  const numbers = async (first: number, count: number): Promise<number[]> => {
    const bytes = Buffer.alloc(count * NUMBER_BYTES);
    await file.read(bytes, 0, bytes.length, HEADER_BYTES + first * NUMBER_BYTES);
    return Array.from({ length: count }, (_, index) => Number(bytes.readBigUInt64LE(index * NUMBER_BYTES)));
  };
  const header = Buffer.alloc(HEADER_BYTES);
  await file.read(header, 0, HEADER_BYTES, 0);
  const [documents, heldOut, bytes] = [1, 2, 3].map((index) => Number(header.readBigUInt64LE(index * NUMBER_BYTES))) as [
    number,
    number,
    number,
  ];
  const isWhole = (await file.stat()).size === HEADER_BYTES + (documents + heldOut) * NUMBER_BYTES;
  if (header.toString('latin1', 0, 8) !== MAGIC || !isWhole) {
    await file.close();
    return null;
  }
  const heldOutNumber = async (place: number): Promise<number> => (await numbers(documents + place, 1))[0]!;
  return {
    documents,
    heldOut,
    bytes,
    count: (part) => (part === 'all' ? documents : part === 'heldOut' ? heldOut : documents - heldOut),
    numberOf: async (place, part) => {
      if (part === 'all') return place;
      if (part === 'heldOut') return heldOutNumber(place);
      // The place-th of the others lies behind as many held-out documents as have at most `place` others before them.
      let [low, high] = [0, heldOut];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((await heldOutNumber(middle)) - middle <= place) low = middle + 1;
        else high = middle;
      }
      return place + low;
    },
    positions: async (number, count) => {
      const isLast = number + count === documents;
      const found = await numbers(number, count + (isLast ? 0 : 1));
      return isLast ? [...found, bytes] : found;
    },
    close: () => file.close(),
  };
}
