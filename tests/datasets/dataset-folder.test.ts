import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DatasetDocument, openDataset } from '../../main/datasets/dataset-folder.ts';
import type { Content } from '../../shared/domain/content.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const text = (each: string): Content => ({ kind: 'text', text: each });

const stored: DatasetDocument[] = [
  { content: text('one\u2028\r\n'), heldOut: false, file: 0 },
  { content: { kind: 'completion', prompt: 'Wie "heißt" du?', completion: 'Strata' }, heldOut: true, file: 1 },
  { content: { kind: 'chat', messages: [{ role: 'user', content: 'two' }] }, heldOut: false, file: 1 },
  { content: { kind: 'choice', question: '😀', choices: ['a', 'b'], answer: 1 }, heldOut: true, file: 0 },
  { content: text('ÜBER Three'), heldOut: false, file: 0 },
];

/** Documents as they lie in a folder; those of the first version have only a text. */
function linesOf(documents: readonly object[]): string {
  return documents.map((document) => JSON.stringify(document) + '\n').join('');
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function documentsOf(options?: { heldOut?: boolean }): Promise<DatasetDocument[]> {
  return all((await openDataset(folder.path)).documents(options));
}

const numbersOf = (documents: readonly { number: number }[]): number[] => documents.map(({ number }) => number);

describe('the documents of a dataset', () => {
  it('come in their order, all of them or one part', async () => {
    await folder.write('documents.jsonl', linesOf(stored));
    expect(await documentsOf()).toEqual(stored);
    expect(await documentsOf({ heldOut: false })).toEqual([stored[0], stored[2], stored[4]]);
    expect(await documentsOf({ heldOut: true })).toEqual([stored[1], stored[3]]);
  });

  it('of the first version are texts of unknown files', async () => {
    await folder.write(
      'documents.jsonl',
      linesOf([
        { text: 'one', heldOut: false },
        { text: 'two\u2028', heldOut: true },
      ]),
    );
    const expected = [
      { content: text('one'), heldOut: false, file: null },
      { content: text('two\u2028'), heldOut: true, file: null },
    ];
    expect(await documentsOf()).toEqual(expected);
    const dataset = await openDataset(folder.path);
    expect(await dataset.document(1)).toEqual({ ...expected[1], number: 1 });
    expect(await all(dataset.search('TWO'))).toEqual([{ ...expected[1], number: 1, at: 0 }]);
  });

  it.each([
    ['cut inside a document', '{"text":"one","heldOut":false}\n{"text":"tw'],
    ['of something else', '{"text":"one","heldOut":false}\n{"text":"two"}\n'],
    ['of an unknown kind', '{"text":"one","heldOut":false}\n{"content":{"kind":"image"},"heldOut":true,"file":0}\n'],
    ['not UTF-8', Buffer.from('{"text":"one","heldOut":false}\n{"text":"\xfc","heldOut":false}\n', 'latin1')],
  ])('%s are refused, with the line', async (_what, content) => {
    await folder.write('documents.jsonl', content);
    const error = {
      code: 'CORRUPT',
      message: 'A dataset folder is damaged.',
      found: 'documents.jsonl cannot be read at line 2',
      hint: `Import the files again; ${folder.path} can be deleted.`,
    };
    await expect(documentsOf()).rejects.toMatchObject(error);
    await expect((await openDataset(folder.path)).document(0)).rejects.toMatchObject(error);
  });

  it('that are missing are refused', async () => {
    const missing = { code: 'CORRUPT', found: 'no documents.jsonl' };
    await expect(documentsOf()).rejects.toMatchObject(missing);
    await expect((await openDataset(folder.path)).document(0)).rejects.toMatchObject(missing);
    await expect(all((await openDataset(folder.path)).search('a'))).rejects.toMatchObject(missing);
  });
});

describe('a document', () => {
  it('is found by its number, with and without an index that was there before', async () => {
    await folder.write('documents.jsonl', linesOf(stored));
    for (const _turn of ['makes the index', 'uses it']) {
      const dataset = await openDataset(folder.path);
      for (const [number, document] of stored.entries()) expect(await dataset.document(number)).toEqual({ ...document, number });
      expect(await dataset.document(5)).toBeNull();
      expect([await dataset.count(), await dataset.count('train'), await dataset.count('heldOut')]).toEqual([5, 3, 2]);
    }
    expect(await folder.list()).toEqual(['documents.index', 'documents.jsonl']);
  });

  it('is found by its place in a part, for any split', async () => {
    const random = randomStream(3);
    for (const share of [0, 0.1, 0.5, 0.9, 1]) {
      const documents = Array.from({ length: 60 }, (_, index) => ({ text: 'x'.repeat(index), heldOut: random() < share }));
      await folder.write('documents.jsonl', linesOf(documents));
      await rm(join(folder.path, 'documents.index'), { force: true });
      const dataset = await openDataset(folder.path);
      for (const [part, heldOut] of [
        ['train', false],
        ['heldOut', true],
      ] as const) {
        const numbers = documents.flatMap((each, index) => (each.heldOut === heldOut ? [index] : []));
        expect(numbersOf(await dataset.range(0, 100, { part }))).toEqual(numbers);
        expect(numbersOf(await dataset.range(3, 4, { part }))).toEqual(numbers.slice(3, 7));
      }
      expect(numbersOf(await dataset.range(58, 4))).toEqual([58, 59]);
    }
  });

  it.each<[string, () => Promise<unknown>]>([
    ['cut short', () => truncate(join(folder.path, 'documents.index'), 40)],
    ['of something else', () => folder.write('documents.index', 'x'.repeat(100))],
    ['of other documents', () => writeFile(join(folder.path, 'documents.jsonl'), '{"text":"late","heldOut":true}\n', { flag: 'a' })],
  ])('is refused where the index is %s', async (_what, damage) => {
    await folder.write('documents.jsonl', linesOf(stored));
    const dataset = await openDataset(folder.path);
    await dataset.document(0);
    await damage();
    await expect(dataset.document(0)).rejects.toMatchObject({ code: 'CORRUPT', message: 'A dataset folder is damaged.' });
  });

  it('is refused where the index points beside it', async () => {
    await folder.write('documents.jsonl', linesOf(stored));
    const dataset = await openDataset(folder.path);
    await dataset.document(0);
    const index = await readFile(join(folder.path, 'documents.index'));
    index.writeBigUInt64LE(1n << 60n, 32 + 8);
    await folder.write('documents.index', index);
    await expect(dataset.document(1)).rejects.toMatchObject({ code: 'CORRUPT' });
    index.writeBigUInt64LE(7n, 32 + 8);
    await folder.write('documents.index', index);
    await expect(dataset.document(1)).rejects.toMatchObject({ code: 'CORRUPT', found: 'documents.jsonl cannot be read at line 2' });
  });

  it('of a large dataset opens as fast as one of a small one', async () => {
    const line = JSON.stringify({ content: text('lorem ipsum '.repeat(800)), heldOut: false, file: 0 }) + '\n';
    await folder.write('documents.jsonl', line.repeat(20_000)); // 190 MB
    await (await openDataset(folder.path)).document(0);
    const began = performance.now();
    const documents = await (await openDataset(folder.path)).range(19_990, 10, { part: 'train' });
    const milliseconds = performance.now() - began;
    expect(numbersOf(documents)).toEqual(Array.from({ length: 10 }, (_, index) => 19_990 + index));
    expect((await stat(join(folder.path, 'documents.index'))).size).toBe(32 + 20_000 * 8);
    expect(milliseconds).toBeLessThan(100);
  });
});

describe('a search', () => {
  it.each<[string, [number: number, at: number][]]>([
    ['HEISST', []],
    ['"Heißt"', [[1, 4]]],
    ['über t', [[4, 0]]],
    ['?\n\nstrata', [[1, 14]]],
    ['one\u2028\r\n', [[0, 0]]],
    ['😀', [[3, 0]]],
    ['heldout', []],
    [
      't',
      [
        [1, 9],
        [2, 0],
        [4, 5],
      ],
    ],
  ])('for %j finds it where it stands in what is said', async (query, expected) => {
    await folder.write('documents.jsonl', linesOf(stored));
    const found = await all((await openDataset(folder.path)).search(query));
    expect(found.map(({ number, at }) => [number, at])).toEqual(expected);
    for (const { number, at: _at, ...document } of found) expect(document).toEqual(stored[number]);
  });

  it('goes on from a document, ends with enough, and keeps to a part', async () => {
    await folder.write('documents.jsonl', linesOf(stored));
    const dataset = await openDataset(folder.path);
    expect(numbersOf(await all(dataset.search('t', { limit: 2 })))).toEqual([1, 2]);
    expect(numbersOf(await all(dataset.search('t', { from: 2 })))).toEqual([2, 4]);
    expect(numbersOf(await all(dataset.search('t', { from: 5 })))).toEqual([]);
    expect(numbersOf(await all(dataset.search('t', { part: 'heldOut' })))).toEqual([1]);
    expect(numbersOf(await all(dataset.search('t', { limit: 0 })))).toEqual([]);
  });

  it('hands over after a time what it has found, with the document to go on with, until all were looked at', async () => {
    await folder.write('documents.jsonl', linesOf(stored));
    const dataset = await openDataset(folder.path);
    expect(await dataset.searchFor('t', { limit: 2, milliseconds: 10_000 })).toMatchObject({
      found: [{ number: 1 }, { number: 2 }],
      next: 3,
    });
    expect(await dataset.searchFor('t', { from: 3, milliseconds: 10_000 })).toMatchObject({ found: [{ number: 4 }], next: null });
    const found: number[] = [];
    const steps: number[] = [];
    for (let next: number | null = 0; next !== null;) {
      steps.push(next);
      const page = await dataset.searchFor('t', { from: next, milliseconds: 0 });
      found.push(...numbersOf(page.found));
      next = page.next;
    }
    expect(found).toEqual([1, 2, 4]);
    expect(steps).toEqual(stored.map((_, number) => number)); // without any time it still looks at one each time
  });

  it('ends when nobody waits for it', async () => {
    await folder.write('documents.jsonl', linesOf(stored));
    const controller = new AbortController();
    const search = (await openDataset(folder.path)).search('t', { signal: controller.signal });
    const found = async (): Promise<void> => {
      for await (const _document of search) controller.abort(new Error('enough'));
    };
    await expect(found()).rejects.toThrow('enough');
  });
});
