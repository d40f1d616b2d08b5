import { StrataError } from '../../shared/errors.ts';
import { MAX_TRANSFER_BYTES, writeAtomically } from './atomic-file.ts';
import type { BackgroundHash } from './background-hash.ts';
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from './float-formats.ts';
import { openRegularFile } from './regular-file.ts';
import { NamedTwiceError, parseJson } from './strict-json.ts';

/**
 * The safetensors format (huggingface/safetensors, "Format"): u64 header length, a JSON header
 * {name: {dtype, shape, data_offsets: [begin, end]}}, then the tensors' bytes, little-endian, without holes.
 * Files come from strangers: everything the header says is checked before a byte of data is read or allocated.
 */

/** Large enough that the calls cost nothing beside the copying, small enough to stay in the processor's cache. */
export const PIECE_BYTES = 2 ** 22;

/** Those of published models have less than a megabyte; longer ones would only fill the memory. */
const MAX_HEADER_BYTES = 32_000_000;
/** Those of a LLaMA have one or two. */
const MAX_AXES = 8;
/** A name, a type, a few lengths and two offsets for each of 200,000 tensors. */
const HEADER_LIMITS = { depth: 8, values: 2_000_000 };

const BYTES_PER_ELEMENT = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
} as const;
export type SafetensorsDtype = keyof typeof BYTES_PER_ELEMENT;
/** What Strata computes with. */
export type FloatDtype = 'F32' | 'F16' | 'BF16';
const FLOAT_DTYPES: readonly FloatDtype[] = ['F32', 'F16', 'BF16'];

export function isFloatDtype(dtype: SafetensorsDtype): dtype is FloatDtype {
  return (FLOAT_DTYPES as readonly SafetensorsDtype[]).includes(dtype);
}

export interface SafetensorsTensor {
  dtype: SafetensorsDtype;
  shape: number[];
  /** Byte range in the file. */
  begin: number;
  end: number;
}

export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** A fresh array of the values of a tensor stored as F32, F16 or BF16. */
  readFloat32(name: string): Promise<Float32Array>;
  /** The bytes as stored. */
  readBytes(name: string): Promise<Uint8Array>;
  /**
   * The bytes as stored, in order, in pieces of at most {@link PIECE_BYTES} that cut no element in two, for tensors of any size. A piece is
   * good until the next one is asked for: all of them lie in the same buffer.
   */
  readPieces(name: string): AsyncIterable<Uint8Array>;
  /** Bytes of the file, its header included. */
  readonly size: number;
  /** Fills an array with the bytes of the file from a position on. */
  fill(bytes: Uint8Array, begin: number): Promise<Uint8Array>;
  /** @throws StrataError CONFLICT when the file was written to since it was opened. */
  checkUnchanged(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file and checks its header against its size.
 * @throws StrataError CORRUPT when the file is truncated or its header is not possible; UNSUPPORTED for an element type it does not know.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openRegularFile(path);
  try {
    const opened = await file.stat({ bigint: true });
    const size = Number(opened.size);
    const fill = async (bytes: Uint8Array, begin: number): Promise<Uint8Array> => {
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, MAX_TRANSFER_BYTES), begin + done);
        if (bytesRead === 0) throw incomplete(path, `the file ends at byte ${begin + done}`, `${size} bytes, as when it was opened`);
        done += bytesRead;
      }
      return bytes;
    };
    const readRange = (begin: number, end: number): Promise<Uint8Array> => fill(new Uint8Array(end - begin), begin);
    const { tensors, metadata } = await readHeader(path, size, readRange);
    const find = (name: string): SafetensorsTensor => {
      const tensor = tensors.get(name);
      if (!tensor)
        throw new StrataError('NOT_FOUND', `There is no tensor ${name} in ${path}.`, {
          found: `${tensors.size} other tensors`,
          allowed: 'tensors of this file',
          hint: 'Download or copy the file again and compare its size with the original.',
        });
      return tensor;
    };
    return {
      tensors,
      metadata,
      readBytes: async (name) => {
        const { begin, end } = find(name);
        return readRange(begin, end);
      },
      readPieces: (name) => {
        const { begin, end } = find(name);
        return piecesBetween(fill, begin, end);
      },
      size,
      fill,
      checkUnchanged: async () => {
        const now = await file.stat({ bigint: true });
        if (now.size === opened.size && now.mtimeNs === opened.mtimeNs) return;
        throw new StrataError('CONFLICT', `${path} was changed while it was read.`, {
          found: `${now.size} bytes, written at ${now.mtime.toISOString()}`,
          allowed: `${size} bytes, written at ${opened.mtime.toISOString()}, as when the reading began`,
          hint: 'Wait until the program that writes it (a download?) has ended, then do it again.',
        });
      },
      readFloat32: async (name) => {
        const { dtype, begin, end } = find(name);
        const bytes = await readRange(begin, end);
        if (dtype === 'F32') return new Float32Array(bytes.buffer);
        if (dtype === 'F16') return f16ToFloat32(bytes);
        if (dtype === 'BF16') return bf16ToFloat32(bytes);
        throw new StrataError('UNSUPPORTED', `Tensor ${name} is stored in a format Strata does not compute with.`, {
          found: dtype,
          allowed: FLOAT_DTYPES.join(', '),
          hint: 'Use the weights as they were before they were quantised.',
        });
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

type Fill = SafetensorsFile['fill'];

/** Buffers of readings that have ended. A reading has two of its own, so that several at a time do not mix. */
const spareBuffers: Uint8Array[] = [];
const MAX_SPARE_BUFFERS = 8;

/** A range of a file in pieces. */
function piecesBetween(fill: Fill, begin: number, end: number): AsyncGenerator<Uint8Array> {
  const count = Math.ceil((end - begin) / PIECE_BYTES);
  const pieces = Array.from({ length: count }, (_, index) => begin + index * PIECE_BYTES);
  return readRanges(
    fill,
    pieces.map((start) => ({ begin: start, end: Math.min(start + PIECE_BYTES, end) })),
  );
}

/**
 * Reads ranges of at most {@link PIECE_BYTES} of a file, each while the one before is worked on. What is given lies in one of two buffers
 * and is good until the next is asked for.
 */
export async function* readRanges(fill: Fill, ranges: readonly { begin: number; end: number }[]): AsyncGenerator<Uint8Array> {
  const buffers = [takeBuffer(), takeBuffer()];
  const read = (index: number): Promise<Uint8Array> | null => {
    const range = ranges[index];
    if (!range) return null;
    const piece = fill(buffers[index % 2]!.subarray(0, range.end - range.begin), range.begin);
    piece.catch(() => undefined); // it is thrown when the piece's turn comes
    return piece;
  };
  let next = read(0);
  try {
    for (let index = 1; next; index++) {
      const piece = await next;
      next = read(index);
      yield piece;
    }
  } finally {
    await next?.catch(() => undefined); // until then the system writes into the buffer
    for (const buffer of buffers) if (spareBuffers.length < MAX_SPARE_BUFFERS) spareBuffers.push(buffer);
  }
}

/** Whether two tensors have the same bytes. Both are read side by side, so they must come in pieces of one size. */
export async function sameBytes(a: AsyncIterable<Uint8Array>, b: AsyncIterable<Uint8Array>): Promise<boolean> {
  const others = b[Symbol.asyncIterator]();
  try {
    for await (const piece of a) {
      const other = await others.next();
      if (other.done || Buffer.compare(piece, other.value) !== 0) return false;
    }
    return (await others.next()).done === true;
  } finally {
    await others.return?.();
  }
}

function takeBuffer(): Uint8Array {
  return spareBuffers.pop() ?? new Uint8Array(PIECE_BYTES);
}

async function readHeader(
  path: string,
  size: number,
  readRange: (begin: number, end: number) => Promise<Uint8Array>,
): Promise<{ tensors: Map<string, SafetensorsTensor>; metadata: Record<string, string> }> {
  if (size < 8) throw incomplete(path, `${size} bytes`, 'at least 8: the length of the header, before the header and the tensors');
  const { buffer, byteOffset } = await readRange(0, 8);
  const declared = new DataView(buffer, byteOffset).getBigUint64(0, true);
  const found = `a header of ${declared} bytes in a file of ${size}`;
  if (declared > BigInt(size - 8)) throw incomplete(path, found, `up to ${size - 8} bytes`);
  if (declared > MAX_HEADER_BYTES) throw corrupt(path, 'has a header that is too long', found, `up to ${MAX_HEADER_BYTES} bytes`);
  const dataStart = 8 + Number(declared);
  const header = parseHeader(path, await readRange(8, dataStart));
  const tensors = new Map<string, SafetensorsTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = parseMetadata(entry);
    else tensors.set(name, parseTensor(path, name, entry, dataStart, size));
  }
  checkRanges(path, tensors, dataStart, size);
  return { tensors, metadata };
}

function parseHeader(path: string, bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes), HEADER_LIMITS);
  } catch (error) {
    const reason = inShort(error instanceof Error ? error.message : String(error));
    throw error instanceof NamedTwiceError
      ? corrupt(path, 'names something twice in its header', reason, HEADER)
      : corrupt(path, UNREADABLE, `a header that cannot be read: ${reason}`, HEADER);
  }
  if (typeof header === 'object' && header !== null && !Array.isArray(header)) return header as Record<string, unknown>;
  throw corrupt(path, UNREADABLE, 'a header that is not a JSON object', HEADER);
}

/** A text of a stranger as part of a message. */
function inShort(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function parseMetadata(entry: unknown): Record<string, string> {
  if (typeof entry !== 'object' || entry === null) return {};
  return Object.fromEntries(Object.entries(entry).map(([key, value]) => [key, String(value)]));
}

function parseTensor(path: string, named: string, entry: unknown, dataStart: number, size: number): SafetensorsTensor {
  const name = inShort(named);
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const json = (value: unknown): string => inShort(JSON.stringify(value) ?? 'undefined');
  const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof dtype !== 'string')
    throw corrupt(path, IMPOSSIBLE, `tensor ${name} of type ${json(dtype)}`, Object.keys(BYTES_PER_ELEMENT).join(', '));
  if (!Object.hasOwn(BYTES_PER_ELEMENT, dtype)) {
    throw new StrataError('UNSUPPORTED', `Tensor ${name} is stored in a format Strata does not know.`, {
      found: inShort(dtype),
      allowed: FLOAT_DTYPES.join(', '),
      hint: 'Use the weights as they were before they were quantised.',
    });
  }
  if (!Array.isArray(shape) || shape.length > MAX_AXES || !shape.every(isSize)) {
    throw corrupt(path, IMPOSSIBLE, `tensor ${name} of shape ${json(shape)}`, `up to ${MAX_AXES} whole numbers of at least 0`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw corrupt(path, IMPOSSIBLE, `tensor ${name} at ${json(offsets)}`, 'the two bytes between which it lies');
  }
  const [begin, end] = [dataStart + offsets[0]!, dataStart + offsets[1]!];
  const bytes = shape.reduce((product, length) => product * length, 1) * BYTES_PER_ELEMENT[dtype as SafetensorsDtype];
  if (end > size) {
    throw incomplete(
      path,
      `tensor ${name} ends at byte ${end} of a file of ${size}: the file is truncated`,
      `at least ${end} bytes, as the header says`,
    );
  }
  if (end - begin !== bytes) {
    const found = `tensor ${name} of shape [${shape.join(', ')}] ${dtype} in ${end - begin} bytes instead of ${bytes}`;
    throw corrupt(path, 'gives a tensor another number of bytes than its shape needs', found, 'as many bytes as shape and type need');
  }
  return { dtype: dtype as SafetensorsDtype, shape, begin, end };
}

/** Tensors must fill the data without overlap or hole: two tensors over the same bytes would be one that changes with the other. */
function checkRanges(path: string, tensors: ReadonlyMap<string, SafetensorsTensor>, dataStart: number, size: number): void {
  let expected = dataStart;
  for (const [name, { begin, end }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== expected) {
      throw corrupt(
        path,
        begin < expected ? 'has tensors that overlap' : HOLE,
        `tensor ${inShort(name)} begins at byte ${begin}; the one before ends at ${expected}`,
        'tensors one behind the other',
      );
    }
    expected = end;
  }
  if (expected !== size)
    throw corrupt(path, HOLE, `${size - expected} bytes after the last tensor`, `${expected} bytes, as the header says`);
}

const HEADER = 'a JSON object in UTF-8 with type, shape and place of every tensor, each name once';

const UNREADABLE = 'has a header that cannot be read';
const IMPOSSIBLE = 'describes a tensor that cannot be';
const HOLE = 'has bytes that belong to no tensor';

/** A file that ends too early. */
function incomplete(path: string, found: string, allowed: string): StrataError {
  return new StrataError('CORRUPT', `${path} is not a complete safetensors file.`, {
    found,
    allowed,
    hint: 'Download or copy the file again and compare its size with the original.',
  });
}

/** A file that is all there and cannot be right. @param problem what is wrong with it, as the rest of a sentence. */
function corrupt(path: string, problem: string, found: string, allowed: string): StrataError {
  return new StrataError('CORRUPT', `${path} ${problem}.`, {
    found,
    allowed,
    hint: 'Download or copy the file again. If the original is like this, the program that wrote it is at fault: save the model again with another version.',
  });
}

export interface SafetensorsEntry {
  name: string;
  shape: number[];
  dtype: SafetensorsDtype;
  /**
   * Floats are converted to the dtype; bytes are taken as they are, whole or in pieces, each of which is written before the next is asked
   * for. Called when the tensor's turn comes, so one is in memory at a time.
   */
  data: () => Promise<TensorData> | TensorData;
}
export type TensorData = Float32Array | Uint8Array | AsyncIterable<Uint8Array>;

/** The pieces of a tensor of zeros of so many bytes. */
export async function* zeroPieces(bytes: number): AsyncIterable<Uint8Array> {
  const zeros = new Uint8Array(Math.min(bytes, PIECE_BYTES));
  for (let done = 0; done < bytes; done += zeros.length) yield Promise.resolve(zeros.subarray(0, Math.min(zeros.length, bytes - done)));
}

/** The beginning of a file, up to the first tensor's bytes: the header's length and the header. */
export function safetensorsHeader(
  entries: readonly Pick<SafetensorsEntry, 'name' | 'shape' | 'dtype'>[],
  metadata?: Record<string, string>,
): Uint8Array {
  const header = Object.create(null) as Record<string, unknown>; // a tensor may have any name, "__proto__" and "toString" too
  if (metadata) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, shape, dtype } of entries) {
    if (name in header) throw new StrataError('INTERNAL', `Tensor ${name} would be written twice.`);
    const end = offset + byteLength(shape, dtype);
    header[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8))); // data starts 8-byte aligned
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

/**
 * Writes a file tensor by tensor; it appears under its name only when complete.
 * @param hash is given every byte that is written, so that the file need not be read again for it.
 */
export async function writeSafetensors(
  path: string,
  entries: readonly SafetensorsEntry[],
  metadata?: Record<string, string>,
  hash?: Pick<BackgroundHash, 'update'>,
): Promise<void> {
  const header = safetensorsHeader(entries, metadata);
  await writeAtomically(path, async (write) => {
    const append = async (bytes: Uint8Array): Promise<void> => {
      await Promise.all([write(bytes), hash?.update(bytes)]);
    };
    await append(header);
    for (const { name, shape, dtype, data } of entries) {
      let written = 0;
      for await (const bytes of piecesOf(await data(), dtype)) {
        written += bytes.length;
        if (written <= byteLength(shape, dtype)) await append(bytes);
      }
      if (written !== byteLength(shape, dtype)) {
        throw new StrataError(
          'INTERNAL',
          `Tensor ${name} has ${written} bytes; its shape [${shape.join(', ')}] needs ${byteLength(shape, dtype)}.`,
        );
      }
    }
  });
}

function piecesOf(data: TensorData, dtype: SafetensorsDtype): AsyncIterable<Uint8Array> | readonly Uint8Array[] {
  return data instanceof Float32Array || data instanceof Uint8Array ? [toBytes(data, dtype)] : data;
}

/** Bytes of a tensor of this shape. */
export function byteLength(shape: readonly number[], dtype: SafetensorsDtype): number {
  return shape.reduce((product, axis) => product * axis, 1) * BYTES_PER_ELEMENT[dtype];
}

function toBytes(data: Float32Array | Uint8Array, dtype: SafetensorsDtype): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (dtype === 'F32') return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (dtype === 'F16') return float32ToF16(data);
  if (dtype === 'BF16') return float32ToBf16(data);
  throw new StrataError('INTERNAL', `Floats cannot be written as ${dtype}.`);
}
