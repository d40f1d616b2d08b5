import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withoutDocuments } from '../../../main/datasets/checks/without-documents.ts';
import { readManifest } from '../../../main/datasets/dataset-manifest.ts';
import type { NewDocument } from '../../../main/datasets/write-dataset.ts';
import { writeDataset } from '../../support/dataset-folders.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const about = { name: 'less', source: 'a without some', parent: 'a-id' };
const parts = { training: ['one', 'two', 'drei ü', 'four'], heldOut: ['five', 'six'] }; // stored: one five six two drei four

it('a new folder has the other documents in their order and their part; the old one is as it was', async () => {
  const { directory } = await writeDataset(folder.path, 'a', parts);
  const before = [await readFile(join(directory, 'documents.jsonl'), 'utf8'), await readFile(join(directory, 'dataset.json'), 'utf8')];
  const destination = join(folder.path, 'b');
  const manifest = await withoutDocuments(directory, destination, [3, 1, 3], about);
  const lines = await readFile(join(destination, 'documents.jsonl'), 'utf8');
  const documents = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as NewDocument);
  const said = documents.map(({ content, heldOut }) => ({ content, heldOut }));
  expect(said).toEqual([
    { content: { kind: 'text', text: 'one' }, heldOut: false },
    { content: { kind: 'text', text: 'six' }, heldOut: true },
    { content: { kind: 'text', text: 'drei ü' }, heldOut: false },
    { content: { kind: 'text', text: 'four' }, heldOut: false },
  ]);
  expect(manifest).toMatchObject({ ...about, version: 2, documents: 4, heldOutDocuments: 1, bytes: 3 + 3 + 7 + 4 });
  const hashed = said.map((document) => JSON.stringify(document) + '\n').join('');
  expect(manifest.hash).toBe(createHash('sha256').update(hashed).digest('hex'));
  expect(await readManifest(destination)).toEqual(manifest);
  expect([await readFile(join(directory, 'documents.jsonl'), 'utf8'), await readFile(join(directory, 'dataset.json'), 'utf8')]).toEqual(
    before,
  );
});

it.each([
  ['no document', [], 'none is named'],
  ['one behind the last', [0, 6], 'document 6'],
  ['one before the first', [-1], 'document -1'],
  ['a part of one', [1.5], 'document 1.5'],
  ['all of the held-out part', [1, 2], '2 of 6 documents to leave out'],
  ['all of the training part', [0, 3, 4, 5], '4 of 6 documents to leave out'],
])('%s cannot be left out; nothing stays behind', async (_, places, found) => {
  const { directory } = await writeDataset(folder.path, 'a', parts);
  const destination = join(folder.path, 'b');
  await expect(withoutDocuments(directory, destination, places, about)).rejects.toMatchObject({ code: 'BAD_INPUT', found });
  expect([existsSync(destination), existsSync(`${destination}.partial`)]).toEqual([false, false]);
});
