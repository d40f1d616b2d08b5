import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deleteDataset, insertDataset, listDatasets } from '../../main/store/datasets.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { datasetRecord } from '../support/run-records.ts';

let directory: string;
let store: Writer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-store-'));
  store = openStore(join(directory, 'strata.db'));
});
afterEach(async () => {
  store.close();
  await rm(directory, { recursive: true });
});

it('a dataset comes back with every field, and is gone once deleted', () => {
  const [first, second] = [datasetRecord(), datasetRecord({ id: 'd2', name: `Robert'); DROP TABLE datasets;--`, bytes: 2 ** 45 })];
  insertDataset(store, first);
  insertDataset(store, second);
  expect(listDatasets(store)).toEqual([first, second]);
  deleteDataset(store, first.id);
  expect(listDatasets(store)).toEqual([second]);
});

it('a second dataset with the same name is refused', () => {
  insertDataset(store, datasetRecord());
  expect(() => insertDataset(store, datasetRecord({ id: 'd2' }))).toThrow('UNIQUE constraint failed: datasets.name');
});
