import { StrataError } from '../../../shared/errors.ts';
import { float32ToBf16, float32ToF16 } from '../float-formats.ts';
import { GGUF_TYPES } from './gguf-types.ts';

/** The element types that Strata writes. */
export const GGUF_EXPORT_TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const;
export type GgufExportType = (typeof GGUF_EXPORT_TYPES)[number];

/**
 * The bytes of numbers in an element type, the same to the last bit as those of `gguf.quants.quantize` of the Python package gguf (and so of
 * the reference in ggml). Only Q4_0 and Q8_0 lose more than rounding does: a block of 32 numbers shares one 16-bit scale.
 * @param values whole blocks: for Q4_0 and Q8_0 a multiple of 32 numbers.
 */
export function quantise(values: Float32Array, type: GgufExportType): Uint8Array {
  const { elements } = GGUF_TYPES[type];
  if (values.length % elements !== 0) {
    throw new StrataError('INTERNAL', `${values.length} numbers are not whole blocks of ${elements}, which ${type} needs.`);
  }
  switch (type) {
    case 'F32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case 'F16':
      return float32ToF16(values);
    case 'BF16':
      return float32ToBf16(values);
    case 'Q8_0':
      return toQ8(values);
    case 'Q4_0':
      return toQ4(values);
  }
}

const BLOCK = 32;
const HALF_BLOCK = BLOCK / 2;
/** Bytes of a block's scale, before its numbers. */
const SCALE_BYTES = 2;

/** Q8_0: the largest number of a block becomes 127 steps, and each is rounded to a step, halves away from zero. */
function toQ8(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK;
  const { bytes: size } = GGUF_TYPES.Q8_0;
  const bytes = new Uint8Array(blocks * size);
  const steps = new Int8Array(bytes.buffer);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const begin = block * BLOCK;
    let largest = 0;
    for (let index = begin; index < begin + BLOCK; index++) largest = Math.max(largest, Math.abs(values[index]!));
    const scale = Math.fround(largest / 127);
    scales[block] = scale;
    const inverse = inverseOf(scale);
    if (inverse === 0) continue; // the steps are zero already
    const target = block * size + SCALE_BYTES;
    for (let index = 0; index < BLOCK; index++) {
      const step = Math.fround(values[begin + index]! * inverse);
      // Without a branch on the sign, which no processor foresees: rounded up at halves, and then one down where the number is negative.
      const rounded = (step + 128.5) | 0;
      steps[target + index] = rounded - 128 - (rounded - step === 128.5 && step < 0 ? 1 : 0);
    }
  }
  putScales(bytes, scales, size);
  return bytes;
}

/** Q4_0: the number furthest from zero becomes -8 steps; each takes half a byte, the two halves of a block side by side. */
function toQ4(values: Float32Array): Uint8Array {
  const blocks = values.length / BLOCK;
  const { bytes: size } = GGUF_TYPES.Q4_0;
  const bytes = new Uint8Array(blocks * size);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const begin = block * BLOCK;
    let largest = 0;
    let furthest = values[begin]!; // of a block of zeros the first one, whose sign the scale gets
    for (let index = begin; index < begin + BLOCK; index++) {
      const value = values[index]!;
      const magnitude = Math.abs(value);
      if (magnitude > largest) {
        largest = magnitude;
        furthest = value;
      }
    }
    const scale = Math.fround(furthest / -8);
    scales[block] = scale;
    const inverse = inverseOf(scale);
    if (inverse === 0 && scale !== 0) continue; // too small for a step: the reference writes zeros, not the middle
    const target = block * size + SCALE_BYTES;
    for (let index = 0; index < HALF_BLOCK; index++) {
      const low = Math.fround(values[begin + index]! * inverse + 8.5) | 0;
      const high = Math.fround(values[begin + HALF_BLOCK + index]! * inverse + 8.5) | 0;
      bytes[target + index] = (low > 15 ? 15 : low) | ((high > 15 ? 15 : high) << 4);
    }
  }
  putScales(bytes, scales, size);
  return bytes;
}

/** Steps per one, in single precision; 0 where that is beyond all numbers. */
function inverseOf(scale: number): number {
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  return Number.isFinite(inverse) ? inverse : 0;
}

/** Writes each block's scale before its numbers, in half precision. */
function putScales(bytes: Uint8Array, scales: Float32Array, size: number): void {
  const halves = float32ToF16(scales);
  for (let block = 0; block < scales.length; block++) {
    bytes[block * size] = halves[2 * block]!;
    bytes[block * size + 1] = halves[2 * block + 1]!;
  }
}
