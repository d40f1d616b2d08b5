import { describe, expect, it } from 'vitest';
import { convertPieces, type FloatDtype, isConversionOf } from '../../../main/models/export/convert-tensor.ts';
import { normalStream, randomStream } from '../../../shared/domain/random.ts';

/** Pieces of so many bytes. */
async function* cut(bytes: Uint8Array, length: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield await Promise.resolve(bytes.subarray(at, at + length));
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece.slice());
  return new Uint8Array(Buffer.concat(parts));
}

const normal = normalStream(randomStream(7));
/** Over all exponents that both 16-bit types have, and beyond the small end of theirs. */
const floats = Float32Array.from({ length: 6000 }, (_, index) => normal() * 2 ** ((index % 40) - 26));
const bytes = new Uint8Array(floats.buffer);

async function convert(source: Uint8Array, from: FloatDtype, to: FloatDtype): Promise<Uint8Array> {
  return joined(convertPieces('a', { dtype: from, pieces: cut(source, 400) }, to));
}

const isConversion = (written: Uint8Array, to: FloatDtype, source: Uint8Array, from: FloatDtype): Promise<boolean> =>
  isConversionOf({ dtype: to, pieces: cut(written, 600) }, { dtype: from, pieces: cut(source, 1000) });

describe.each(['F16', 'BF16'] as const)('a conversion to %s', (dtype) => {
  it('is accepted, and after it the way back to floats', async () => {
    const halves = await convert(bytes, 'F32', dtype);
    expect(await isConversion(halves, dtype, bytes, 'F32')).toBe(true);
    const widened = await convert(halves, dtype, 'F32');
    expect(await isConversion(widened, 'F32', halves, dtype)).toBe(true);
    expect(await isConversion(widened, 'F32', bytes, 'F32')).toBe(false);
    expect(await isConversion(halves, dtype, halves, dtype)).toBe(true);
  });

  it('is refused where one number is the next to the nearest, has another sign, or is missing', async () => {
    const halves = new Uint16Array((await convert(bytes, 'F32', dtype)).buffer);
    for (const place of [0, 17, halves.length - 1]) {
      for (const change of [1, -1, 0x8000]) {
        const wrong = halves.slice();
        wrong[place] = wrong[place]! + change;
        expect(await isConversion(new Uint8Array(wrong.buffer), dtype, bytes, 'F32'), `${place} ${change}`).toBe(false);
      }
    }
    expect(await isConversion(new Uint8Array(halves.slice(1).buffer), dtype, bytes, 'F32')).toBe(false);
    expect(await isConversion(new Uint8Array(halves.buffer), dtype, bytes.subarray(4), 'F32')).toBe(false);
  });

  it('is refused where a tie does not go to the even one, or was cut instead of rounded', async () => {
    const bits = dtype === 'F16' ? 10 : 7;
    const ties = Float32Array.of(1 + 2 ** -(bits + 1), 1 + 3 * 2 ** -(bits + 1), 2 - 2 ** -(bits + 1));
    const source = new Uint8Array(ties.buffer);
    const even = new Uint16Array((await convert(source, 'F32', dtype)).buffer);
    const one = dtype === 'F16' ? 0x3c00 : 0x3f80;
    expect([...even]).toEqual([one, one + 2, one + 2 ** bits]);
    for (const wrong of [
      [one + 1, one + 2, one + 2 ** bits],
      [one, one + 1, one + 2 ** bits],
      [one, one + 2, one + 2 ** bits - 1],
    ]) {
      expect(await isConversion(new Uint8Array(Uint16Array.from(wrong).buffer), dtype, source, 'F32')).toBe(false);
    }
  });

  it('keeps infinities and what is not a number', async () => {
    const source = new Uint8Array(Float32Array.of(Infinity, -Infinity, NaN, 0, -0).buffer);
    const halves = await convert(source, 'F32', dtype);
    expect(await isConversion(halves, dtype, source, 'F32')).toBe(true);
    const zeros = new Uint8Array(halves.length);
    expect(await isConversion(zeros, dtype, source, 'F32')).toBe(false);
  });
});

it('between the two 16-bit types every number is the nearest of the other one', async () => {
  const values = new Uint8Array(Float32Array.from({ length: 500 }, normal).buffer);
  for (const [from, to] of [
    ['F16', 'BF16'],
    ['BF16', 'F16'],
  ] as const) {
    const source = await convert(values, 'F32', from);
    const written = await convert(source, from, to);
    expect(await isConversion(written, to, source, from)).toBe(true);
    written[6] = written[6]! ^ 1;
    expect(await isConversion(written, to, source, from)).toBe(false);
  }
});

it('an empty tensor stays empty', async () => {
  expect(await isConversion(new Uint8Array(), 'F16', new Uint8Array(), 'F32')).toBe(true);
});
