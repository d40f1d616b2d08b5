import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GGUF_TYPES } from '../../../main/models/gguf/gguf-types.ts';
import { type GgufFile, isGguf, openGguf } from '../../../main/models/gguf/read-gguf.ts';
import {
  float32,
  flag,
  ggufBytes,
  raw,
  rawArray,
  type RawGguf,
  real,
  text,
  tinyGguf,
  uint32,
  uint64,
  whole,
  words,
  wordList,
} from '../../support/gguf-bytes.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const FIXTURE = join(import.meta.dirname, '../../fixtures/gguf/tiny.gguf');

async function opened<Result>(bytes: Buffer, use: (file: GgufFile) => Result | Promise<Result>, name = 'model.gguf'): Promise<Result> {
  const file = await openGguf(await folder.write(name, bytes));
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
const refused = (bytes: Buffer): Promise<unknown> => opened(bytes, () => null);
const CORRUPT = (found: string | RegExp, allowed?: string): object => ({
  code: 'CORRUPT',
  message: expect.stringMatching(/model\.gguf (is not a complete GGUF file|does not follow the GGUF format)\.$/) as string,
  found: typeof found === 'string' ? found : (expect.stringMatching(found) as string),
  ...(allowed !== undefined && { allowed }),
});

describe('a file that the Python package wrote', () => {
  it('is read as it was written', async () => {
    const file = await openGguf(FIXTURE);
    expect(file.version).toBe(3);
    expect(Object.fromEntries([...file.metadata].filter(([, value]) => typeof value !== 'object'))).toMatchObject({
      'general.architecture': 'llama',
      'general.name': 'Small random LLaMA',
      'llama.block_count': 2,
      'llama.attention.layer_norm_rms_epsilon': Math.fround(1e-5),
      'tokenizer.ggml.add_bos_token': true,
    });
    expect((file.metadata.get('tokenizer.ggml.tokens') as string[]).slice(256, 261)).toEqual(['<s>', '</s>', 'th', 'the', 'Ġthe']);
    expect(file.metadata.get('tokenizer.ggml.token_type')).toEqual(Int32Array.of(...Array<number>(256).fill(1), 3, 3, 1, 1, 1, 4, 5, 5));
    expect(file.tensors.get('token_embd.weight')).toMatchObject({ type: 'F16', shape: [264, 16] });
    expect(file.tensors.get('blk.1.ffn_down.weight')).toMatchObject({ type: 'F16', shape: [16, 32] });
    expect(file.tensors.get('output_norm.weight')).toMatchObject({ type: 'F32', shape: [16] });
    expect(file.tensors.size).toBe(20); // two blocks of nine, the table and the last norm
    await file.close();
  });

  it('is refused wherever it is cut, without a crash', async () => {
    const whole = await readFile(FIXTURE);
    for (let length = 0; length < whole.length; length += length < 600 ? 7 : 331) {
      await expect(refused(whole.subarray(0, length)), `cut at ${length}`).rejects.toMatchObject({ code: 'CORRUPT' });
    }
  });
});

describe('tensors', () => {
  it('are read whole, by rows and as floats', async () => {
    const values = Float32Array.from({ length: 12 }, (_, index) => index / 3);
    const tensors = [
      { name: 'first', shape: [5], bytes: Buffer.from(Float32Array.of(1, 2, 3, 4, 5).buffer) },
      { name: 'second', shape: [3, 4], bytes: Buffer.from(values.buffer) },
    ];
    await opened(ggufBytes({ metadata: new Map(), tensors }), async (file) => {
      expect(await file.readFloat32('first')).toEqual(Float32Array.of(1, 2, 3, 4, 5));
      expect(await file.readFloat32('second')).toEqual(values);
      expect(Buffer.from(await file.readRows('second', 1, 2)).equals(Buffer.from(values.buffer, 16))).toBe(true);
      expect(file.tensors.get('second')!.end - file.tensors.get('second')!.begin).toBe(48);
      await expect(file.readBytes('third')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  it('of quantised types have rows of whole blocks', async () => {
    const bytes = Buffer.alloc(2 * 34);
    bytes.writeUInt16LE(0x3c00, 34); // a scale of one
    bytes.writeInt8(-7, 36);
    await opened(ggufBytes({ metadata: new Map(), tensors: [{ name: 'q', type: 'Q8_0', shape: [2, 32], bytes }] }), async (file) => {
      expect((await file.readFloat32('q'))[32]).toBe(-7);
      expect(await file.readRows('q', 1, 1)).toEqual(new Uint8Array(bytes.subarray(34)));
    });
    await expect(
      refused(ggufBytes({ metadata: new Map(), tensors: [{ name: 'q', type: 'Q8_0', shape: [32, 2], bytes }] })),
    ).rejects.toMatchObject(CORRUPT('tensor q with rows of 2 values in Q8_0', 'multiples of 32'));
  });

  it('lie at the alignment that the file names', async () => {
    const file = { ...tinyGguf(), alignment: 64 };
    file.metadata.set('general.alignment', whole(64));
    await opened(ggufBytes(file), async ({ tensors, readFloat32 }) => {
      expect([...tensors.values()].every(({ begin }) => begin % 64 === 0)).toBe(true);
      expect((await readFloat32('output_norm.weight'))[0]).toBe(1900);
    });
  });
});

describe('metadata', () => {
  it('has values of every type', async () => {
    const metadata = new Map([
      ['uint8', raw('uint8', Buffer.from([200]))],
      ['int8', raw('int8', Buffer.from([200]))],
      ['uint16', raw('uint16', Buffer.from([0xff, 0xff]))],
      ['int16', raw('int16', Buffer.from([0xff, 0xff]))],
      ['uint32', whole(0xffffffff)],
      ['int32', raw('int32', uint32(0xffffffff))],
      ['float32', real(0.1)],
      ['bool', flag(true)],
      ['string', words('\ufeffgrüße\0')],
      ['uint64', raw('uint64', uint64(2 ** 40))],
      ['int64', raw('int64', uint64(2n ** 64n - 5n))],
      ['huge', raw('uint64', uint64(2n ** 64n - 1n))],
      ['float64', raw('float64', Buffer.from(Float64Array.of(0.1).buffer))],
      ['strings', wordList(['', 'a', '▁'])],
      ['floats', rawArray('float32', 2, Buffer.concat([float32(1), float32(-2)]))],
      ['longs', rawArray('uint64', 1, uint64(3))],
      ['bools', rawArray('bool', 2, Buffer.from([1, 0]))],
      ['empty', rawArray('int8', 0, Buffer.alloc(0))],
      [
        'nested',
        rawArray('array', 2, Buffer.concat([wordList(['x']), rawArray('uint8', 2, Buffer.from([1, 2]))].map((value) => value.subarray(4)))),
      ],
    ]);
    await opened(ggufBytes({ version: 2, metadata, tensors: [] }), (file) => {
      expect(file.version).toBe(2);
      expect(Object.fromEntries(file.metadata)).toEqual({
        uint8: 200,
        int8: -56,
        uint16: 65535,
        int16: -1,
        uint32: 0xffffffff,
        int32: -1,
        float32: Math.fround(0.1),
        bool: true,
        string: '\ufeffgrüße\0',
        uint64: 2 ** 40,
        int64: -5,
        huge: 2n ** 64n - 1n,
        float64: 0.1,
        strings: ['', 'a', '▁'],
        floats: Float32Array.of(1, -2),
        longs: BigUint64Array.of(3n),
        bools: [true, false],
        empty: new Int8Array(0),
        nested: [['x'], Uint8Array.of(1, 2)],
      });
    });
  });

  it('may be longer than what is read at a time', async () => {
    const tokens = Array.from({ length: 200_000 }, (_, index) => `token ${index}`);
    await opened(ggufBytes({ metadata: new Map([['tokens', wordList(tokens)]]), tensors: [] }), ({ metadata }) => {
      expect(metadata.get('tokens')).toEqual(tokens);
    });
  });

  const deep = (levels: number): Buffer =>
    levels === 0 ? rawArray('uint8', 0, Buffer.alloc(0)) : rawArray('array', 1, deep(levels - 1).subarray(4));
  it.each<[string, Buffer, string | RegExp]>([
    [
      'an array longer than the file',
      rawArray('uint8', 2 ** 40, Buffer.alloc(8)),
      /^1099511627776 values of key in the \d+ bytes that are left$/,
    ],
    [
      'more strings than the file can hold',
      rawArray('string', 2n ** 64n - 1n, Buffer.alloc(8)),
      /^18446744073709551615 values of key in the/,
    ],
    ['a string longer than the file', raw('string', uint64(2n ** 63n)), /^key of 9223372036854775808 bytes at byte \d+$/],
    ['a string that is not UTF-8', raw('string', text(Buffer.from([0xff, 0xfe]))), /^key before byte \d+ is not UTF-8$/],
    ['an unknown type', uint32(13), 'key of value type 13'],
    ['an array of an unknown type', raw('array', Buffer.concat([uint32(99), uint64(0)])), 'key of value type 99'],
    ['a truth value that is neither', raw('bool', Buffer.from([2])), 'key is a truth value of 2'],
    ['arrays within arrays without end', deep(6), 'key is an array within more than 4 others'],
    [
      'more values than any vocabulary',
      rawArray('uint8', 9_000_000, Buffer.alloc(9_000_000)),
      'more than 8000000 values in arrays, with key',
    ],
  ])('with %s is refused', async (_what, value, found) => {
    await expect(refused(ggufBytes({ metadata: new Map([['key', value]]), tensors: [] }))).rejects.toMatchObject(CORRUPT(found));
  });

  it('whose names stand there twice is refused', async () => {
    const once = ggufBytes({
      metadata: new Map([
        ['key', whole(1)],
        ['kez', whole(2)],
      ]),
      tensors: [],
    });
    const twice = Buffer.from(once.toString('latin1').replace('kez', 'key'), 'latin1');
    await expect(refused(twice)).rejects.toMatchObject(CORRUPT('metadata value "key" stands there twice'));
  });
});

describe('the head of a file', () => {
  it.each<[string, Partial<RawGguf>, string | RegExp, string | undefined]>([
    ['with another magic', { magic: 0x12345678 }, '0x12345678 in its first four bytes', 'the letters GGUF'],
    [
      'with more values than fit',
      { valueCount: 2n ** 62n },
      /^4611686018427387904 metadata values in the \d+ bytes that are left$/,
      undefined,
    ],
    ['with more tensors than fit', { tensorCount: 2n ** 63n }, /^9223372036854775808 tensors in the \d+ bytes that are left$/, undefined],
    ['with one value too many', { valueCount: 14 }, /./, undefined],
    ['with one tensor too many', { tensorCount: 21 }, /./, undefined],
  ])('%s is refused', async (_what, change, found, allowed) => {
    await expect(refused(ggufBytes({ ...tinyGguf(), ...change }))).rejects.toMatchObject(CORRUPT(found, allowed));
  });

  it('is refused under a heading that says whether the file ends too early or cannot be right', async () => {
    const heading = async (bytes: Buffer): Promise<string> =>
      String(((await refused(bytes).catch((error: unknown) => error)) as Error).message);
    const whole = ggufBytes(tinyGguf());
    for (const bytes of [whole.subarray(0, 6), whole.subarray(0, 400), whole.subarray(0, -1)]) {
      expect(await heading(bytes)).toMatch(/model\.gguf is not a complete GGUF file\.$/);
    }
    expect(await heading(ggufBytes({ ...tinyGguf(), magic: 0x12345678 }))).toMatch(/model\.gguf does not follow the GGUF format\.$/);
  });

  it.each([
    [1, 'version 1'],
    [4, 'version 4'],
    [0, 'version 0'],
    [0x03000000, 'numbers with the highest byte first (big-endian)'],
  ])('of version %i is refused by name', async (version, found) => {
    await expect(refused(ggufBytes({ ...tinyGguf(), version }))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      found,
      allowed: 'versions 2 and 3, little-endian',
    });
  });

  it.each([0, 3, 2 ** 20])('with an alignment of %i is refused', async (alignment) => {
    const file = tinyGguf();
    file.metadata.set('general.alignment', whole(alignment));
    await expect(refused(ggufBytes(file))).rejects.toMatchObject(CORRUPT(`general.alignment ${alignment}`, 'a power of two up to 65536'));
  });
});

describe('descriptions of tensors', () => {
  const bytes = Buffer.alloc(64);
  const one = { name: 't', shape: [16], bytes };
  it.each<[string, RawGguf['tensors'], string | RegExp, string | undefined]>([
    ['that stand there twice', [one, one], 'tensor "t" stands there twice', undefined],
    ['with too long a name', [{ ...one, name: 'x'.repeat(65) }], /^the name of tensor 0 of 65 bytes at byte \d+$/, undefined],
    ['without axes', [{ ...one, axes: 0 }], 'tensor t with 0 axes', '1 to 4'],
    ['with five axes', [{ ...one, axes: 5 }], 'tensor t with 5 axes', '1 to 4'],
    ['with billions of axes', [{ ...one, axes: 0xffffffff }], 'tensor t with 4294967295 axes', '1 to 4'],
    ['with an empty axis', [{ ...one, shape: [0, 16] }], 'tensor t of shape [0, 16] at 0', undefined],
    ['whose shape overflows', [{ ...one, shape: [2n ** 33n, 2n ** 33n] }], 'tensor t of shape [8589934592, 8589934592] at 0', undefined],
    ['whose shape is negative', [{ ...one, shape: [2n ** 64n - 1n] }], 'tensor t of shape [18446744073709551615] at 0', undefined],
    [
      'beyond the end of the file',
      [{ ...one, shape: [32] }],
      /^tensor t ends at byte \d+ of a file of \d+: the file is truncated$/,
      undefined,
    ],
    ['far beyond the end', [{ ...one, shape: [2 ** 40] }], /the file is truncated$/, undefined],
    ['at a place that overflows', [{ ...one, offset: 2n ** 63n }], 'tensor t of shape [16] at 9223372036854775808', undefined],
    ['at a place that is not aligned', [{ ...one, offset: 4 }], 'tensor t at 4', 'multiples of 32'],
    ['over each other', [one, { ...one, name: 'u', offset: 32 }], /^tensor u begins at byte \d+; tensor t ends at \d+$/, undefined],
    ['at the same place', [one, { ...one, name: 'u', offset: 0 }], /^tensor u begins at byte \d+; tensor t ends at \d+$/, undefined],
  ])('%s are refused', async (_what, tensors, found, allowed) => {
    await expect(refused(ggufBytes({ metadata: new Map(), tensors }))).rejects.toMatchObject(CORRUPT(found, allowed));
  });

  it.each([
    [16, 'IQ2_XXS'],
    [29, 'IQ1_M'],
    [34, 'TQ1_0'],
    [39, 'MXFP4'],
    [28, 'F64'],
    [12345, 'type 12345'],
  ])('of type %i are refused by name', async (typeId, found) => {
    await expect(refused(ggufBytes({ metadata: new Map(), tensors: [{ ...one, typeId }] }))).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'Tensor t is stored in a format Strata does not read.',
      found,
      allowed: Object.keys(GGUF_TYPES).join(', '),
    });
  });
});

describe('a model in several files', () => {
  /** The tiny model cut into three, the second with the tensors of the first block. */
  const part = (no: number, change: { no?: number; count?: number; total?: number } = {}): Buffer => {
    const { metadata, tensors } = tinyGguf();
    const of = tensors.filter(({ name }) => (name.startsWith('blk.0.') ? 1 : name.startsWith('blk.1.') ? 2 : 0) === no);
    const split = new Map([
      ['split.no', raw('uint16', uint32(change.no ?? no).subarray(0, 2))],
      ['split.count', raw('uint16', uint32(change.count ?? 3).subarray(0, 2))],
      ['split.tensors.count', raw('int32', uint32(change.total ?? tensors.length))],
    ]);
    return ggufBytes({ metadata: no === 0 ? new Map([...metadata, ...split]) : split, tensors: of });
  };
  const NAMES = [1, 2, 3].map((number) => `model-0000${number}-of-00003.gguf`);
  const write = async (parts: readonly Buffer[], names = NAMES): Promise<string> => {
    for (const [index, bytes] of parts.entries()) await folder.write(names[index]!, bytes);
    return join(folder.path, names[0]!);
  };
  const parts = [part(0), part(1), part(2)];

  it('appears as one', async () => {
    const whole = await opened(ggufBytes(tinyGguf()), async (file) => {
      const values = new Map<string, Float32Array>();
      for (const name of file.tensors.keys()) values.set(name, await file.readFloat32(name));
      return values;
    });
    const file = await openGguf(await write(parts));
    expect([...file.tensors.keys()].sort()).toEqual([...whole.keys()].sort());
    for (const [name, values] of whole) expect(await file.readFloat32(name), name).toEqual(values);
    expect(file.metadata.get('general.architecture')).toBe('llama');
    await file.close();
  });

  it('is opened by its first file only, which is named', async () => {
    await write(parts);
    await expect(openGguf(join(folder.path, NAMES[1]!))).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: 'This is not the first file of the model.',
      found: NAMES[1],
      allowed: NAMES[0],
    });
  });

  it('needs all of its files', async () => {
    await expect(openGguf(await write(parts.slice(0, 1)))).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'Part of the model is missing.',
      found: `no ${NAMES[1]}, no ${NAMES[2]}`,
      allowed: 'all 3 files that the name says',
    });
  });

  it('needs names that say where the others are', async () => {
    await expect(openGguf(await write(parts, ['first.gguf', 'b.gguf', 'c.gguf']))).rejects.toMatchObject({
      code: 'BAD_INPUT',
      found: 'first.gguf',
      allowed: 'names as they were when the model was split: NAME-00001-of-00003.gguf',
    });
  });

  it.each<[string, Buffer[], string]>([
    ['whose numbers contradict their names', [part(0), part(1, { no: 2 }), part(2)], 'split.no 2, split.count 3'],
    ['of another model', [part(0), part(1, { count: 4 }), part(2)], 'split.no 1, split.count 4'],
    ['with a tensor in two of them', [part(0), part(1), part(1, { no: 2 })], `tensor blk.0.attn_norm.weight stands in ${NAMES[1]} too`],
    ['with tensors missing', [part(0, { total: 99 }), part(1), part(2)], '20 tensors in 3 files'],
  ])('%s is refused', async (_what, wrong, found) => {
    await expect(openGguf(await write(wrong))).rejects.toMatchObject({ code: 'CORRUPT', found });
  });

  it.each([1_001, 65_535])('of %i files is refused', async (count) => {
    await expect(openGguf(await write([part(0, { count })]))).rejects.toMatchObject({
      code: 'CORRUPT',
      found: `split.count ${count}`,
      allowed: 'up to 1000 files',
    });
  });
});

it('a file is GGUF by its first four bytes, whatever its name', async () => {
  expect(await isGguf(FIXTURE)).toBe(true);
  expect(await isGguf(await folder.write('a.bin', 'GGUF'))).toBe(true);
  expect(await isGguf(await folder.write('b.gguf', 'GGU'))).toBe(false);
  expect(await isGguf(await folder.write('c.gguf', 'GGML and more'))).toBe(false);
  expect(await isGguf(folder.path)).toBe(false);
});
