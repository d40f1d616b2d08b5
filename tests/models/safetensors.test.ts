import { open, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openSafetensors, PIECE_BYTES, type SafetensorsEntry, writeSafetensors, zeroPieces } from '../../main/models/safetensors.ts';
import { packSafetensors, unpackTensors } from '../support/raw-models.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

describe('reading', () => {
  it('gives every tensor its shape, type and values, in whatever order the header names them', async () => {
    const data = Buffer.concat([floats(1, -2, 0.1), Buffer.from([0x00, 0x3c, 0x00, 0xc0]), Buffer.from([0x80, 0x3f]), floats(7)]);
    const path = await folder.write(
      'a.safetensors',
      packSafetensors(
        {
          last: { dtype: 'F32', shape: [], data_offsets: [18, 22] },
          empty: { dtype: 'F32', shape: [0, 4], data_offsets: [12, 12] },
          half: { dtype: 'F16', shape: [1, 2], data_offsets: [12, 16] },
          __metadata__: { format: 'pt', note: 'ü' },
          brain: { dtype: 'BF16', shape: [1], data_offsets: [16, 18] },
          single: { dtype: 'F32', shape: [3], data_offsets: [0, 12] },
        },
        data,
      ),
    );
    const file = await openSafetensors(path);
    expect(file.metadata).toEqual({ format: 'pt', note: 'ü' });
    expect([...file.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]).sort()).toEqual([
      ['brain', 'BF16', [1]],
      ['empty', 'F32', [0, 4]],
      ['half', 'F16', [1, 2]],
      ['last', 'F32', []],
      ['single', 'F32', [3]],
    ]);
    expect([...(await file.readFloat32('single'))]).toEqual([1, -2, Math.fround(0.1)]);
    expect([...(await file.readFloat32('half'))]).toEqual([1, -2]);
    expect([...(await file.readFloat32('brain'))]).toEqual([1]);
    expect([...(await file.readFloat32('last'))]).toEqual([7]);
    expect([...(await file.readFloat32('empty'))]).toEqual([]);
    expect(Buffer.from(await file.readBytes('half'))).toEqual(Buffer.from([0x00, 0x3c, 0x00, 0xc0]));
    await file.close();
  });

  it('gives fresh arrays: changing one changes nothing', async () => {
    const path = await folder.write(
      'a.safetensors',
      packSafetensors({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, floats(1, 2)),
    );
    const file = await openSafetensors(path);
    (await file.readFloat32('a')).fill(9);
    expect([...(await file.readFloat32('a'))]).toEqual([1, 2]);
    await file.close();
  });

  it('has no values for a tensor of integers, but its bytes', async () => {
    const path = await folder.write(
      'a.safetensors',
      packSafetensors({ a: { dtype: 'I32', shape: [1], data_offsets: [0, 4] } }, Buffer.from([5, 0, 0, 0])),
    );
    const file = await openSafetensors(path);
    await expect(file.readFloat32('a')).rejects.toMatchObject({ code: 'UNSUPPORTED', found: 'I32', allowed: 'F32, F16, BF16' });
    expect([...(await file.readBytes('a'))]).toEqual([5, 0, 0, 0]);
    await file.close();
  });

  it('gives a large tensor in pieces, in order, two readings at a time without mixing them', async () => {
    const bytes = new Uint8Array(2 * PIECE_BYTES + 12);
    for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 7 + (index >>> 12) + 3 * (index >>> 20)) & 0xff;
    const header = {
      large: { dtype: 'F32', shape: [bytes.length / 4], data_offsets: [0, bytes.length] },
      none: { dtype: 'F32', shape: [0], data_offsets: [bytes.length, bytes.length] },
    };
    const file = await openSafetensors(await folder.write('a.safetensors', packSafetensors(header, bytes)));
    const read = async (name: string): Promise<{ lengths: number[]; all: Buffer }> => {
      const pieces: Buffer[] = [];
      for await (const piece of file.readPieces(name)) {
        await delay(50); // the other reading goes on meanwhile, and the next piece of this one is read
        pieces.push(Buffer.from(piece));
      }
      return { lengths: pieces.map(({ length }) => length), all: Buffer.concat(pieces) };
    };
    const first = await Promise.all([read('large'), read('large')]);
    const again = await Promise.all([read('large'), read('large')]); // in the buffers of the first
    for (const { lengths, all } of [...first, ...again]) {
      expect(lengths).toEqual([PIECE_BYTES, PIECE_BYTES, 12]);
      expect(all.equals(bytes)).toBe(true);
    }
    expect((await read('none')).lengths).toEqual([]);
    await file.close();
  });

  it('of a tensor that is not there names it', async () => {
    const file = await openSafetensors(await folder.write('a.safetensors', packSafetensors({})));
    for (const reading of [file.readFloat32('nothing'), file.readBytes('nothing')]) {
      await expect(reading).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('nothing') as string });
    }
    await file.close();
  });

  it('may meet an end that comes after opening', async () => {
    const path = await folder.write(
      'a.safetensors',
      packSafetensors({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, floats(1, 2)),
    );
    const file = await openSafetensors(path);
    const { length } = await readFile(path);
    await truncate(path, length - 3);
    await expect(file.readFloat32('a')).rejects.toMatchObject({ code: 'CORRUPT', found: `the file ends at byte ${length - 3}` });
    await file.close();
  });
});

describe('a file is refused when', () => {
  const entry = (dtype: unknown, shape: unknown, offsets: unknown): object => ({ a: { dtype, shape, data_offsets: offsets } });
  const withLength = (length: bigint, rest: Uint8Array = Buffer.from('{}')): Buffer => {
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(length);
    return Buffer.concat([start, rest]);
  };

  const ONE = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';

  it.each([
    ['it is empty', Buffer.alloc(0), '0 bytes'],
    ['it ends inside the length', Buffer.alloc(5), '5 bytes'],
    ['its header is longer than the file', withLength(3n), 'a header of 3 bytes in a file of 10'],
    ['its header is longer than any', withLength(0xffff_ffff_ffff_ffffn), 'a header of 18446744073709551615 bytes in a file of 10'],
    ['its header is empty', withLength(0n, Buffer.alloc(0)), /^a header that cannot be read: Unexpected end/],
    ['its header is not JSON', packSafetensors('{"a":'), /^a header that cannot be read: Unexpected end/],
    ['its header is not UTF-8', packSafetensors({}).fill(0xff, 8), /^a header that cannot be read: .*utf-8/],
    ['its header is a list', packSafetensors([]), 'a header that is not a JSON object'],
    ['its header is null', packSafetensors('null'), 'a header that is not a JSON object'],
    ['a tensor is no object', packSafetensors({ a: null }), 'tensor a of type undefined'],
    ['a type is no name', packSafetensors(entry(7, [1], [0, 4]), floats(1)), 'tensor a of type 7'],
    ['a shape is missing', packSafetensors(entry('F32', undefined, [0, 4]), floats(1)), 'tensor a of shape undefined'],
    ['a shape is negative', packSafetensors(entry('F32', [-1], [0, 4]), floats(1)), 'tensor a of shape [-1]'],
    ['a shape is not whole', packSafetensors(entry('F32', [0.5, 2], [0, 4]), floats(1)), 'tensor a of shape [0.5,2]'],
    [
      'a shape has too many axes',
      packSafetensors(entry('F32', [1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 4]), floats(1)),
      'tensor a of shape [1,1,1,1,1,1,1,1,1]',
    ],
    ['offsets are missing', packSafetensors(entry('F32', [1], undefined), floats(1)), 'tensor a at undefined'],
    ['offsets are negative', packSafetensors(entry('F32', [1], [-4, 0]), floats(1)), 'tensor a at [-4,0]'],
    ['there are three offsets', packSafetensors(entry('F32', [1], [0, 4, 8]), floats(1)), 'tensor a at [0,4,8]'],
    ['offsets run backwards', packSafetensors(entry('F32', [1], [4, 0]), floats(1)), 'tensor a of shape [1] F32 in -4 bytes instead of 4'],
    [
      'the shape needs more bytes',
      packSafetensors(entry('F32', [2], [0, 4]), floats(1)),
      'tensor a of shape [2] F32 in 4 bytes instead of 8',
    ],
    [
      'the shape needs fewer bytes',
      packSafetensors(entry('F16', [1], [0, 4]), floats(1)),
      'tensor a of shape [1] F16 in 4 bytes instead of 2',
    ],
    [
      'the shape overflows',
      packSafetensors(entry('F32', [2 ** 52, 2 ** 52, 2 ** 52], [0, 4]), floats(1)),
      /^tensor a of shape \[.*\] F32 in 4 bytes/,
    ],
    [
      'the shape overflows to nothing',
      packSafetensors(entry('F32', [...Array.from({ length: 7 }, () => 2 ** 53 - 1), 0], [0, 4]), floats(1)),
      /^tensor a of shape /,
    ],
    [
      'there are bytes before the first tensor',
      packSafetensors(entry('F32', [1], [4, 8]), floats(1, 2)),
      /^tensor a begins at byte \d+; the one before ends at \d+$/,
    ],
    ['there are bytes after the last tensor', packSafetensors(entry('F32', [1], [0, 4]), floats(1, 2)), '4 bytes after the last tensor'],
    [
      'there is a hole',
      packSafetensors(
        { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] }, b: { dtype: 'F32', shape: [1], data_offsets: [8, 12] } },
        floats(1, 2, 3),
      ),
      /^tensor b begins at byte/,
    ],
    [
      'two tensors overlap',
      packSafetensors(
        { a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } },
        floats(1, 2, 3),
      ),
      /^tensor b begins at byte/,
    ],
    [
      'two tensors are the same bytes',
      packSafetensors(
        { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] }, b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } },
        floats(1),
      ),
      /^tensor b begins at byte/,
    ],
    [
      'two tensors have the same name',
      packSafetensors(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        floats(1, 2),
      ),
      '"a" is there twice',
    ],
    [
      'two tensors have the same name, one of them written otherwise',
      packSafetensors(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061" :{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        floats(1, 2),
      ),
      '"a" is there twice',
    ],
    [
      'a tensor has two types',
      packSafetensors('{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,2]}}', Buffer.alloc(2)),
      '"dtype" is there twice',
    ],
    [
      'it is nested without end',
      packSafetensors('{"a":'.repeat(1_000_000)),
      'a header that cannot be read: it is nested deeper than 8 levels',
    ],
    [
      'it has more tensors than any model',
      packSafetensors(`{${Array.from({ length: 2_100_000 }, (_, id) => `"${id}":0`).join()}}`),
      'a header that cannot be read: it has more than 2000000 values',
    ],
    [
      'a shape has more axes than there is room for',
      packSafetensors(
        entry(
          'F32',
          Array.from({ length: 100_000 }, () => 1),
          [0, 4],
        ),
        floats(1),
      ),
      /^tensor a of shape \[1(,1)+,?…$/,
    ],
    [
      'a shape is larger than a number can say',
      packSafetensors('{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}', floats(1)),
      'tensor a of shape [null]',
    ],
    ['an offset is not whole', packSafetensors(entry('F32', [1], [0.5, 4.5]), floats(1, 2)), 'tensor a at [0.5,4.5]'],
    [
      'it is a picture',
      Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(100)]),
      /^a header of \d+ bytes in a file of 108$/,
    ],
    [
      'it is a page that says so',
      Buffer.from('<!DOCTYPE html><html><body>404 Not Found</body></html>'),
      /^a header of \d+ bytes in a file of 54$/,
    ],
  ])('%s', async (_what, bytes, found) => {
    const path = await folder.write('a.safetensors', bytes);
    await expect(openSafetensors(path)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: typeof found === 'string' ? found : (expect.stringMatching(found) as string),
      hint: expect.stringMatching(/^Download or copy the file again/) as string,
    });
  });

  it.each([
    ['is not a complete safetensors file', 'it ends within its length', Buffer.alloc(5)],
    ['is not a complete safetensors file', 'it ends within its header', withLength(3n)],
    ['is not a complete safetensors file', 'it ends within a tensor', packSafetensors(entry('F32', [2], [0, 8]), floats(1))],
    ['has a header that cannot be read', 'it is not JSON', packSafetensors('{"a":')],
    ['has a header that cannot be read', 'it is a list', packSafetensors([])],
    ['describes a tensor that cannot be', 'a shape is negative', packSafetensors(entry('F32', [-1], [0, 4]), floats(1))],
    ['describes a tensor that cannot be', 'a type is no name', packSafetensors(entry(7, [1], [0, 4]), floats(1))],
    ['describes a tensor that cannot be', 'a place is half', packSafetensors(entry('F32', [1], [0]), floats(1))],
    ['gives a tensor another number of bytes than its shape needs', '', packSafetensors(entry('F32', [2], [0, 4]), floats(1))],
    ['names something twice in its header', 'a tensor', packSafetensors(`{"a":${ONE},"a":${ONE}}`, floats(1))],
    ['has tensors that overlap', '', packSafetensors(`{"a":${ONE},"b":${ONE}}`, floats(1))],
    ['has bytes that belong to no tensor', 'behind the last', packSafetensors(entry('F32', [1], [0, 4]), floats(1, 2))],
    ['has bytes that belong to no tensor', 'before the first', packSafetensors(entry('F32', [1], [4, 8]), floats(1, 2))],
  ])('the heading says what is wrong: %s (%s)', async (heading, _what, bytes) => {
    const path = await folder.write('a.safetensors', bytes);
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: 'CORRUPT', message: `${path} ${heading}.` });
  });

  it('it was cut short, with what is missing', async () => {
    const whole = packSafetensors(entry('F32', [100], [0, 400]), Buffer.alloc(400));
    const path = await folder.write('a.safetensors', whole.subarray(0, -1));
    await expect(openSafetensors(path)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: `tensor a ends at byte ${whole.length} of a file of ${whole.length - 1}: the file is truncated`,
    });
  });

  it.each(['F8_E4M3', 'F4', 'toString', ''])('it has elements of a type that is not known: %j', async (dtype) => {
    const path = await folder.write('a.safetensors', packSafetensors(entry(dtype, [4], [0, 4]), floats(1)));
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: 'UNSUPPORTED', found: dtype, allowed: 'F32, F16, BF16' });
  });

  it('it declares enormous sizes, before anything of that size is held', async () => {
    const enormous = 2 ** 50;
    const before = process.memoryUsage().arrayBuffers;
    const tensor = await folder.write('a.safetensors', packSafetensors(entry('F32', [enormous / 4], [0, enormous]), floats(1)));
    await expect(openSafetensors(tensor)).rejects.toMatchObject({ code: 'CORRUPT' });
    // A header within the file, but longer than any real one: a gigabyte of zeros that takes no room on the disk.
    const sparse = join(folder.path, 'sparse.safetensors');
    await writeFile(sparse, withLength(900_000_000n));
    const handle = await open(sparse, 'r+');
    await handle.truncate(1_000_000_000);
    await handle.close();
    await expect(openSafetensors(sparse)).rejects.toMatchObject({
      code: 'CORRUPT',
      found: 'a header of 900000000 bytes in a file of 1000000000',
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it.runIf(process.platform === 'linux')('and is closed then', async () => {
    const path = await folder.write('a.safetensors', Buffer.alloc(50));
    const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
    const before = await openFiles();
    for (let round = 0; round < 10; round++) await expect(openSafetensors(path)).rejects.toThrow();
    expect(await openFiles()).toBeLessThanOrEqual(before);
  });
});

describe('writing', () => {
  const entries: SafetensorsEntry[] = [
    { name: 'single', shape: [2, 2], dtype: 'F32', data: () => Float32Array.of(1, -0, Infinity, 1e-45) },
    { name: 'half ü', shape: [3], dtype: 'F16', data: () => Float32Array.of(1, 65504, -2) },
    { name: 'brain', shape: [1], dtype: 'BF16', data: async () => Promise.resolve(Float32Array.of(-1)) },
    { name: 'as stored', shape: [2], dtype: 'F16', data: () => Uint8Array.of(0x01, 0x7e, 0x00, 0x80) },
    { name: 'scalar', shape: [], dtype: 'F32', data: () => Float32Array.of(3) },
    { name: 'empty', shape: [0], dtype: 'F32', data: () => new Float32Array() },
  ];

  it('gives a file that other code reads: every tensor in order, its bytes as the format says', async () => {
    const path = join(folder.path, 'a.safetensors');
    await writeSafetensors(path, entries, { format: 'pt' });
    const file = await readFile(path);
    const { tensors, metadata, dataStart } = unpackTensors(file);
    expect(metadata).toEqual({ format: 'pt' });
    expect(dataStart % 8, 'data starts aligned').toBe(0);
    expect([...tensors].map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, bytes.toString('hex')])).toEqual([
      ['single', 'F32', [2, 2], '0000803f' + '00000080' + '0000807f' + '01000000'],
      ['half ü', 'F16', [3], '003c' + 'ff7b' + '00c0'],
      ['brain', 'BF16', [1], '80bf'],
      ['as stored', 'F16', [2], '017e0080'],
      ['scalar', 'F32', [], '00004040'],
      ['empty', 'F32', [0], ''],
    ]);
    expect(file).toHaveLength(dataStart + 16 + 6 + 2 + 4 + 4);
  });

  it('gives a file that it reads itself', async () => {
    const path = join(folder.path, 'a.safetensors');
    await writeSafetensors(path, entries, { format: 'pt' });
    const file = await openSafetensors(path);
    expect([...(await file.readFloat32('single'))]).toEqual([1, -0, Infinity, Math.fround(1e-45)]);
    expect([...(await file.readFloat32('half ü'))]).toEqual([1, 65504, -2]);
    expect([...(await file.readBytes('as stored'))]).toEqual([0x01, 0x7e, 0x00, 0x80]);
    await file.close();
  });

  it('starts the data aligned whatever the length of the names', async () => {
    for (let length = 1; length <= 9; length++) {
      const path = join(folder.path, `${length}.safetensors`);
      await writeSafetensors(path, [{ name: 'ü'.repeat(length), shape: [1], dtype: 'F32', data: () => Float32Array.of(1) }]);
      const { dataStart, metadata } = unpackTensors(await readFile(path));
      expect([dataStart % 8, metadata]).toEqual([0, undefined]);
    }
  });

  it('takes the part of a larger array that a view shows', async () => {
    const path = join(folder.path, 'a.safetensors');
    const large = Float32Array.of(0, 1, 2, 3);
    await writeSafetensors(path, [
      { name: 'single', shape: [2], dtype: 'F32', data: () => large.subarray(1, 3) },
      { name: 'brain', shape: [2], dtype: 'BF16', data: () => large.subarray(1, 3) },
    ]);
    const file = await openSafetensors(path);
    expect([...(await file.readFloat32('single')), ...(await file.readFloat32('brain'))]).toEqual([1, 2, 1, 2]);
    await file.close();
  });

  it.each<[string, SafetensorsEntry[], string]>([
    [
      'a tensor cannot be had',
      [entries[0]!, { ...entries[1]!, data: () => Promise.reject(new Error('the source is gone')) }],
      'the source is gone',
    ],
    ['a tensor has too few values', [entries[0]!, { ...entries[1]!, shape: [4] }], 'Tensor half ü has 6 bytes; its shape [4] needs 8.'],
    [
      'a tensor has too many bytes',
      [entries[0]!, { ...entries[1]!, data: () => zeroPieces(3 * PIECE_BYTES) }],
      `Tensor half ü has ${3 * PIECE_BYTES} bytes; its shape [3] needs 6.`,
    ],
    ['two tensors have one name', [entries[0]!, entries[0]!], 'Tensor single would be written twice.'],
    ['floats are to become integers', [{ ...entries[0]!, dtype: 'I32' }], 'Floats cannot be written as I32.'],
  ])('leaves what was there when %s', async (_what, wrong, message) => {
    const path = await folder.write('a.safetensors', 'what was there');
    await expect(writeSafetensors(path, wrong)).rejects.toThrow(message);
    expect(await readFile(path, 'utf8')).toBe('what was there');
    expect(await folder.list()).toEqual(['a.safetensors']);
  });

  it('takes a tensor in pieces that share one buffer', async () => {
    const path = join(folder.path, 'a.safetensors');
    const shared = new Uint8Array(4);
    async function* pieces(): AsyncIterable<Uint8Array> {
      for (const value of [1, 2, 3]) yield Promise.resolve(shared.fill(value));
    }
    await writeSafetensors(path, [
      { name: 'pieces', shape: [3], dtype: 'F32', data: pieces },
      { name: 'zeros', shape: [PIECE_BYTES], dtype: 'BF16', data: () => zeroPieces(2 * PIECE_BYTES) },
    ]);
    const { tensors } = unpackTensors(await readFile(path));
    expect(tensors.get('pieces')!.bytes.toString('hex')).toBe('010101010202020203030303');
    expect(tensors.get('zeros')!.bytes.equals(Buffer.alloc(2 * PIECE_BYTES))).toBe(true);
  });

  it('takes a tensor of any name', async () => {
    const path = join(folder.path, 'a.safetensors');
    const names = ['__proto__', 'toString', 'constructor', ''];
    await writeSafetensors(
      path,
      names.map((name, index) => ({ name, shape: [1], dtype: 'F32', data: () => Float32Array.of(index) })),
    );
    const file = await openSafetensors(path);
    for (const [index, name] of names.entries()) expect([...(await file.readFloat32(name))], name).toEqual([index]);
    await file.close();
  });

  it('asks for one tensor after the other, when its turn comes', async () => {
    const events: string[] = [];
    const lazily = entries.map((entry) => ({
      ...entry,
      data: async () => {
        events.push(`${entry.name} asked`);
        const values = await entry.data();
        events.push(`${entry.name} given`);
        return values;
      },
    }));
    await writeSafetensors(join(folder.path, 'a.safetensors'), lazily);
    expect(events).toEqual(entries.flatMap(({ name }) => [`${name} asked`, `${name} given`]));
  });
});
