import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readManifest } from '../../main/datasets/dataset-manifest.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const file = { path: '/texts/stories.txt', status: 'imported', reason: '3 documents, 2 left out because others have the same text' };
const common = {
  name: 'stories',
  documents: 3,
  heldOutDocuments: 1,
  duplicates: 2,
  bytes: 12,
  hash: 'abc',
  source: '/texts/stories.txt',
};
const first = { schemaVersion: 1, ...common, files: [file] };
const manifest = {
  schemaVersion: 2,
  ...common,
  kinds: { chat: 1, text: 2 },
  characters: 11,
  origin: null,
  licence: 'CC0',
  files: [{ ...file, documents: 3, bytes: 20, sha256: 'def', mapping: { shape: 'text', columns: ['body'] } }],
  cleaning: null,
  split: null,
  version: 2,
  parent: 'stories-12345678',
  sampleOf: { id: 'all-12345678', name: 'all', hash: 'fed' },
  request: { paths: ['/texts/stories.txt'], mappings: [], seed: null },
  languages: [{ language: 'en', share: 1 }],
};

describe('the manifest of a dataset', () => {
  it('is read as it was written', async () => {
    await folder.write('dataset.json', JSON.stringify(manifest));
    expect(await readManifest(folder.path)).toEqual(manifest);
  });

  it('of the first version is read as one of texts, of which some things are not known', async () => {
    await folder.write('dataset.json', JSON.stringify(first));
    expect(await readManifest(folder.path)).toEqual({
      schemaVersion: 2,
      ...common,
      kinds: { text: 3 },
      characters: null,
      origin: null,
      licence: null,
      files: [{ ...file, documents: null, bytes: null, sha256: null, mapping: null }],
      cleaning: null,
      split: null,
      version: 1,
      parent: null,
      sampleOf: null,
      request: null,
      languages: [],
    });
  });

  it('from before its request and languages were noted has none', async () => {
    const { request: _request, languages: _languages, ...earlier } = manifest;
    await folder.write('dataset.json', JSON.stringify(earlier));
    expect(await readManifest(folder.path)).toEqual({ ...earlier, request: null, languages: [] });
  });

  it.each([
    ['cut short', JSON.stringify(manifest).slice(0, 50)],
    ['of a later version', JSON.stringify({ ...manifest, schemaVersion: 3 })],
    ['of a version it is not', JSON.stringify({ ...first, schemaVersion: 2 })],
    ['without a field', JSON.stringify({ ...manifest, hash: undefined })],
    ['of the first version without a field', JSON.stringify({ ...first, hash: undefined })],
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
