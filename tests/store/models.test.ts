import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { insertModel, listModels } from '../../main/store/models.ts';
import { listBin, putIntoBin } from '../../main/store/item-bins.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { modelRecord } from '../support/run-records.ts';

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

it('a model comes back with every field, also those that are null', () => {
  const expanded = modelRecord({ run: 'run-1' });
  const imported = modelRecord({ id: 'base-2', name: 'other', baseModel: null, run: null, plan: null });
  insertModel(store, expanded);
  insertModel(store, imported);
  expect(listModels(store)).toEqual([expanded, imported]);
});

it('models are listed in the order of their making', () => {
  const times = ['2026-03-01', '2026-01-01', '2026-02-01'].map((day) => `${day}T00:00:00.000Z`);
  for (const [index, createdAt] of times.entries()) insertModel(store, modelRecord({ id: `m${index}`, name: `m${index}`, createdAt }));
  expect(listModels(store).map(({ id }) => id)).toEqual(['m1', 'm2', 'm0']);
});

it.each([
  ['id', { name: 'another name' }],
  ['name', { id: 'another-id' }],
])('a second model with the same %s is refused', (field, changes) => {
  insertModel(store, modelRecord());
  expect(() => insertModel(store, modelRecord(changes))).toThrow(`UNIQUE constraint failed: models.${field}`);
});

it('names that look like SQL are names', () => {
  const names = [`'); DROP TABLE models; --`, `" OR 1=1`, '?', '@id', '$name', '%', '日本語 🙂', '\u0000'];
  for (const [index, name] of names.entries())
    insertModel(store, modelRecord({ id: `id-${index}${name}`, name, path: name, source: name }));
  expect(listModels(store).map(({ name }) => name)).toEqual(names);
  const deletedAt = '2026-05-01T00:00:00.000Z';
  putIntoBin(store, 'models', `' OR '1'='1`, deletedAt);
  expect(listModels(store)).toHaveLength(names.length);
  putIntoBin(store, 'models', `id-0${names[0]}`, deletedAt);
  expect(listModels(store).map(({ name }) => name)).toEqual(names.slice(1));
  expect(listBin(store, 'models').map(({ name }) => name)).toEqual(names.slice(0, 1));
});
