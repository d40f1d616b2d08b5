import type { z } from 'zod';
import { RUN_SORTS, type RunQuery, type runPageSchema } from '../../../shared/contract/comparison.ts';
import { METHODS, type MethodName } from '../../../shared/domain/method.ts';
import { RUN_STATUSES, type RunStatus } from '../../../shared/domain/run.ts';

/** How the list of runs is looked at, and the same as the address has it: whoever goes back, or sends the address, sees the same runs. */

export const SHELVES = ['active', 'archived', 'deleted'] as const;
export type Shelf = (typeof SHELVES)[number];
export type HistoryPage = z.infer<typeof runPageSchema>;
export type RunSort = (typeof RUN_SORTS)[number];

export interface HistoryQuery {
  text: string;
  status: readonly RunStatus[];
  method: readonly MethodName[];
  tags: readonly string[];
  /** Id of a batch of runs that were started together; null for all. */
  batch: string | null;
  favourite: boolean;
  shelf: Shelf;
  sort: RunSort;
  ascending: boolean;
  /** Counted from 0. */
  page: number;
}

export const RUNS_PER_PAGE = 50;

export const ALL_RUNS: HistoryQuery = {
  text: '',
  status: [],
  method: [],
  tags: [],
  batch: null,
  favourite: false,
  shelf: 'active',
  sort: 'created',
  ascending: false,
  page: 0,
};

/** What the address says; what it says wrongly, as an old or mistyped one does, is left out. */
export function readQuery(address: Readonly<Record<string, string>>): HistoryQuery {
  const page = Number(address.page ?? '1');
  return {
    text: address.q ?? '',
    status: known(RUN_STATUSES, address.status),
    method: known(METHODS, address.method),
    tags: listOf(address.tags).map(decodeURIComponent),
    batch: address.batch ?? null,
    favourite: address.favourite === 'yes',
    shelf: known(SHELVES, address.shelf)[0] ?? 'active',
    sort: known(RUN_SORTS, address.sort)[0] ?? 'created',
    ascending: address.order === 'up',
    page: Number.isInteger(page) && page >= 1 ? page - 1 : 0,
  };
}

/** The reverse: only what is not as usual. */
export function writeQuery(query: HistoryQuery): Record<string, string> {
  const { text, status, method, tags, batch, favourite, shelf, sort, ascending, page } = query;
  return {
    ...(text !== '' && { q: text }),
    ...(status.length > 0 && { status: status.join(',') }),
    ...(method.length > 0 && { method: method.join(',') }),
    // A tag may have a comma in it.
    ...(tags.length > 0 && { tags: tags.map(encodeURIComponent).join(',') }),
    ...(batch !== null && { batch }),
    ...(favourite && { favourite: 'yes' }),
    ...(shelf !== 'active' && { shelf }),
    ...(sort !== 'created' && { sort }),
    ...(ascending && { order: 'up' }),
    ...(page > 0 && { page: String(page + 1) }),
  };
}

/** The question that the studio answers. */
export function requestOf({ text, status, method, tags, batch, favourite, shelf, sort, ascending, page }: HistoryQuery): RunQuery {
  return {
    text,
    shelf,
    sort,
    ascending,
    from: page * RUNS_PER_PAGE,
    count: RUNS_PER_PAGE,
    ...(status.length > 0 && { status: [...status] }),
    ...(method.length > 0 && { method: [...method] }),
    ...(tags.length > 0 && { tags: [...tags] }),
    ...(batch !== null && { batch }),
    ...(favourite && { favourite }),
  };
}

/** Whether it leaves anything out, whatever the shelf. */
export function isFiltering({ text, status, method, tags, batch, favourite }: HistoryQuery): boolean {
  return text.trim() !== '' || status.length + method.length + tags.length > 0 || batch !== null || favourite;
}

/** After a click on a column's head: that column, the best first; a second click turns it around. */
export function sortedBy(query: HistoryQuery, sort: RunSort): HistoryQuery {
  const ascending = query.sort === sort ? !query.ascending : LESS_FIRST.includes(sort);
  return { ...query, sort, ascending, page: 0 };
}

/** Columns whose first order is the ascending one: names, and what is better when it is less. */
const LESS_FIRST: readonly RunSort[] = ['name', 'forgetting', 'drift', 'seconds'];

/** With a value put in, or taken out when it is in already. */
export function toggled<Value>(list: readonly Value[], value: Value): Value[] {
  return list.includes(value) ? list.filter((each) => each !== value) : [...list, value];
}

function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter(Boolean);
}

function known<Value extends string>(values: readonly Value[], text: string | undefined): Value[] {
  return listOf(text).flatMap((each) => values.filter((value) => value === each));
}
