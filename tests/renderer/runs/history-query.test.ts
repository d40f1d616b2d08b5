import { expect, test } from 'vitest';
import {
  ALL_RUNS,
  type HistoryQuery,
  isFiltering,
  readQuery,
  requestOf,
  sortedBy,
  toggled,
  writeQuery,
} from '../../../renderer/features/runs/history-query.ts';
import { runQuerySchema } from '../../../shared/contract/comparison.ts';

const FULL: HistoryQuery = {
  text: 'law, and order',
  status: ['done', 'failed'],
  method: ['lora'],
  tags: ['a,b', 'ü'],
  batch: 'batch-1',
  favourite: true,
  shelf: 'archived',
  sort: 'forgetting',
  ascending: true,
  page: 3,
};

test('the address says how the list is looked at, and nothing where that is as usual', () => {
  expect(writeQuery(ALL_RUNS)).toEqual({});
  expect(readQuery({})).toEqual(ALL_RUNS);
  expect(readQuery(writeQuery(FULL))).toEqual(FULL);
});

test('what an address says wrongly is left out', () => {
  expect(readQuery({ status: 'done,nonsense', method: 'x', sort: 'weight', shelf: 'attic', page: '-4', order: 'sideways' })).toEqual({
    ...ALL_RUNS,
    status: ['done'],
  });
});

test('the question is one that the contract takes', () => {
  expect(runQuerySchema.parse(requestOf(ALL_RUNS))).toEqual({
    text: '',
    shelf: 'active',
    sort: 'created',
    ascending: false,
    from: 0,
    count: 50,
  });
  expect(runQuerySchema.parse(requestOf(FULL))).toMatchObject({
    tags: ['a,b', 'ü'],
    favourite: true,
    from: 150,
    count: 50,
    batch: 'batch-1',
  });
});

test('a head sorts by the better end first, and the other way at a second click; the first page is shown', () => {
  const byGain = sortedBy({ ...ALL_RUNS, page: 2 }, 'gain');
  expect(byGain).toMatchObject({ sort: 'gain', ascending: false, page: 0 });
  expect(sortedBy(byGain, 'gain').ascending).toBe(true);
  expect(sortedBy(byGain, 'forgetting').ascending).toBe(true);
});

test('a shelf is no filter, words and chips are', () => {
  expect(isFiltering({ ...ALL_RUNS, shelf: 'deleted', sort: 'gain' })).toBe(false);
  for (const change of [{ text: 'x' }, { status: ['done' as const] }, { tags: ['t'] }, { favourite: true }, { batch: 'b' }]) {
    expect(isFiltering({ ...ALL_RUNS, ...change })).toBe(true);
  }
  expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
  expect(toggled(['b'], 'a')).toEqual(['b', 'a']);
});
