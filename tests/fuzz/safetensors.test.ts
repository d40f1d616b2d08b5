import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSafetensors } from '../../main/models/safetensors.ts';
import { fuzz, FUZZ_TIMEOUT_MS } from '../support/fuzz.ts';
import { mutateJson } from '../support/mutate-json.ts';
import { mutate } from '../support/mutate.ts';
import { packSafetensors, packTensors, rawModel, rawTensor } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** A header of a few tensors, so that the changes fall on all of its fields. */
const few = packTensors(
  new Map([
    ['a', rawTensor('a', [2, 3], 'F32')],
    ['b', rawTensor('b', [5], 'F16')],
    ['c', rawTensor('c', [1, 1, 7], 'BF16')],
    ['none', rawTensor('none', [0], 'F32')],
  ]),
  { format: 'pt' },
);
const whole = packTensors(rawModel().tensors, { format: 'pt' });

/** The file with another header before the same data. */
function withHeader(file: Buffer, header: string): Buffer {
  return packSafetensors(header, file.subarray(8 + Number(file.readBigUInt64LE(0))));
}

it.each([
  ['of a few tensors', few],
  ['of a model', whole],
])(
  'damaged safetensors files %s are read or refused',
  async (_what, file) => {
    const path = join(folder.path, 'a.safetensors');
    const headerBytes = 8 + Number(file.readBigUInt64LE(0));
    const header = file.toString('utf8', 8, headerBytes);
    const { read, refused } = await fuzz(async (seed) => {
      const damaged = seed % 2 === 0 ? withHeader(file, mutateJson(header, seed)) : mutate(file, seed, headerBytes);
      await writeFile(path, damaged);
      const opened = await openSafetensors(path);
      try {
        // What was opened fills the file exactly, and every byte of it can be had.
        let bytes = 0;
        for (const name of opened.tensors.keys()) for await (const piece of opened.readPieces(name)) bytes += piece.length;
        expect(bytes).toBe(damaged.length - 8 - Number(Buffer.from(damaged).readBigUInt64LE(0)));
      } finally {
        await opened.close();
      }
    });
    // Changed values are values; most changes of a header are seen.
    expect(read).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);
