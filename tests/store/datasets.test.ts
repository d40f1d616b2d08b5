import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { datasetIds, insertDataset, listDatasets } from '../../main/store/datasets.ts';
import { deleteFromBin, listBin, putIntoBin, takeOutOfBin } from '../../main/store/item-bins.ts';
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

it('a dataset comes back with every field, lies in the bin once deleted, and comes back from there as it was', () => {
  const [first, second] = [datasetRecord(), datasetRecord({ id: 'd2', name: `Robert'); DROP TABLE datasets;--`, bytes: 2 ** 45 })];
  insertDataset(store, first);
  insertDataset(store, second);
  expect(listDatasets(store)).toEqual([first, second]);
  expect(putIntoBin(store, 'datasets', first.id, '2026-05-01T00:00:00.000Z')).toBe(true);
  expect(putIntoBin(store, 'datasets', first.id, '2026-05-02T00:00:00.000Z')).toBe(false);
  expect(listDatasets(store)).toEqual([second]);
  const { id, name, bytes, path } = first;
  expect(listBin(store, 'datasets')).toEqual([{ id, name, bytes, path, deletedAt: '2026-05-01T00:00:00.000Z' }]);
  expect(datasetIds(store)).toEqual(new Set([first.id, second.id]));
  expect(takeOutOfBin(store, 'datasets', first.id, first.name)).toBe(true);
  expect(takeOutOfBin(store, 'datasets', first.id, first.name)).toBe(false);
  expect(listDatasets(store)).toEqual([first, second]);
});

it('only what is in the bin is deleted, and nothing beside it', () => {
  for (const id of ['a', 'b', 'c']) insertDataset(store, datasetRecord({ id, name: id }));
  for (const [day, id] of ['b', 'c'].entries()) putIntoBin(store, 'datasets', id, `2026-05-0${day + 1}T00:00:00.000Z`);
  expect(listBin(store, 'datasets').map(({ id }) => id)).toEqual(['c', 'b']);
  expect(['a', 'b', `' OR '1'='1`].map((id) => deleteFromBin(store, 'datasets', id))).toEqual([false, true, false]);
  expect([...datasetIds(store)]).toEqual(['a', 'c']);
});

it('a name is free once what had it lies in the bin, and taken again when it comes back', () => {
  insertDataset(store, datasetRecord());
  putIntoBin(store, 'datasets', datasetRecord().id, '2026-05-01T00:00:00.000Z');
  insertDataset(store, datasetRecord({ id: 'd2' }));
  expect(() => takeOutOfBin(store, 'datasets', datasetRecord().id, datasetRecord().name)).toThrow(
    'UNIQUE constraint failed: datasets.name',
  );
});

it('a second dataset with the same name is refused', () => {
  insertDataset(store, datasetRecord());
  expect(() => insertDataset(store, datasetRecord({ id: 'd2' }))).toThrow('UNIQUE constraint failed: datasets.name');
});
