import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DatasetDocument, openDataset, readManifest } from '../../main/datasets/dataset-folder.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const manifest = {
  schemaVersion: 1,
  name: 'stories',
  documents: 3,
  heldOutDocuments: 1,
  duplicates: 2,
  bytes: 12,
  hash: 'abc',
  source: '/texts/stories.txt',
  files: [{ path: '/texts/stories.txt', status: 'imported', reason: '3 documents, 2 left out because others have the same text' }],
};

async function documentsOf(options?: { heldOut?: boolean }): Promise<DatasetDocument[]> {
  const documents: DatasetDocument[] = [];
  for await (const document of (await openDataset(folder.path)).documents(options)) documents.push(document);
  return documents;
}

describe('the documents of a dataset', () => {
  const stored = [
    { text: 'one\u2028\r\n', heldOut: false },
    { text: 'two', heldOut: true },
    { text: 'three', heldOut: false },
  ];

  it('come in their order, all of them or one part', async () => {
    await folder.write('documents.jsonl', stored.map((document) => JSON.stringify(document) + '\n').join(''));
    expect(await documentsOf()).toEqual(stored);
    expect(await documentsOf({ heldOut: false })).toEqual([stored[0], stored[2]]);
    expect(await documentsOf({ heldOut: true })).toEqual([stored[1]]);
  });

  it.each([
    ['cut inside a document', '{"text":"one","heldOut":false}\n{"text":"tw'],
    ['of something else', '{"text":"one","heldOut":false}\n{"text":"two"}\n'],
    ['not UTF-8', Buffer.from('{"text":"one","heldOut":false}\n{"text":"\xfc","heldOut":false}\n', 'latin1')],
  ])('%s are refused, with the line', async (_what, content) => {
    await folder.write('documents.jsonl', content);
    await expect(documentsOf()).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'A dataset folder is damaged.',
      found: 'documents.jsonl cannot be read at line 2',
      hint: `Import the files again; ${folder.path} can be deleted.`,
    });
  });

  it('that are missing are refused', async () => {
    await expect(documentsOf()).rejects.toMatchObject({ code: 'CORRUPT', found: 'no documents.jsonl' });
  });
});

describe('the manifest of a dataset', () => {
  it('is read as it was written', async () => {
    await folder.write('dataset.json', JSON.stringify(manifest));
    expect(await readManifest(folder.path)).toEqual(manifest);
  });

  it.each([
    ['cut short', JSON.stringify(manifest).slice(0, 50)],
    ['of a later version', JSON.stringify({ ...manifest, schemaVersion: 2 })],
    ['without a field', JSON.stringify({ ...manifest, hash: undefined })],
    ['of another type', '[]'],
  ])('%s is refused', async (_what, content) => {
    await folder.write('dataset.json', content);
    await expect(readManifest(folder.path)).rejects.toMatchObject({
      code: 'CORRUPT',
      hint: `Import the files again; ${folder.path} can be deleted.`,
    });
  });

  it('that is missing is refused', async () => {
    await expect(readManifest(join(folder.path, 'none'))).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});
