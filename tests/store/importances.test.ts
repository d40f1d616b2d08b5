import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { bestImportance, findImportance, type ImportanceKey, insertImportance } from '../../main/store/importances.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import type { Importance } from '../../shared/domain/importance.ts';

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

const key: ImportanceKey = { modelHash: 'm', datasetHashes: ['b', 'a'], context: 64, windows: 8 };
const table = (changes: Partial<Importance> = {}): Importance => ({
  modelHash: 'm',
  datasets: [
    { name: 'first', hash: 'a' },
    { name: 'second', hash: 'b' },
  ],
  context: 64,
  windows: 8,
  tokens: 504,
  loss: 2.5,
  blocks: [{ block: 0, loss: 3, rise: 0.5, standardError: null }],
  seconds: 1.25,
  engine: 'cpu',
  ...changes,
});
const keep = (changes: Partial<ImportanceKey>, importance: Importance): void =>
  insertImportance(store, { ...key, ...changes }, importance, '2026-01-02T03:04:05.678Z');

it('a table is found by its model, its data in any order, and how much of them was asked for', () => {
  keep({}, table());
  expect(findImportance(store, key)).toEqual(table());
  expect(findImportance(store, { ...key, datasetHashes: ['a', 'b'] })).toEqual(table());
  for (const other of [{ modelHash: 'n' }, { datasetHashes: ['a'] }, { datasetHashes: ['a', 'b', 'c'] }, { context: 32 }, { windows: 9 }]) {
    expect(findImportance(store, { ...key, ...other })).toBeNull();
  }
});

it('of several tables of a model and its data the one on most tokens counts', () => {
  keep({ windows: 2 }, table({ windows: 2, tokens: 900 }));
  keep({ windows: 8 }, table({ tokens: 10_000 }));
  keep({ windows: 9, datasetHashes: ['a'] }, table({ tokens: 99_999 }));
  expect(bestImportance(store, key)?.tokens).toBe(10_000);
  expect(bestImportance(store, { modelHash: 'm', datasetHashes: ['c'] })).toBeNull();
});

it('a measurement that is made again replaces the former', () => {
  keep({}, table());
  keep({}, table({ loss: 9 }));
  expect(findImportance(store, key)?.loss).toBe(9);
});
