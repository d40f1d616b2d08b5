import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  buildTokenShards,
  type DocumentEncoder,
  openTokenShard,
  trainingWindows,
  writeTokenShard,
} from '../../main/datasets/token-shard.ts';
import type { EncodedDocument } from '../../main/datasets/token-shard-writer.ts';
import { describeLeftOut } from '../../main/datasets/left-out.ts';
import { type Content, plainTextOf } from '../../shared/domain/content.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

/** Ids are code points, with the vocabulary's largest id at the end of each document; counts what it encoded. */
function codePointEncoder(vocabularySize: number): DocumentEncoder & { calls: number } {
  return {
    vocabularySize,
    hash: createHash('sha256').update(String(vocabularySize)).digest('hex'),
    calls: 0,
    encode(content) {
      this.calls++;
      return { ids: [...plainTextOf(content)].map((character) => character.codePointAt(0)!).concat(vocabularySize - 1) };
    },
  };
}

/** A dataset folder as an import writes it, in the test's folder. */
async function writeDataset(documents: readonly { text: string; heldOut: boolean }[]): Promise<string> {
  await folder.write('dataset/documents.jsonl', documents.map((document) => JSON.stringify(document) + '\n').join(''));
  return join(folder.path, 'dataset');
}

const documents = [
  { text: 'first', heldOut: false },
  { text: 'held out', heldOut: true },
  { text: 'zweiter ü', heldOut: false },
  { text: 'also held', heldOut: true },
];

async function allTokens(path: string): Promise<number[]> {
  const shard = await openTokenShard(path);
  const tokens = [...shard.read(0, shard.length)];
  await shard.close();
  return tokens;
}

describe.each([
  { vocabularySize: 300, bytes: 2 },
  { vocabularySize: 65_536, bytes: 2 },
  { vocabularySize: 65_537, bytes: 4 },
  { vocabularySize: 1_000_000, bytes: 4 },
])('shards of a vocabulary of $vocabularySize', ({ vocabularySize, bytes }) => {
  it('hold each part in the order of its documents, with the largest id intact', async () => {
    const encoder = codePointEncoder(vocabularySize);
    const built = await buildTokenShards(await writeDataset(documents), encoder);
    const end = vocabularySize - 1;
    const codes = (text: string): number[] => [...text].map((character) => character.codePointAt(0)!);
    const train = [...codes('first'), end, ...codes('zweiter ü'), end];
    const heldOut = [...codes('held out'), end, ...codes('also held'), end];
    expect(await allTokens(built.trainPath)).toEqual(train);
    expect(await allTokens(built.heldOutPath)).toEqual(heldOut);
    expect([built.trainTokens, built.heldOutTokens]).toEqual([train.length, heldOut.length]);
  });

  it('have the bytes that the format says', async () => {
    const { trainPath } = await buildTokenShards(await writeDataset(documents), codePointEncoder(vocabularySize));
    const file = await readFile(trainPath);
    const data = file.subarray(64);
    expect(file.toString('latin1', 0, 8)).toBe('STRATOK2');
    expect([file.readUInt32LE(8), file.readUInt32LE(12), file.readBigUInt64LE(16)]).toEqual([bytes, 0, 16n]);
    expect(file.toString('hex', 24, 56)).toBe(createHash('sha256').update(data).digest('hex'));
    expect(file.readBigUInt64LE(56)).toBe(2n);
    expect(data).toHaveLength(16 * bytes + 2 * 8);
    expect([data.readBigUInt64LE(16 * bytes), data.readBigUInt64LE(16 * bytes + 8)]).toEqual([0n, 6n]);
    const ids = Array.from({ length: 16 }, (_, index) => data.readUIntLE(index * bytes, bytes));
    expect(ids.slice(0, 6)).toEqual([...'first'].map((character) => character.charCodeAt(0)).concat(vocabularySize - 1));
  });
});

describe('a shard', () => {
  it('gives any range of its tokens, cut at its end', async () => {
    const { trainPath } = await buildTokenShards(await writeDataset([{ text: 'abcdef', heldOut: false }]), codePointEncoder(256));
    const shard = await openTokenShard(trainPath);
    expect(shard.length).toBe(7);
    expect([...shard.read(2, 3)]).toEqual([99, 100, 101]);
    expect([...shard.read(5, 100)]).toEqual([102, 255]);
    expect([...shard.read(7, 1)]).toEqual([]);
    expect([...shard.read(100, 1)]).toEqual([]);
    expect([...shard.read(0, 0)]).toEqual([]);
    await shard.close();
  });

  it('gives arrays of its own: changing one changes nothing', async () => {
    const { trainPath } = await buildTokenShards(await writeDataset([{ text: 'abc', heldOut: false }]), codePointEncoder(256));
    const shard = await openTokenShard(trainPath);
    shard.read(0, 3).fill(0);
    expect([...shard.read(0, 3)]).toEqual([97, 98, 99]);
    await shard.close();
  });

  it('is written right across the border of the pieces in which it is written', async () => {
    const text = Array.from({ length: 700_000 }, (_, index) => String.fromCharCode(33 + (index % 90))).join('');
    const dataset = await writeDataset([1, 2, 3].map((part) => ({ text: part + text, heldOut: false })));
    const { trainPath, trainTokens, heldOutTokens } = await buildTokenShards(dataset, codePointEncoder(256));
    expect([trainTokens, heldOutTokens]).toEqual([3 * 700_002, 0]);
    const shard = await openTokenShard(trainPath);
    for (const part of [0, 1, 2]) {
      const decoded = Buffer.from(shard.read(part * 700_002, 700_002)).toString('latin1');
      expect(decoded === `${part + 1}${text}\u00ff`, `document ${part}`).toBe(true);
    }
    await shard.close();
  });

  it('is made once for each encoder', async () => {
    const dataset = await writeDataset(documents);
    const [first, second] = [codePointEncoder(300), codePointEncoder(400)];
    const built = await buildTokenShards(dataset, first);
    expect(first.calls).toBe(4);
    expect(await buildTokenShards(dataset, first)).toEqual(built);
    expect(first.calls).toBe(4);
    const other = await buildTokenShards(dataset, second);
    expect(second.calls).toBe(4);
    expect(other.trainPath).not.toBe(built.trainPath);
  });

  it('is whole when two ask for it at once', async () => {
    const dataset = await writeDataset(Array.from({ length: 500 }, (_, index) => ({ text: `text ${index}`, heldOut: index % 5 === 0 })));
    const encoder = codePointEncoder(256);
    const [one, two] = await Promise.all([buildTokenShards(dataset, encoder), buildTokenShards(dataset, encoder)]);
    expect(one).toEqual(two);
    expect(await allTokens(one.trainPath)).toHaveLength(one.trainTokens);
    expect((await readdir(join(one.trainPath, '..'))).sort()).toEqual(['heldout.tokens', 'train.tokens']);
  });

  it('is not there when making it failed, and can be made again', async () => {
    const dataset = await writeDataset(documents);
    const failing = { ...codePointEncoder(256), encode: (content: Content) => ({ ids: fail(plainTextOf(content)) }) };
    await expect(buildTokenShards(dataset, failing)).rejects.toThrow('encoder failed at held out');
    expect((await folder.list()).filter((name) => /tokens$|partial/.test(name) && !name.endsWith('/'))).toEqual([]);
    expect((await buildTokenShards(dataset, codePointEncoder(256))).trainTokens).toBe(16);
  });

  it('is not begun beside a damaged one: nothing half-made is left', async () => {
    const dataset = await writeDataset(documents);
    const { trainPath, heldOutPath } = await buildTokenShards(dataset, codePointEncoder(256));
    await rm(trainPath);
    await truncate(heldOutPath, 70);
    await expect(buildTokenShards(dataset, codePointEncoder(256))).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(await readdir(join(trainPath, '..'))).toEqual(['heldout.tokens']);
  });

  it('is not made from a damaged dataset', async () => {
    const dataset = await writeDataset(documents);
    await writeFile(join(dataset, 'documents.jsonl'), '{"text":"one","heldOut":false}\n{"text":"two","heldOut"');
    await expect(buildTokenShards(dataset, codePointEncoder(256))).rejects.toMatchObject({ code: 'CORRUPT' });
    expect((await folder.list()).filter((name) => /\.tokens/.test(name))).toEqual([]);
  });
});

describe('the documents of a shard', () => {
  it('are counted from the first token of any range', async () => {
    const path = await writeShard([{ ids: [5, 6, 7] }, { ids: [] }, { ids: [8] }, { ids: [9, 10] }]);
    const shard = await openTokenShard(path);
    expect([...shard.documents(0, 6)!]).toEqual([0, 0, 0, 2, 3, 3]);
    expect([...shard.documents(2, 3)!]).toEqual([0, 2, 3]);
    expect([...shard.documents(3, 10)!]).toEqual([0, 1, 1]);
    expect([...shard.documents(6, 2)!]).toEqual([]);
    await shard.close();
  });

  it('do not depend on which ids stand in it: a text may hold an end token, too', async () => {
    const dataset = await writeDataset([
      { text: 'a\u00ffb', heldOut: false },
      { text: 'c', heldOut: false },
    ]);
    const { trainPath } = await buildTokenShards(dataset, codePointEncoder(256));
    const shard = await openTokenShard(trainPath);
    expect([...shard.read(0, 6)]).toEqual([97, 255, 98, 255, 99, 255]);
    expect([...shard.documents(0, 6)!]).toEqual([0, 0, 0, 0, 1, 1]);
    await shard.close();
  });
});

describe('the mask of a shard', () => {
  it('says which tokens are learned; a document without one is learned as a whole', async () => {
    const path = await writeShard([
      { ids: [5, 6, 7], learned: Uint8Array.of(0, 0, 1) },
      { ids: [8, 9] },
      { ids: [10], learned: Uint8Array.of(0) },
    ]);
    const shard = await openTokenShard(path);
    expect([...shard.read(0, 6)]).toEqual([5, 6, 7, 8, 9, 10]);
    expect([...shard.learned(0, 6)!]).toEqual([0, 0, 1, 1, 1, 0]);
    expect([...shard.learned(1, 2)!]).toEqual([0, 1]);
    expect([...shard.learned(4, 9)!]).toEqual([1, 0]);
    expect([...shard.documents(0, 6)!]).toEqual([0, 0, 0, 1, 1, 2]);
    await shard.close();
  });

  it('is covered by the checksum', async () => {
    const path = await writeShard([{ ids: [5, 6], learned: Uint8Array.of(0, 1) }]);
    await patch(path, 64 + 2 * 2, 1);
    await expect(openTokenShard(path)).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  it('is not there when no document has one', async () => {
    const shard = await openTokenShard(await writeShard([{ ids: [5, 6] }]));
    expect(shard.learned(0, 2)).toBeNull();
    await shard.close();
  });

  it('of another length than its document is refused, and nothing is left', async () => {
    await expect(writeShard([{ ids: [5, 6], learned: Uint8Array.of(1) }])).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await folder.list()).toEqual([]);
  });
});

describe('a shard of version 1', () => {
  /** As Strata wrote them before: no mask, no documents. */
  async function writeVersion1(path: string, ids: readonly number[]): Promise<void> {
    const data = Buffer.from(Uint16Array.from(ids).buffer);
    const header = Buffer.alloc(64);
    header.write('STRATOK1', 0, 'latin1');
    header.writeUInt32LE(2, 8);
    header.writeBigUInt64LE(BigInt(ids.length), 16);
    createHash('sha256').update(data).digest().copy(header, 24);
    await writeFile(path, Buffer.concat([header, data]));
  }

  it('is read; it knows neither mask nor documents', async () => {
    const path = join(folder.path, 'old.tokens');
    await writeVersion1(path, [1, 2, 3]);
    const shard = await openTokenShard(path);
    expect([shard.length, [...shard.read(1, 2)], shard.learned(0, 3), shard.documents(0, 3)]).toEqual([3, [2, 3], null, null]);
    await shard.close();
  });

  it('is used as it is, and made again only where documents are needed', async () => {
    const dataset = await writeDataset(documents);
    const encoder = codePointEncoder(300);
    const built = await buildTokenShards(dataset, encoder);
    const tokens = await allTokens(built.trainPath);
    for (const path of [built.trainPath, built.heldOutPath]) await writeVersion1(path, await allTokens(path));
    encoder.calls = 0;
    expect(await buildTokenShards(dataset, encoder)).toEqual(built);
    expect(encoder.calls).toBe(0);
    expect(await buildTokenShards(dataset, encoder, { needsDocuments: true })).toEqual(built);
    expect(encoder.calls).toBe(4);
    const shard = await openTokenShard(built.trainPath);
    expect([...shard.read(0, 100)]).toEqual(tokens);
    expect([...shard.documents(0, 7)!]).toEqual([0, 0, 0, 0, 0, 0, 1]);
    await shard.close();
  });
});

it('has the masks of the documents that have one; the others are learned as a whole', async () => {
  const contents: Content[] = [
    { kind: 'text', text: 'ab' },
    { kind: 'completion', prompt: 'p', completion: 'cd' },
    { kind: 'text', text: 'x' },
  ];
  const stored = contents.map((content) => JSON.stringify({ content, heldOut: false, file: 0 }) + '\n');
  await folder.write('dataset/documents.jsonl', stored.join(''));
  const encoder: DocumentEncoder = {
    ...codePointEncoder(300),
    async *encodeAll(given) {
      for await (const content of given) {
        const ids = [...plainTextOf(content)].map((character) => character.codePointAt(0)!);
        yield content.kind === 'completion' ? { ids, learned: Uint8Array.from(ids, (_, index) => (index < 3 ? 0 : 1)) } : { ids };
      }
    },
  };
  const { trainPath } = await buildTokenShards(join(folder.path, 'dataset'), encoder);
  const shard = await openTokenShard(trainPath);
  expect(String.fromCodePoint(...shard.read(0, 100))).toBe('abp\n\ncdx');
  expect([...shard.learned(0, 100)!]).toEqual([1, 1, 0, 0, 0, 1, 1, 1]);
  expect([...shard.documents(0, 100)!]).toEqual([0, 0, 1, 1, 1, 1, 1, 2]);
  await shard.close();
});

describe('documents that cannot be encoded', () => {
  /** Leaves out texts with a question mark, as an encoder with threads tells of them. */
  const refusing = (): DocumentEncoder & { calls: number } => {
    const plain = codePointEncoder(256);
    return {
      ...plain,
      async *encodeAll(given, { onRefused }) {
        let place = 0;
        for await (const content of given) {
          this.calls++;
          const text = plainTextOf(content);
          if (text.includes('?'))
            onRefused(place, { code: 'BAD_INPUT', message: 'Refused.', found: `because of ${text}`, hint: 'Do that.' });
          else yield plain.encode(content);
          place++;
        }
      },
    };
  };
  const texts = (list: readonly string[]): { text: string; heldOut: boolean }[] =>
    list.map((text) => ({ text: text.replace('held ', ''), heldOut: text.startsWith('held ') }));

  it('are left out while they are less than half, counted, and the first of both parts is named; also when the shards are there already', async () => {
    const dataset = await writeDataset(texts(['held a', 'b', 'held c?', 'd?', 'e', 'f', 'g']));
    const encoder = refusing();
    const built = await buildTokenShards(dataset, encoder, { name: 'letters' });
    expect(built.leftOut).toEqual({ documents: 2, first: { document: 2, message: 'Refused.', found: 'because of c?', hint: 'Do that.' } });
    expect(String.fromCharCode(...(await allTokens(built.trainPath)))).toBe('b\u00ffe\u00fff\u00ffg\u00ff');
    expect(describeLeftOut('letters', built.leftOut!)).toBe(
      '2 documents of "letters" cannot be used and are left out, first document 2: Refused (because of c?).',
    );
    const { calls } = encoder;
    expect(await buildTokenShards(dataset, encoder)).toEqual(built);
    expect(encoder.calls).toBe(calls);
  });

  it('are too many from half of the dataset on: that is refused by its name, and no shard of the part is left', async () => {
    const dataset = await writeDataset(texts(['a', 'b?', 'held c', 'd?']));
    await expect(buildTokenShards(dataset, refusing(), { name: 'letters' })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining('"letters"') as string,
      found: '2 of 4 documents cannot be used, first document 1: Refused (because of b?)',
      hint: 'Do that.',
    });
    expect((await folder.list()).filter((name) => /tokens$|partial|left-out/.test(name) && !name.endsWith('/'))).toEqual([]);
  });

  it('are all there with an encoder that refuses none', async () => {
    expect((await buildTokenShards(await writeDataset(documents), codePointEncoder(256))).leftOut).toBeNull();
  });

  it('are not guessed at where the note of them is damaged', async () => {
    const dataset = await writeDataset(texts(['a', 'b?', 'c', 'held d', 'e']));
    const { trainPath } = await buildTokenShards(dataset, refusing());
    await writeFile(join(trainPath, '../train.left-out.json'), '{"documents":');
    await expect(buildTokenShards(dataset, refusing())).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});

/** A shard of ids of two bytes in the test's folder. */
async function writeShard(encoded: readonly EncodedDocument[]): Promise<string> {
  const path = join(folder.path, 'shard.tokens');
  await writeTokenShard(path, streamOf(encoded), 300);
  return path;
}

async function* streamOf(encoded: readonly EncodedDocument[]): AsyncGenerator<EncodedDocument> {
  for (const document of encoded) yield await Promise.resolve(document);
}

/** Encodes nothing but the first document. */
function fail(text: string): number[] {
  if (text === 'first') return [1];
  throw new Error(`encoder failed at ${text}`);
}

describe('a damaged shard is refused:', () => {
  const damages: [string, (path: string) => Promise<void>][] = [
    ['cut short', async (path) => truncate(path, (await stat(path)).size - 1)],
    ['cut inside its header', (path) => truncate(path, 40)],
    ['empty', (path) => truncate(path, 0)],
    ['with bytes behind its end', async (path) => writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(2)]))],
    ['with one token changed', (path) => patch(path, 64, 0x7a)],
    ['with its hash changed', (path) => patch(path, 30, 0)],
    ['with another count', (path) => patch(path, 16, 3)],
    ['with an enormous count', (path) => patch(path, 23, 0x7f)],
    ['with an impossible width', (path) => patch(path, 8, 3)],
    ['of another format', (path) => writeFile(path, Buffer.alloc(96, 'GGUF'))],
    ['of a later version', (path) => patch(path, 7, 0x33)],
    ['with a mask that is not there', (path) => patch(path, 12, 1)],
    ['with another number of documents', (path) => patch(path, 56, 1)],
    ['with a document that starts elsewhere', (path) => patch(path, 64 + 2 * 16 + 8, 5)],
  ];

  it.each(damages)('%s', async (_what, damage) => {
    const dataset = await writeDataset(documents);
    const { trainPath } = await buildTokenShards(dataset, codePointEncoder(256));
    await damage(trainPath);
    await expect(openTokenShard(trainPath)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'A token shard is damaged.',
      found: expect.stringContaining(trainPath) as string,
      hint: 'Delete that file; it is made again from the dataset at the next run.',
    });
  });

  it('and what the message says helps: deleted, it is made again', async () => {
    const dataset = await writeDataset(documents);
    const built = await buildTokenShards(dataset, codePointEncoder(256));
    await truncate(built.trainPath, 70);
    await expect(buildTokenShards(dataset, codePointEncoder(256))).rejects.toMatchObject({ code: 'CORRUPT' });
    await rm(built.trainPath);
    expect(await buildTokenShards(dataset, codePointEncoder(256))).toEqual(built);
    expect(await allTokens(built.trainPath)).toHaveLength(16);
  });
});

/** Overwrites one byte of a file, which must have been another. */
async function patch(path: string, offset: number, byte: number): Promise<void> {
  const bytes = await readFile(path);
  expect(bytes[offset]).not.toBe(byte);
  bytes[offset] = byte;
  await writeFile(path, bytes);
}

describe('trainingWindows', () => {
  it('counts windows whose tokens each have a next one: context + 1 tokens make one', () => {
    const counts = [0, 1, 4, 5, 8, 9, 12, 13].map((tokens) => trainingWindows(tokens, 4));
    expect(counts).toEqual([0, 0, 0, 1, 1, 2, 2, 3]);
  });

  it('never reads past the end: the last window ends inside the shard', () => {
    for (let tokens = 0; tokens < 60; tokens++) {
      for (let context = 2; context < 10; context++) {
        const windows = trainingWindows(tokens, context);
        expect(windows * context + 1 <= tokens || windows === 0).toBe(true);
        expect((windows + 1) * context + 1).toBeGreaterThan(tokens);
      }
    }
  });
});
