import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type GgufEntry, type GgufMetadata, writeGguf } from '../../../main/models/gguf/write-gguf.ts';
import { readRawGguf } from '../../support/raw-gguf.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const path = (): string => join(folder.path, 'model.gguf');

async function* inPieces(...pieces: number[][]): AsyncIterable<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(Uint8Array.from(piece));
}

describe('a written GGUF file', () => {
  const metadata = new Map<string, GgufMetadata>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['a.count', { type: 'uint32', value: 4_000_000_000 }],
    ['a.below', { type: 'int32', value: -7 }],
    ['a.share', { type: 'float32', value: 1e-5 }],
    ['a.flag', { type: 'bool', value: true }],
    ['a.texts', { type: 'array', of: 'string', value: ['', 'ä🙂', 'a\0b'] }],
    ['a.scores', { type: 'array', of: 'float32', value: [0.5, -1] }],
    ['a.kinds', { type: 'array', of: 'int32', value: [] }],
  ]);
  const entries: GgufEntry[] = [
    { name: 'one', shape: [3], type: 'F32', pieces: () => inPieces([1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11, 12]) },
    { name: 'two', shape: [2, 32], type: 'Q8_0', pieces: () => inPieces(Array.from({ length: 68 }, (_, index) => index)) },
  ];

  it('has its header, and each tensor at a multiple of 32 bytes', async () => {
    const hashes = await writeGguf(path(), metadata, entries);
    const file = await readFile(path());
    const raw = readRawGguf(file);
    expect(raw.version).toBe(3);
    expect([...raw.metadata]).toEqual([
      ['general.architecture', { type: 8, value: 'llama' }],
      ['a.count', { type: 4, value: 4_000_000_000 }],
      ['a.below', { type: 5, value: -7 }],
      ['a.share', { type: 6, value: Math.fround(1e-5) }],
      ['a.flag', { type: 7, value: true }],
      ['a.texts', { type: 9, of: 8, value: ['', 'ä🙂', 'a\0b'] }],
      ['a.scores', { type: 9, of: 6, value: [0.5, -1] }],
      ['a.kinds', { type: 9, of: 5, value: [] }],
    ]);
    expect([...raw.tensors]).toEqual([
      ['one', { type: 0, axes: [3], offset: 0 }],
      ['two', { type: 8, axes: [32, 2], offset: 32 }],
    ]);
    const data = file.subarray(raw.dataStart);
    expect([...data.subarray(0, 32)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ...Array<number>(20).fill(0)]);
    expect([...data.subarray(32, 100)]).toEqual(Array.from({ length: 68 }, (_, index) => index));
    expect(data.length).toBe(128);
    expect(hashes.get('two')).toBe(createHash('sha256').update(data.subarray(32, 100)).digest('hex'));
  });

  it.each([
    ['too few bytes', [{ ...entries[0]!, pieces: () => inPieces([1, 2, 3, 4]) }], 'Tensor one has 4 bytes; [3] needs 12.'],
    ['too many', [{ ...entries[0]!, pieces: () => inPieces(Array<number>(13).fill(0)) }], 'Tensor one has 13 bytes; [3] needs 12.'],
    ['a name twice', [entries[0]!, entries[0]!], 'Tensor one would be written twice.'],
    [
      'rows that are no blocks',
      [{ ...entries[1]!, shape: [2, 33] }],
      'Rows of 33 numbers of two are not whole blocks of 32, as Q8_0 needs.',
    ],
  ])('is not there after %s', async (_, wrong, message) => {
    await expect(writeGguf(path(), metadata, wrong)).rejects.toThrow(message);
    expect(await folder.list()).toEqual([]);
  });
});
