import { expect, test } from 'vitest';
import { arrangeDatasets } from '../../../renderer/features/datasets/dataset-list.ts';
import type { DatasetInfo, TokenCount } from '../../../shared/contract/datasets.ts';

function datasetOf(name: string, facts: Partial<DatasetInfo> = {}): DatasetInfo {
  return {
    id: `${name}-id`,
    name,
    documents: 10,
    heldOutDocuments: 1,
    bytes: 1000,
    hash: 'ab',
    source: `/texts/${name}.txt`,
    createdAt: '2026-01-01T00:00:00.000Z',
    origin: null,
    licence: null,
    kinds: { text: 10 },
    languages: [{ language: 'en', share: 1 }],
    version: 1,
    parent: null,
    sampleOf: null,
    ...facts,
  };
}

const DATASETS = [
  datasetOf('part 10', { createdAt: '2026-01-03T00:00:00.000Z', bytes: 10, licence: 'MIT' }),
  datasetOf('part 2', { createdAt: '2026-01-02T00:00:00.000Z', bytes: 30, kinds: { chat: 10 } }),
  datasetOf('laws', { bytes: 20, languages: [{ language: 'de', share: 1 }], origin: 'https://laws.example' }),
];
const TOKENS: Record<string, TokenCount> = { 'laws-id': { dataset: 'laws-id', tokens: 5, isExact: true } };
const named = (query: string, order: Parameters<typeof arrangeDatasets>[2] = 'newest'): string[] =>
  arrangeDatasets(DATASETS, query, order, (id) => TOKENS[id] ?? null).map(({ name }) => name);

test('datasets are ordered as wanted, numbers in names as numbers', () => {
  expect(named('')).toEqual(['part 10', 'part 2', 'laws']);
  expect(named('', 'name')).toEqual(['laws', 'part 2', 'part 10']);
  expect(named('', 'bytes')).toEqual(['part 2', 'laws', 'part 10']);
  expect(named('', 'tokens')[0]).toBe('laws');
});

test('datasets are found by name, kind, language, licence and origin; every word must be there', () => {
  expect(named('mit')).toEqual(['part 10']);
  expect(named('German')).toEqual(['laws']);
  expect(named('conversation part')).toEqual(['part 2']);
  expect(named('laws.example')).toEqual(['laws']);
  expect(named('part german')).toEqual([]);
});
