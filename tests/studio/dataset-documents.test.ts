import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listedDocumentSchema } from '../../shared/contract/datasets.ts';
import { codeDocuments, openTinyStudio, type TinyStudio, writeDocuments } from '../support/workspace.ts';

let tiny: TinyStudio;
beforeAll(async () => {
  tiny = await openTinyStudio();
});
afterAll(() => tiny.remove());

const all = { dataset: 'code', part: 'all', from: 0, count: 100 } as const;

it('documents of a part are listed from any place, with their file', async () => {
  const { datasetDocuments } = tiny.studio;
  const { total, documents } = await datasetDocuments.range(all);
  expect(total).toBe(60);
  expect(documents.map(({ text }) => text)).toEqual(codeDocuments(60));
  for (const [number, document] of documents.entries()) {
    expect(listedDocumentSchema.parse(document)).toEqual(document);
    expect(document).toMatchObject({ number, kind: 'text', file: tiny.sources.newText, at: null, bytes: Buffer.byteLength(document.text) });
  }
  const heldOut = await datasetDocuments.range({ ...all, part: 'heldOut' });
  expect(heldOut.total).toBe(tiny.newDataset.heldOutDocuments);
  expect(heldOut.documents).toEqual(documents.filter((document) => document.heldOut));
  const training = documents.filter((document) => !document.heldOut);
  expect((await datasetDocuments.range({ ...all, part: 'train', from: 5, count: 3 })).documents).toEqual(training.slice(5, 8));
  expect((await datasetDocuments.range({ ...all, from: 60 })).documents).toEqual([]);
});

it('a search shows what it found with its surroundings, and goes on by the number it gives', async () => {
  const path = join(tiny.directory, 'long.jsonl');
  const long = (index: number): string => `${index} ${'lorem ipsum dolor '.repeat(200)} Needle number ${index} ${'sit amet '.repeat(200)}`;
  await writeDocuments(
    path,
    Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? long(index) : `nothing in ${index}`)),
  );
  await tiny.studio.datasets.import({ paths: [path] });
  const found: number[] = [];
  for (let next: number | null = 0; next !== null;) {
    const page: Awaited<ReturnType<TinyStudio['studio']['datasetDocuments']['search']>> = await tiny.studio.datasetDocuments.search({
      ...{ dataset: 'long', query: 'nEEdle NUMBER', part: 'all', from: next, limit: 4 },
    });
    expect(page.documents.length).toBeLessThanOrEqual(4);
    for (const { number, text, at } of page.documents) {
      expect(text.length).toBeLessThan(1000);
      expect(text.slice(at!)).toMatch(new RegExp(`^Needle number ${number} `));
      found.push(number);
    }
    next = page.next;
  }
  expect(found).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
});
