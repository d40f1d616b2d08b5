import { StrataError } from '../../../shared/errors.ts';
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from '../float-formats.ts';
import { PieceReader } from './piece-reader.ts';

/** Conversions of a stored tensor between element types, piece by piece, and a check of the result that does not use them. */

export type FloatDtype = 'F32' | 'F16' | 'BF16';

export const FLOAT_BYTES: Readonly<Record<FloatDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** The pieces of a tensor, and how they are stored. */
export interface StoredPieces {
  dtype: FloatDtype;
  pieces: AsyncIterable<Uint8Array>;
}

/** The 16-bit formats: their largest number, and where they round to infinity: in the middle between it and what would be the next. */
const RANGES = {
  F16: { largest: '65504', infinite: 65_520, hint: 'Export as BF16, which has the range of F32, or as F32.' },
  BF16: { largest: '3.39e38', infinite: 2 ** 128 - 2 ** 119, hint: 'Export as F32.' },
} as const;

/**
 * The pieces in another element type, each number rounded to the nearest, ties to even. A piece is good until the next one is asked for.
 * @throws StrataError UNSUPPORTED, with the name, at a number that is too large for F16 or BF16.
 */
export async function* convertPieces(name: string, { dtype, pieces }: StoredPieces, wanted: FloatDtype): AsyncIterable<Uint8Array> {
  for await (const piece of pieces) yield dtype === wanted ? piece : fromFloats(name, toFloats(piece, dtype), wanted);
}

function toFloats(bytes: Uint8Array, dtype: FloatDtype): Float32Array {
  if (dtype === 'F16') return f16ToFloat32(bytes);
  if (dtype === 'BF16') return bf16ToFloat32(bytes);
  return floatsOver(bytes);
}

function fromFloats(name: string, values: Float32Array, dtype: FloatDtype): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const { largest, infinite, hint } = RANGES[dtype];
  let tooLarge: number | null = null;
  for (let index = 0; index < values.length; index++) {
    if (Math.abs(values[index]!) >= infinite && Number.isFinite(values[index])) tooLarge = values[index]!;
  }
  if (tooLarge !== null) {
    throw new StrataError('UNSUPPORTED', `Tensor ${name} does not fit into ${dtype}: a number of it would become infinite.`, {
      found: String(tooLarge),
      allowed: `numbers up to ${largest} in size`,
      hint,
    });
  }
  return dtype === 'F16' ? float32ToF16(values) : float32ToBf16(values);
}

/** A view of 32-bit elements over bytes: over a copy of them, if they begin in the middle of one. */
function floatsOver(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(buffer, byteOffset, length / 4);
}

/** Elements that are compared at a time. */
const COMPARED_ELEMENTS = 2 ** 18;

/**
 * Whether `written` holds, for each number of `source`, the nearest one of its own element type, with even significand where two are equally
 * near: judged by the distance of the numbers, not by converting once more. Of the same type, whether all bytes are the same.
 */
export async function isConversionOf(written: StoredPieces, source: StoredPieces): Promise<boolean> {
  const [after, before] = [new PieceReader(written.pieces), new PieceReader(source.pieces)];
  try {
    for (;;) {
      const values = await before.read(COMPARED_ELEMENTS * FLOAT_BYTES[source.dtype]);
      const results = await after.read(COMPARED_ELEMENTS * FLOAT_BYTES[written.dtype]);
      if (values.length / FLOAT_BYTES[source.dtype] !== results.length / FLOAT_BYTES[written.dtype]) return false;
      if (values.length === 0) return true;
      if (!isNearest(results, written.dtype, values, source.dtype)) return false;
    }
  } finally {
    await after.close();
    await before.close();
  }
}

function isNearest(written: Uint8Array, to: FloatDtype, source: Uint8Array, from: FloatDtype): boolean {
  if (from === to) return Buffer.compare(written, source) === 0;
  const values = numbersOf(source, from);
  if (to === 'F32') {
    const floats = floatsOver(written);
    for (let index = 0; index < floats.length; index++) if (!Object.is(floats[index], values[index])) return false;
    return true;
  }
  const halves = halvesOver(written);
  const table = TABLES[to]();
  for (let index = 0; index < halves.length; index++) {
    if (!isNearestHalf(halves[index]!, values[index]!, table)) return false;
  }
  return true;
}

function isNearestHalf(half: number, number: number, { value, below }: HalfTable): boolean {
  const nearest = value[half]!;
  if (number !== number || nearest !== nearest) return number !== number && nearest !== nearest; // not a number
  const size = half & 0x7fff;
  if (isNegative(number) !== size < half) return false;
  if (number === nearest) return true;
  const magnitude = Math.abs(number);
  const reached = value[size]!;
  // Half the way to the next smaller one, or to the next larger one; a tie belongs to the even significand, which is the last bit.
  const way = (magnitude < reached ? below[size]! : below[size + 1]!) / 2;
  const distance = Math.abs(magnitude - reached);
  return distance < way || (distance === way && size % 2 === 0);
}

function isNegative(value: number): boolean {
  return value < 0 || (value === 0 && 1 / value < 0);
}

function halvesOver(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(buffer, byteOffset, length / 2);
}

function numbersOf(bytes: Uint8Array, dtype: FloatDtype): Float64Array | Float32Array {
  if (dtype === 'F32') return floatsOver(bytes);
  const { value } = TABLES[dtype]();
  const halves = halvesOver(bytes);
  const numbers = new Float64Array(halves.length);
  for (let index = 0; index < halves.length; index++) numbers[index] = value[halves[index]!]!;
  return numbers;
}

/** Every number of a 16-bit format by its bits, and how far each positive one is above the next smaller one. */
interface HalfTable {
  value: Float64Array;
  below: Float64Array;
}

/** By the formats' definitions: a sign, `exponentBits` of exponent, the rest of the significand. */
function halfTable(exponentBits: number): HalfTable {
  const significandBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const magnitude = (bits: number): number => {
    const exponent = bits >> significandBits;
    const significand = (bits & (2 ** significandBits - 1)) / 2 ** significandBits;
    return exponent === 0 ? significand * 2 ** (1 - bias) : (1 + significand) * 2 ** (exponent - bias);
  };
  const infinite = (2 ** exponentBits - 1) << significandBits;
  const value = new Float64Array(2 ** 16);
  const below = new Float64Array(2 ** 15 + 1);
  for (let bits = 0; bits < 2 ** 15; bits++) {
    value[bits] = bits < infinite ? magnitude(bits) : bits === infinite ? Infinity : NaN;
    value[bits + 2 ** 15] = -value[bits]!;
    // The step up to infinity is the one that a further number would have; from there on nothing is a rounded number.
    if (bits > 0 && bits <= infinite) below[bits] = magnitude(bits) - magnitude(bits - 1);
  }
  return { value, below };
}

const TABLES = { F16: once(() => halfTable(5)), BF16: once(() => halfTable(8)) };

function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}
