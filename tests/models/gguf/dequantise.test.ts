import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dequantise } from '../../../main/models/gguf/dequantise.ts';
import { GGUF_TYPES, type GgufTypeName } from '../../../main/models/gguf/gguf-types.ts';

/** Blocks and what the Python package `gguf` makes of them (tests/parity/gguf_blocks.py --fixture); many more are compared in tests/parity. */
const fixture = JSON.parse(await readFile(join(import.meta.dirname, '../../fixtures/gguf/blocks.json'), 'utf8')) as Record<
  string,
  { bytes: string; values: string }
>;

const bitsOf = (values: Float32Array): number[] => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];

describe.each(Object.keys(GGUF_TYPES) as GgufTypeName[])('blocks of %s', (type) => {
  const bytes = new Uint8Array(Buffer.from(fixture[type]!.bytes, 'base64'));
  const expected = Buffer.from(fixture[type]!.values, 'base64');

  it('have the values that the Python package gives them, bit by bit', () => {
    expect(Buffer.from(dequantise(type, bytes).buffer).equals(expected)).toBe(true);
  });

  it('may lie anywhere in memory', () => {
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(bitsOf(dequantise(type, shifted.subarray(1)))).toEqual(bitsOf(dequantise(type, bytes)));
  });

  it('are not changed, and nothing is read beyond them', () => {
    const { bytes: blockBytes, elements } = GGUF_TYPES[type];
    const before = bytes.slice();
    expect(dequantise(type, bytes.subarray(0, blockBytes))).toHaveLength(elements);
    expect(dequantise(type, new Uint8Array(0))).toHaveLength(0);
    expect(bytes).toEqual(before);
  });
});

it('the blocks of the fixture are no trivial ones', () => {
  for (const { values } of Object.values(fixture)) {
    const floats = new Float32Array(new Uint8Array(Buffer.from(values, 'base64')).buffer);
    expect(new Set(floats).size).toBeGreaterThan(7);
    expect([...floats].every(Number.isFinite)).toBe(true);
  }
});
