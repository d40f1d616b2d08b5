import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import unbzip2 from 'unbzip2-stream';
import { UnreadableFile } from '../unreadable-file.ts';
import { explain } from './explain.ts';
import type { UnpackingLimits } from './limits.ts';
import { UnpackingGuard } from './unpacking-guard.ts';

/** How one file is packed. */
export interface Compression {
  name: 'gzip' | 'Zstandard' | 'bzip2';
  ending: '.gz' | '.zst' | '.bz2';
  /** Whether bytes begin as such data do. */
  begins(bytes: Uint8Array): boolean;
}

export const COMPRESSIONS: readonly Compression[] = [
  { name: 'gzip', ending: '.gz', begins: (bytes) => bytes[0] === 0x1f && bytes[1] === 0x8b },
  {
    name: 'Zstandard',
    ending: '.zst',
    begins: ([a = 0, b, c, d]) =>
      (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) || (a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18), // a frame, or one to skip
  },
  { name: 'bzip2', ending: '.bz2', begins: ([a, b, c, d = 0]) => a === 0x42 && b === 0x5a && c === 0x68 && d >= 0x31 && d <= 0x39 },
];

/** The compression that a name's ending tells; null for none. */
export function compressionOf(name: string): Compression | null {
  return COMPRESSIONS.find(({ ending }) => name.toLowerCase().endsWith(ending)) ?? null;
}

/** What comes out at once, at most, of a decoder that cannot be asked to wait. */
const MAX_BURST_BYTES = 256 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/**
 * Unpacked bytes. Whoever stops early closes what lies beneath.
 * @throws UnreadableFile when they are not what the name says, are damaged or truncated, or unpack to more than the limits allow.
 */
export async function* unpack(
  packed: AsyncIterable<Uint8Array>,
  compression: Compression,
  limits: UnpackingLimits,
): AsyncIterable<Uint8Array> {
  const guard = new UnpackingGuard(limits);
  const checked = counted(packed, compression, guard);
  try {
    if (compression.name === 'bzip2') return yield* unpackBzip2(checked, guard);
    for await (const chunk of compression.name === 'gzip' ? unpackGzip(checked) : unpackZstandard(checked)) {
      guard.gaveOut(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw explain(error, (message) => damageOf(compression, error, message));
  }
}

function damageOf({ name }: Compression, error: unknown, message: string): string {
  const { code } = error as NodeJS.ErrnoException;
  // The library for bzip2 does not look whether there are bytes left.
  const isBeyondEnd = name === 'bzip2' && error instanceof TypeError && /of undefined \(reading '(0|length)'\)/.test(message);
  if (isBeyondEnd || code === 'Z_BUF_ERROR' || /unexpected end|ended prematurely/i.test(message))
    return `The ${name} data ends too early: the file is truncated.`;
  return `It is not intact ${name} data (${message}).`;
}

async function* counted(packed: AsyncIterable<Uint8Array>, compression: Compression, guard: UnpackingGuard): AsyncIterable<Uint8Array> {
  let isFirst = true;
  for await (const chunk of packed) {
    if (isFirst && !compression.begins(chunk))
      throw new UnreadableFile(`It is named ${compression.ending} but is not ${compression.name} data.`);
    isFirst = false;
    guard.tookIn(chunk.length);
    yield chunk;
  }
  if (isFirst) throw new UnreadableFile('The file is empty.');
}

function unpackGzip(packed: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  // The pipeline hands errors on and closes the file when its reader stops; the reader hears of them where it reads.
  return pipeline(Readable.from(packed, { objectMode: false }), createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined);
}

/**
 * Node's decoder ends with the first frame that ends inside of what it was given and drops the rest, but large files have many frames: what
 * it has not consumed is given to another one.
 */
async function* unpackZstandard(packed: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const source = packed[Symbol.asyncIterator]();
  let isOver = false;
  let left: Buffer = Buffer.alloc(0);
  try {
    do {
      const decoder = createZstdDecompress({ chunkSize: CHUNK_BYTES });
      const given: Uint8Array[] = left.length > 0 ? [left] : [];
      let dropped = 0;
      const feed = (async function* (): AsyncGenerator<Uint8Array> {
        if (left.length > 0) yield left;
        for (let next = await source.next(); ; next = await source.next()) {
          if (next.done) {
            isOver = true;
            return;
          }
          for (; given.length > 0 && dropped + given[0]!.length <= decoder.bytesWritten; dropped += given.shift()!.length);
          given.push(next.value);
          yield next.value;
        }
      })();
      yield* pipeline(Readable.from(feed, { objectMode: false }), decoder, () => undefined);
      await feed.return(undefined); // what it was waiting for is among what was given now
      left = Buffer.concat(given).subarray(decoder.bytesWritten - dropped);
    } while (left.length > 0 || !isOver);
  } finally {
    await source.return?.();
  }
}

/** The library decodes while it is written to, so what it gives is collected, and an error thrown at it stops it. */
async function* unpackBzip2(packed: AsyncIterable<Uint8Array>, guard: UnpackingGuard): AsyncIterable<Uint8Array> {
  const decoder = unbzip2() as NodeJS.ReadWriteStream;
  let pieces: Buffer[] = [];
  let burst = 0;
  let failure: Error | null = null;
  decoder.on('data', (piece: Buffer) => {
    guard.gaveOut(piece.length);
    burst += piece.length;
    if (burst > MAX_BURST_BYTES)
      throw new UnreadableFile('Its bzip2 data unpacks to more at once than memory should hold. Unpack it and import what is in it.');
    pieces.push(piece);
  });
  decoder.on('error', (error: Error) => {
    failure ??= error;
  });
  const taken = (): Buffer[] => {
    if (failure) throw failure;
    const ready = pieces;
    pieces = [];
    burst = 0;
    return ready;
  };
  for await (const chunk of packed) {
    decoder.write(chunk);
    yield* taken();
  }
  decoder.end();
  yield* taken();
}
