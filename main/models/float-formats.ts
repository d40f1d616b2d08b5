/** 16-bit floating point formats, to and from 32-bit floats. Little-endian, as the files are. */

/** bfloat16 is the upper half of a float32. */
export function bf16ToFloat32(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = aligned(bytes);
  const halves = new Uint16Array(buffer, byteOffset, length / 2);
  const values = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) values[index] = halves[index]! << 16;
  return new Float32Array(values.buffer);
}

/** Rounds to nearest, ties to even; NaN stays NaN. */
export function float32ToBf16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) {
    const word = bits[index]!;
    halves[index] = Number.isNaN(values[index]!) ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(halves.buffer);
}

/** IEEE half precision, by the engine's own Float16Array. */
export function f16ToFloat32(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, length } = aligned(bytes);
  return new Float32Array(new Float16Array(buffer, byteOffset, length / 2));
}

export function float32ToF16(values: Float32Array): Uint8Array {
  return new Uint8Array(Float16Array.from(values).buffer);
}

/** The same bytes where a view of 16-bit elements can lie over them: a copy if they begin in the middle of one. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
}

/** Of two or one numbers in 32 bits: where their exponents are, and one in the last place of each. */
const EXPONENTS = {
  F32: { mask: 0x7f800000, one: 0x00800000, bytes: 4 },
  F16: { mask: 0x7c007c00, one: 0x04000400, bytes: 2 },
  BF16: { mask: 0x7f807f80, one: 0x00800080, bytes: 2 },
} as const;

/** How many of the numbers are infinite or not a number: those whose exponent is all ones. */
export function countNotFinite(bytes: Uint8Array, dtype: keyof typeof EXPONENTS): number {
  const { mask, one, bytes: size } = EXPONENTS[dtype];
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(buffer, byteOffset, length >>> 2);
  // One more makes an exponent of all ones overflow into the sign, which the mask has left empty.
  let overflowed = 0;
  for (let index = 0; index < words.length; index++) overflowed |= (words[index]! & mask) + one;
  const hasRest = length % 4 !== 0;
  if ((overflowed & (size === 2 ? 0x80008000 : 0x80000000)) === 0 && !hasRest) return 0;
  const values = size === 4 ? words : new Int16Array(buffer, byteOffset, length / 2);
  const exponent = size === 4 ? mask : mask & 0xffff;
  let count = 0;
  for (let index = 0; index < values.length; index++) if ((values[index]! & exponent) === exponent) count++;
  return count;
}
