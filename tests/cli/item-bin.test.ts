import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BinItem } from '../../shared/contract/bin.ts';
import { insertDataset } from '../../main/store/datasets.ts';
import { insertModel } from '../../main/store/models.ts';
import { storeOf } from '../support/measured-runs.ts';
import { datasetRecord, modelRecord } from '../support/run-records.ts';
import { StrataHere } from '../support/strata-command.ts';

let home: string;
let strata: StrataHere;
const pathOf = (kind: 'datasets' | 'models', id: string): string => join(home, kind, id);

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strata-cli-bin-'));
  const store = storeOf(home);
  for (const id of ['d1', 'd2']) insertDataset(store, datasetRecord({ id, name: `name of ${id}`, path: pathOf('datasets', id) }));
  insertModel(store, modelRecord({ id: 'm1', name: 'tuned', path: pathOf('models', 'm1') }));
  store.close();
  for (const id of ['d1', 'd2']) await mkdir(pathOf('datasets', id), { recursive: true });
  await mkdir(pathOf('models', 'm1'), { recursive: true });
  strata = new StrataHere(home);
});
afterAll(() => rm(home, { recursive: true }));

const ids = async (command: 'data' | 'model', ...options: string[]): Promise<string[]> =>
  (await strata.json<BinItem[]>(command, 'list', ...options)).map(({ id }) => id);

test('datasets that were deleted come back until they are purged', async () => {
  expect(await strata.json('data', 'delete', 'name of d1')).toEqual({ removed: 'd1' });
  expect([await ids('data'), await ids('data', '--deleted')]).toEqual([['d2'], ['d1']]);
  expect(await strata.failure('data', 'show', 'name of d1')).toMatchObject({
    exitCode: 2,
    code: 'NOT_FOUND',
    hint: '"strata data restore name of d1" brings it back.',
  });
  expect(await strata.json('data', 'restore', 'd1')).toMatchObject({ id: 'd1', name: 'name of d1' });
  expect(await ids('data')).toEqual(['d1', 'd2']);
  for (const id of ['d1', 'd2']) await strata.json('data', 'delete', id);
  expect(await strata.json('data', 'purge', 'd1')).toEqual({ removed: ['d1'], kept: [] });
  expect(await strata.json('data', 'purge', '--all')).toEqual({ removed: ['d2'], kept: [] });
  expect(['d1', 'd2'].map((id) => existsSync(pathOf('datasets', id)))).toEqual([false, false]);
});

test('models have a bin of their own; what is not in it is not deleted for good', async () => {
  expect(await strata.failure('model', 'purge', 'tuned')).toMatchObject({
    exitCode: 2,
    code: 'NOT_FOUND',
    allowed: 'none: the bin is empty',
  });
  expect((await strata.failure('model', 'purge')).found).toBe('no model');
  expect((await strata.failure('model', 'purge', 'tuned', '--all')).found).toBe('tuned');
  expect(await strata.json('model', 'delete', 'tuned')).toEqual({ removed: 'm1' });
  expect([await ids('model', '--deleted'), await ids('data', '--deleted')]).toEqual([['m1'], []]);
  expect(existsSync(pathOf('models', 'm1'))).toBe(true);
  expect(await strata.json('model', 'restore', 'tuned')).toMatchObject({ id: 'm1', name: 'tuned', blocks: 5 });
});
