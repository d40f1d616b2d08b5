import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dequantise } from '../../main/models/gguf/dequantise.ts';
import { GGUF_TYPES, type GgufTypeName } from '../../main/models/gguf/gguf-types.ts';
import { python } from './sides.ts';

/** Every possible 16-bit scale once, with random bits beside it. */
const BLOCKS = 65_536;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-blocks-'));
  await python('gguf_blocks.py', folder, String(BLOCKS), '1');
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('blocks of random bits, every 16-bit scale among them, are what the Python package makes of them', () => {
  it.each(Object.keys(GGUF_TYPES) as GgufTypeName[])(
    '%s',
    async (type) => {
      const bytes = await readFile(join(folder, `${type}.bytes`));
      const expected = await readFile(join(folder, `${type}.f32`));
      const values = dequantise(type, bytes);
      expect(values.length).toBe((bytes.length / GGUF_TYPES[type].bytes) * GGUF_TYPES[type].elements);
      const [ours, theirs] = [new Uint32Array(values.buffer), new Uint32Array(new Uint8Array(expected).buffer)];
      expect(ours.length).toBe(theirs.length);
      let [different, finite] = [0, 0];
      for (let index = 0; index < ours.length; index++) {
        // What is not a number has many patterns, which mean the same and depend on the processor.
        const isNaN = (bits: number): boolean => (bits & 0x7fffffff) > 0x7f800000;
        if (ours[index] !== theirs[index] && !(isNaN(ours[index]!) && isNaN(theirs[index]!))) different++;
        if ((ours[index]! & 0x7f800000) !== 0x7f800000) finite++;
      }
      expect(different).toBe(0);
      expect(finite).toBeGreaterThan(0.8 * ours.length);
    },
    60_000,
  );
});
