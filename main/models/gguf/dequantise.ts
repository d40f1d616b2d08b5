import { bf16ToFloat32, f16ToFloat32 } from '../float-formats.ts';
import { GGUF_TYPES, type GgufTypeName } from './gguf-types.ts';

/**
 * Values of ggml's block formats (ggml-org/ggml, `ggml-quants`), every multiplication and addition rounded to 32 bits in the same order as in
 * the Python package `gguf`, so that the results are equal bit by bit. Each value is a small whole number times its block's 16-bit scale, in some
 * formats with a minimum beside it; blocks of 256 ("K") have a second, coarser scale for every 16 or 32 values.
 */

/** 16-bit floats to 32-bit ones, by their bits; made when first needed. */
let halfValues: Float32Array | null = null;
function halves(): Float32Array {
  return (halfValues ??= f16ToFloat32(new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer)));
}

/**
 * The values of whole blocks.
 * @param bytes As many as some number of the type's blocks have.
 */
export function dequantise(type: GgufTypeName, bytes: Uint8Array): Float32Array {
  if (type === 'F32') return new Float32Array(bytes.slice().buffer);
  if (type === 'F16') return f16ToFloat32(bytes);
  if (type === 'BF16') return bf16ToFloat32(bytes);
  const { elements, bytes: blockBytes } = GGUF_TYPES[type];
  const blocks = bytes.length / blockBytes;
  const values = new Float32Array(blocks * elements);
  // Blocks of all types have even lengths: their 16-bit parts can be read as such when the first begins at an even place.
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  DECODERS[type](even, new Uint16Array(even.buffer, even.byteOffset, even.length >> 1), values, blocks, halves());
  return values;
}

/** Fills `values` from blocks; `words` lies over the same bytes. */
type Decoder = (bytes: Uint8Array, words: Uint16Array, values: Float32Array, blocks: number, half: Float32Array) => void;

/** The sixteen levels of the non-linear 4-bit formats. */
const NON_LINEAR = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

const DECODERS: Readonly<Record<Exclude<GgufTypeName, 'F32' | 'F16' | 'BF16'>, Decoder>> = {
  Q4_0: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const scale = half[words[block * 9]!]!;
      const [from, to] = [block * 18 + 2, block * 32];
      for (let index = 0; index < 16; index++) {
        const pair = bytes[from + index]!;
        values[to + index] = scale * ((pair & 15) - 8);
        values[to + 16 + index] = scale * ((pair >> 4) - 8);
      }
    }
  },
  Q4_1: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const [scale, minimum] = [half[words[block * 10]!]!, half[words[block * 10 + 1]!]!];
      const [from, to] = [block * 20 + 4, block * 32];
      for (let index = 0; index < 16; index++) {
        const pair = bytes[from + index]!;
        values[to + index] = Math.fround(scale * (pair & 15)) + minimum;
        values[to + 16 + index] = Math.fround(scale * (pair >> 4)) + minimum;
      }
    }
  },
  Q5_0: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const scale = half[words[block * 11]!]!;
      const [lowHalf, highHalf] = [words[block * 11 + 1]!, words[block * 11 + 2]!]; // a fifth bit for each value
      const [from, to] = [block * 22 + 6, block * 32];
      for (let index = 0; index < 16; index++) {
        const pair = bytes[from + index]!;
        values[to + index] = scale * (((pair & 15) | (((lowHalf >> index) & 1) << 4)) - 16);
        values[to + 16 + index] = scale * (((pair >> 4) | (((highHalf >> index) & 1) << 4)) - 16);
      }
    }
  },
  Q5_1: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const [scale, minimum] = [half[words[block * 12]!]!, half[words[block * 12 + 1]!]!];
      const [lowHalf, highHalf] = [words[block * 12 + 2]!, words[block * 12 + 3]!];
      const [from, to] = [block * 24 + 8, block * 32];
      for (let index = 0; index < 16; index++) {
        const pair = bytes[from + index]!;
        values[to + index] = Math.fround(scale * ((pair & 15) | (((lowHalf >> index) & 1) << 4))) + minimum;
        values[to + 16 + index] = Math.fround(scale * ((pair >> 4) | (((highHalf >> index) & 1) << 4))) + minimum;
      }
    }
  },
  Q8_0: (bytes, words, values, blocks, half) => {
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let block = 0; block < blocks; block++) {
      const scale = half[words[block * 17]!]!;
      const [from, to] = [block * 34 + 2, block * 32];
      for (let index = 0; index < 32; index++) values[to + index] = scale * signed[from + index]!;
    }
  },
  Q2_K: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const from = block * 84; // 16 scales and minima, 64 bytes of four values, the scales' scale, the minima's scale
      const [scale, minimum] = [half[words[block * 42 + 40]!]!, half[words[block * 42 + 41]!]!];
      for (let group = 0; group < 16; group++) {
        const packed = bytes[from + group]!;
        const [groupScale, groupMinimum] = [Math.fround(scale * (packed & 15)), Math.fround(minimum * (packed >> 4))];
        const quarters = from + 16 + 32 * (group >> 3) + 16 * (group & 1);
        const shift = group & 6; // 2 bits for each pair of groups within a half
        const to = block * 256 + group * 16;
        for (let index = 0; index < 16; index++) {
          values[to + index] = Math.fround(groupScale * ((bytes[quarters + index]! >> shift) & 3)) - groupMinimum;
        }
      }
    }
  },
  Q3_K: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const from = block * 110; // 32 bytes of third bits, 64 bytes of four values, 12 bytes of 16 scales, their scale
      const scale = half[words[block * 55 + 54]!]!;
      for (let group = 0; group < 16; group++) {
        const low = (bytes[from + 96 + (group & 7)]! >> (group < 8 ? 0 : 4)) & 15;
        const high = (bytes[from + 104 + (group & 3)]! >> (2 * (group >> 2))) & 3;
        const groupScale = Math.fround(scale * ((low | (high << 4)) - 32));
        const thirds = from + 16 * (group & 1);
        const quarters = from + 32 + 32 * (group >> 3) + 16 * (group & 1);
        const shift = group & 6;
        const to = block * 256 + group * 16;
        for (let index = 0; index < 16; index++) {
          const third = (bytes[thirds + index]! >> (group >> 1)) & 1; // the value is 4 less where it is not set
          values[to + index] = groupScale * (((bytes[quarters + index]! >> shift) & 3) - (third === 1 ? 0 : 4));
        }
      }
    }
  },
  Q4_K: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const from = block * 144; // scale, minima's scale, 12 bytes of 8 scales and minima, 128 bytes of two values
      const [scale, minimum] = [half[words[block * 72]!]!, half[words[block * 72 + 1]!]!];
      for (let group = 0; group < 8; group++) {
        const groupScale = Math.fround(scale * scaleOf(bytes, from + 4, group));
        const groupMinimum = Math.fround(minimum * minimumOf(bytes, from + 4, group));
        const [pairs, shift] = [from + 16 + 32 * (group >> 1), 4 * (group & 1)];
        const to = block * 256 + group * 32;
        for (let index = 0; index < 32; index++) {
          values[to + index] = Math.fround(groupScale * ((bytes[pairs + index]! >> shift) & 15)) - groupMinimum;
        }
      }
    }
  },
  Q5_K: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const from = block * 176; // as Q4_K, with 32 bytes of fifth bits before the values
      const [scale, minimum] = [half[words[block * 88]!]!, half[words[block * 88 + 1]!]!];
      for (let group = 0; group < 8; group++) {
        const groupScale = Math.fround(scale * scaleOf(bytes, from + 4, group));
        const groupMinimum = Math.fround(minimum * minimumOf(bytes, from + 4, group));
        const [pairs, shift] = [from + 48 + 32 * (group >> 1), 4 * (group & 1)];
        const to = block * 256 + group * 32;
        for (let index = 0; index < 32; index++) {
          const fifth = (bytes[from + 16 + index]! >> group) & 1;
          values[to + index] = Math.fround(groupScale * (((bytes[pairs + index]! >> shift) & 15) | (fifth << 4))) - groupMinimum;
        }
      }
    }
  },
  Q6_K: (bytes, words, values, blocks, half) => {
    const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let block = 0; block < blocks; block++) {
      const from = block * 210; // 128 bytes of low halves, 64 bytes of high quarters, 16 signed scales, their scale
      const scale = half[words[block * 105 + 104]!]!;
      for (let group = 0; group < 16; group++) {
        const groupScale = Math.fround(scale * signed[from + 192 + group]!);
        const row = group >> 1; // of 32 values; four rows make a half
        const low = from + 64 * (row >> 2) + 32 * (row & 1) + 16 * (group & 1);
        const high = from + 128 + 32 * (row >> 2) + 16 * (group & 1);
        const [lowShift, highShift] = [2 * (row & 2), 2 * (row & 3)];
        const to = block * 256 + group * 16;
        for (let index = 0; index < 16; index++) {
          const value = ((bytes[low + index]! >> lowShift) & 15) | (((bytes[high + index]! >> highShift) & 3) << 4);
          values[to + index] = groupScale * (value - 32);
        }
      }
    }
  },
  IQ4_NL: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const scale = half[words[block * 9]!]!;
      const [from, to] = [block * 18 + 2, block * 32];
      for (let index = 0; index < 16; index++) {
        const pair = bytes[from + index]!;
        values[to + index] = scale * NON_LINEAR[pair & 15]!;
        values[to + 16 + index] = scale * NON_LINEAR[pair >> 4]!;
      }
    }
  },
  IQ4_XS: (bytes, words, values, blocks, half) => {
    for (let block = 0; block < blocks; block++) {
      const from = block * 136; // scale, two high bits of each group's scale, four low bits of each, 128 bytes of two values
      const [scale, high] = [half[words[block * 68]!]!, words[block * 68 + 1]!];
      for (let group = 0; group < 8; group++) {
        const low = (bytes[from + 4 + (group >> 1)]! >> (4 * (group & 1))) & 15;
        const groupScale = Math.fround(scale * ((low | (((high >> (2 * group)) & 3) << 4)) - 32));
        const [pairs, to] = [from + 8 + 16 * group, block * 256 + group * 32];
        for (let index = 0; index < 16; index++) {
          const pair = bytes[pairs + index]!;
          values[to + index] = groupScale * NON_LINEAR[pair & 15]!;
          values[to + 16 + index] = groupScale * NON_LINEAR[pair >> 4]!;
        }
      }
    }
  },
};

/** Six bits of the scale of a group of Q4_K and Q5_K: the first four whole, the others in two parts. */
function scaleOf(bytes: Uint8Array, at: number, group: number): number {
  return group < 4 ? bytes[at + group]! & 63 : (bytes[at + 4 + group]! & 15) | ((bytes[at + group - 4]! >> 2) & 48);
}

/** Six bits of a group's minimum, likewise. */
function minimumOf(bytes: Uint8Array, at: number, group: number): number {
  return group < 4 ? bytes[at + 4 + group]! & 63 : (bytes[at + 4 + group]! >> 4) | ((bytes[at + group]! >> 2) & 48);
}
