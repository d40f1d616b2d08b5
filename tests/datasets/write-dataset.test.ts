import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../main/datasets/dataset-folder.ts';
import { type DatasetFacts, readManifest } from '../../main/datasets/dataset-manifest.ts';
import { type NewDocument, workFolderOf, writeDataset } from '../../main/datasets/write-dataset.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const destination = (): string => join(folder.path, 'datasets/one');

const facts: DatasetFacts = {
  name: 'mixed',
  duplicates: 4,
  source: 'a.jsonl',
  origin: 'a site',
  licence: 'CC0',
  files: [{ path: 'a.jsonl', status: 'imported', reason: '4 documents', documents: 4, bytes: 9, sha256: 'x', mapping: null }],
  cleaning: null,
  split: null,
  version: 3,
  parent: 'mixed-1',
  sampleOf: null,
  request: { paths: ['/in/a.jsonl'], mappings: [{ columns: ['body'], mapping: { shape: 'text', columns: ['body'] } }], seed: 7 },
  languages: [{ language: 'de', share: 1 }],
};

const documents: NewDocument[] = [
  { content: { kind: 'text', text: 'ü\n' }, heldOut: false, file: 0 },
  { content: { kind: 'completion', prompt: '日本', completion: 'x' }, heldOut: true, file: 0 },
  { content: { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] }, heldOut: false, file: 0 },
  { content: { kind: 'text', text: '' }, heldOut: false, file: 0 },
];

async function* streamOf(list: readonly NewDocument[], failure?: Error): AsyncGenerator<NewDocument> {
  for (const document of list) yield await Promise.resolve(document);
  if (failure) throw failure;
}

describe('writing a dataset', () => {
  it('counts what the documents say, by kind', async () => {
    const manifest = await writeDataset(destination(), streamOf(documents), () => facts);
    const said = documents.map(({ content, heldOut }) => JSON.stringify({ content, heldOut }) + '\n').join('');
    expect(manifest).toEqual({
      schemaVersion: 2,
      ...facts,
      documents: 4,
      heldOutDocuments: 1,
      kinds: { text: 2, completion: 1, chat: 1 },
      characters: 2 + 5 + 2,
      bytes: 3 + 9 + 2,
      hash: createHash('sha256').update(said).digest('hex'),
    });
    expect(await readManifest(destination())).toEqual(manifest);
    expect(await folder.list()).toEqual(
      ['', 'dataset.json', 'documents.index', 'documents.jsonl'].map((name) => `datasets/one/${name}`).toSpliced(0, 0, 'datasets/'),
    );
  });

  it('has the hash of what is said and held out, from whatever files', async () => {
    const hashOf = async (list: readonly NewDocument[], name: string): Promise<string> =>
      (await writeDataset(join(folder.path, name), streamOf(list), () => facts)).hash;
    const hash = await hashOf(documents, 'a');
    expect(
      await hashOf(
        documents.map((each) => ({ ...each, file: 7 })),
        'b',
      ),
    ).toBe(hash);
    expect(
      await hashOf(
        documents.map((each) => ({ ...each, heldOut: true })),
        'c',
      ),
    ).not.toBe(hash);
    expect(await hashOf(documents.toReversed(), 'd')).not.toBe(hash);
  });

  it('writes an index that is the one made from the documents', async () => {
    const many = Array.from({ length: 70_000 }, (_, index): NewDocument => ({
      content: { kind: 'text', text: `${index} ü` },
      heldOut: index % 7 === 3,
      file: 0,
    }));
    await writeDataset(destination(), many, () => facts);
    const copy = join(folder.path, 'copy');
    await mkdir(copy);
    await writeFile(join(copy, 'documents.jsonl'), await readFile(join(destination(), 'documents.jsonl')));
    const made = await openDataset(copy);
    expect(await made.count('heldOut')).toBe(10_000);
    const index = await readFile(join(destination(), 'documents.index'));
    expect((await readFile(join(copy, 'documents.index'))).equals(index)).toBe(true);
    expect(await (await openDataset(destination())).document(69_999)).toEqual({ ...many[69_999], number: 69_999 });
  });

  it('leaves nothing behind when it fails', async () => {
    await expect(writeDataset(destination(), streamOf(documents, new Error('no more')), () => facts)).rejects.toThrow('no more');
    expect(await folder.list()).toEqual(['datasets/']);
  });

  it('leaves what the import worked with when it fails, so that it can go on', async () => {
    await mkdir(workFolderOf(destination()), { recursive: true });
    await writeFile(join(workFolderOf(destination()), 'collected'), 'x');
    await expect(writeDataset(destination(), streamOf(documents, new Error('no more')), () => facts)).rejects.toThrow('no more');
    const left = ['', 'work/', 'work/collected'].map((name) => `datasets/one.partial/${name}`);
    expect(await folder.list()).toEqual(['datasets/', ...left]);
  });

  it('removes what the import worked with', async () => {
    await mkdir(workFolderOf(destination()), { recursive: true });
    await writeFile(join(workFolderOf(destination()), 'collected'), 'x');
    await writeDataset(destination(), streamOf(documents), () => facts);
    expect((await folder.list()).filter((name) => name.includes('work') || name.includes('partial'))).toEqual([]);
  });
});
