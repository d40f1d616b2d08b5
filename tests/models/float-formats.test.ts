import { describe, expect, it } from 'vitest';
import { bf16ToFloat32, countNotFinite, f16ToFloat32, float32ToBf16, float32ToF16 } from '../../main/models/float-formats.ts';

/** What the bits of a 16-bit float mean (IEEE 754, section 3.4): sign, exponent, fraction. */
function meaning(bits: number, fractionBits: number): number {
  const exponentBits = 15 - fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const everyPattern = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const bytesOf = (patterns: Uint16Array): Uint8Array => new Uint8Array(patterns.buffer);
const patternsOf = (bytes: Uint8Array): Uint16Array => new Uint16Array(bytes.slice().buffer);

describe.each([
  { format: 'F16', fractionBits: 10, decode: f16ToFloat32, encode: float32ToF16 },
  { format: 'BF16', fractionBits: 7, decode: bf16ToFloat32, encode: float32ToBf16 },
])('$format', ({ fractionBits, decode, encode }) => {
  const values = Array.from(everyPattern, (bits) => meaning(bits, fractionBits));
  const isNumber = (bits: number): boolean => !Number.isNaN(values[bits]!);
  const infinity = values.indexOf(Infinity);

  it('means what the standard says, for every pattern', () => {
    const decoded = decode(bytesOf(everyPattern));
    const wrong = Array.from(everyPattern).filter((bits) => !Object.is(decoded[bits], values[bits]));
    expect(wrong).toEqual([]);
  });

  it('keeps every number that it can hold, signed zeros, subnormals and infinities too', () => {
    const encoded = patternsOf(encode(Float32Array.from(values)));
    expect(Array.from(everyPattern).filter((bits) => isNumber(bits) && encoded[bits] !== bits)).toEqual([]);
  });

  it('keeps what is not a number that way', () => {
    const payloads = Uint32Array.of(0x7f800001, 0xff800001, 0x7fc00000, 0x7fffffff, 0xffffffff, 0x7f80ffff);
    const encoded = encode(new Float32Array(payloads.buffer));
    expect(Array.from(decode(encoded), Number.isNaN)).toEqual(Array.from(payloads, () => true));
  });

  it('rounds a number in the middle of two to the even one, and others to the nearest', () => {
    for (const sign of [1, -1]) {
      const signBit = sign === 1 ? 0 : 0x8000;
      const lower = Array.from({ length: infinity - 1 }, (_, bits) => bits);
      const middle = Float32Array.from(lower, (bits) => (sign * (values[bits]! + values[bits + 1]!)) / 2);
      const below = stepped(middle, -1);
      const above = stepped(middle, 1);
      const encoded = [middle, below, above].map((numbers) => patternsOf(encode(numbers)));
      const wrong = lower.filter((bits) => {
        const even = bits % 2 === 0 ? bits : bits + 1;
        return (
          encoded[0]![bits] !== (even | signBit) || encoded[1]![bits] !== (bits | signBit) || encoded[2]![bits] !== ((bits + 1) | signBit)
        );
      });
      expect(wrong).toEqual([]);
    }
  });

  it('rounds to infinity from the middle between its largest number and the next that there would be', () => {
    const largest = values[infinity - 1]!;
    const limit = largest + (largest - values[infinity - 2]!) / 2;
    const encoded = patternsOf(encode(Float32Array.of(limit, stepped(Float32Array.of(limit), -1)[0]!, -limit)));
    expect([...encoded]).toEqual([infinity, infinity - 1, infinity | 0x8000]);
  });

  it('takes the part of a larger array that a view shows', () => {
    const view = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect([...decode(encode(view))]).toEqual([1, 2]);
    const bytes = Uint8Array.from([0xff, ...encode(view), 0xff]).subarray(1, 5);
    expect([...decode(bytes)]).toEqual([1, 2]);
  });
});

/** The neighbouring 32-bit floats, away from zero or towards it. */
function stepped(numbers: Float32Array, step: number): Float32Array {
  return new Float32Array(new Uint32Array(numbers.buffer.slice(0)).map((word) => word + step).buffer);
}

it('a few numbers known by heart', () => {
  const numbers = Float32Array.of(1, -2, 65504, 2 ** -24, 0.333251953125);
  expect([...patternsOf(float32ToF16(numbers))]).toEqual([0x3c00, 0xc000, 0x7bff, 0x0001, 0x3555]);
  expect([...patternsOf(float32ToBf16(Float32Array.of(1, -2, 3.140625, 1e38)))]).toEqual([0x3f80, 0xc000, 0x4049, 0x7e96]);
});

describe('numbers that are none are counted', () => {
  const every = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

  it.each([
    ['F16', 10, 2 * 2 ** 10],
    ['BF16', 7, 2 * 2 ** 7],
  ] as const)('in %s: of all bits those of infinities and of what is not a number', (dtype, fractionBits, expected) => {
    expect(countNotFinite(new Uint8Array(every.buffer), dtype)).toBe(expected);
    for (const bits of every) {
      const isNone = !Number.isFinite(meaning(bits, fractionBits));
      // Alone, as the first and the second of a pair, and as one too many for pairs.
      for (const values of [[bits], [bits, 0], [0, bits], [0, 0, bits]]) {
        const counted = countNotFinite(new Uint8Array(Uint16Array.from(values).buffer), dtype);
        if (counted !== Number(isNone)) expect.fail(`${bits.toString(16)} in ${JSON.stringify(values)}: ${counted}`);
      }
    }
  });

  it('in F32, of every exponent and sign', () => {
    for (let exponent = 0; exponent < 256; exponent++) {
      for (const rest of [0, 1, 0x7fffff, 0x80000000, 0x80000001]) {
        const bits = Uint32Array.of(0x3f800000, ((exponent << 23) | rest) >>> 0);
        const expected = [...new Float32Array(bits.buffer)].filter((value) => !Number.isFinite(value)).length;
        expect(countNotFinite(new Uint8Array(bits.buffer), 'F32')).toBe(expected);
      }
    }
  });

  it('where bytes begin in the middle of a word', () => {
    for (const offset of [1, 2, 3]) {
      const bytes = new Uint8Array(offset + 12);
      bytes.set(new Uint8Array(Float32Array.of(1, NaN, -Infinity).buffer), offset);
      expect(countNotFinite(bytes.subarray(offset), 'F32')).toBe(2);
    }
    expect(countNotFinite(new Uint8Array(), 'F32')).toBe(0);
  });
});
