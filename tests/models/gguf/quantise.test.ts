import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantise } from '../../../main/models/gguf/quantise.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/gguf');

describe('numbers in an element type', () => {
  it.each(['F16', 'BF16', 'Q8_0', 'Q4_0'] as const)('%s has the bits that the gguf package writes', async (type) => {
    const values = new Float32Array((await readFile(join(fixtures, 'values.f32'))).buffer.slice(0));
    expect(values.length).toBe(20 * 32);
    expect(Buffer.from(quantise(values, type)).equals(await readFile(join(fixtures, `${type}.bin`)))).toBe(true);
  });

  it('F32 is what it was', () => {
    const values = Float32Array.of(1.5, -0, 1e-45, 3e38);
    expect(new Float32Array(quantise(values.slice(), 'F32').slice().buffer)).toEqual(values);
  });

  it('of a part of an array are those of the part', () => {
    const values = Float32Array.from({ length: 96 }, (_, index) => Math.sin(index));
    for (const type of ['F16', 'BF16', 'Q8_0', 'Q4_0', 'F32'] as const) {
      expect(quantise(values.subarray(32, 64), type), type).toEqual(quantise(values.slice(32, 64), type));
    }
  });

  it('need whole blocks', () => {
    expect(() => quantise(new Float32Array(33), 'Q8_0')).toThrow('33 numbers are not whole blocks of 32, which Q8_0 needs.');
    expect(quantise(new Float32Array(33), 'F16').length).toBe(66);
  });
});
