import type { z } from 'zod';
import type { RUN_SORTS, RunRow, runQuerySchema } from '../../shared/contract/comparison.ts';
import { foldCase, type Reader } from './open-store.ts';

export type ParsedRunQuery = z.output<typeof runQuerySchema>;

/** What runs are sorted by, of the tables below. */
const SORTED_BY: Record<(typeof RUN_SORTS)[number], string> = {
  created: 'run.createdAt',
  name: 'foldCase(run.name)',
  gain: 'facts.gain',
  forgetting: 'facts.forgetting',
  drift: 'facts.drift',
  seconds: 'run.seconds',
  replayShare: 'facts.replayShare',
  tokensPerSecond: 'run.tokensPerSecond',
};

const SHELVES: Record<ParsedRunQuery['shelf'], string> = {
  active: 'run.archivedAt IS NULL AND run.deletedAt IS NULL',
  archived: 'run.archivedAt IS NOT NULL AND run.deletedAt IS NULL',
  deleted: 'run.deletedAt IS NOT NULL',
};

const TABLES = 'runs AS run JOIN runFacts AS facts ON facts.run = run.id';

/** All that words are looked for in. */
const TEXT = `foldCase(run.id || char(10) || run.name || char(10) || run.note || char(10) || coalesce(run.model, '') || char(10)
  || facts.baseModel || char(10) || facts.baseModelName || char(10)
  || coalesce((SELECT group_concat(value, char(10)) FROM json_each(run.tags)), '') || char(10)
  || coalesce((SELECT group_concat((value ->> '$.id') || char(10) || (value ->> '$.name'), char(10)) FROM json_each(facts.datasets)), ''))`;

interface Condition {
  sql: string;
  values: unknown[];
}

/** Ids of all runs that a query finds, in its order. */
export function searchRunIds(reader: Reader, query: ParsedRunQuery): string[] {
  const { sql, values } = conditionOf(query);
  return reader
    .prepare<unknown[], string>(`SELECT run.id FROM ${TABLES} WHERE ${sql} ORDER BY ${orderOf(query)}`)
    .pluck()
    .all(...values);
}

/** A page of the runs that a query finds, and how many there are on all pages. */
export function searchRuns(reader: Reader, query: ParsedRunQuery): { total: number; rows: RunRow[] } {
  const { sql, values } = conditionOf(query);
  const total = reader
    .prepare<unknown[], number>(`SELECT count(*) FROM ${TABLES} WHERE ${sql}`)
    .pluck()
    .get(...values)!;
  const rows = reader
    .prepare<unknown[], FactsRow>(
      `SELECT run.id, run.name, run.status, run.note, run.tags, run.favourite, run.archivedAt, run.deletedAt, run.batch, facts.method,
          facts.baseModel, facts.baseModelName, run.model, facts.datasets, facts.insertedBlocks, facts.replayShare, facts.steps,
          run.stepsDone, facts.gain, run.gainError, facts.forgetting, run.forgettingError, facts.drift, run.tokensPerSecond, run.seconds,
          run.engine, facts.sparkline, run.createdAt, run.finishedAt
        FROM ${TABLES} WHERE ${sql} ORDER BY ${orderOf(query)} LIMIT ? OFFSET ?`,
    )
    .all(...values, query.count, query.from);
  return { total, rows: rows.map(fromRow) };
}

/** Tags of the runs on a shelf, with how many of them have each. */
export function listTags(reader: Reader, shelf: ParsedRunQuery['shelf']): { tag: string; runs: number }[] {
  return reader
    .prepare<[], { tag: string; runs: number }>(
      `SELECT value AS tag, count(*) AS runs FROM runs AS run, json_each(run.tags) WHERE ${SHELVES[shelf]} GROUP BY value ORDER BY foldCase(value), value`,
    )
    .all();
}

function conditionOf({ text, status, method, tags, baseModel, batch, favourite, shelf }: ParsedRunQuery): Condition {
  const words = foldCase(text).split(/\s+/).filter(Boolean);
  const conditions: (Condition | null)[] = [
    { sql: SHELVES[shelf], values: [] },
    ...words.map((word) => ({ sql: `instr(${TEXT}, ?) > 0`, values: [word] })),
    status ? oneOf('run.status', status) : null,
    method ? oneOf('facts.method', method) : null,
    ...(tags ?? []).map((tag) => ({ sql: 'EXISTS (SELECT 1 FROM json_each(run.tags) WHERE value = ?)', values: [tag] })),
    baseModel === undefined ? null : { sql: 'facts.baseModel = ?', values: [baseModel] },
    batch === undefined ? null : { sql: 'run.batch = ?', values: [batch] },
    favourite === undefined ? null : { sql: 'run.favourite = ?', values: [Number(favourite)] },
  ];
  const given = conditions.filter((condition) => condition !== null);
  return { sql: given.map(({ sql }) => sql).join(' AND '), values: given.flatMap(({ values }) => values) };
}

function oneOf(column: string, values: readonly string[]): Condition {
  return { sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] };
}

/** Runs without the value come last either way; equal ones newest first, so that pages do not overlap. */
function orderOf({ sort, ascending }: ParsedRunQuery): string {
  const column = SORTED_BY[sort];
  return `${column} IS NULL, ${column} ${ascending ? 'ASC' : 'DESC'}, run.createdAt DESC, run.id`;
}

type FactsRow = Omit<RunRow, 'tags' | 'favourite' | 'baseModel' | 'datasets' | 'gain' | 'forgetting' | 'sparkline'> & {
  tags: string;
  favourite: 0 | 1;
  baseModel: string;
  baseModelName: string;
  datasets: string;
  gain: number | null;
  gainError: number | null;
  forgetting: number | null;
  forgettingError: number | null;
  sparkline: string;
};

function fromRow({ baseModel, baseModelName, gain, gainError, forgetting, forgettingError, ...row }: FactsRow): RunRow {
  return {
    ...row,
    tags: JSON.parse(row.tags) as string[],
    favourite: row.favourite === 1,
    baseModel: { id: baseModel, name: baseModelName },
    datasets: JSON.parse(row.datasets) as RunRow['datasets'],
    gain: gain === null ? null : { value: gain, error: gainError },
    forgetting: forgetting === null ? null : { value: forgetting, error: forgettingError },
    sparkline: JSON.parse(row.sparkline) as number[],
  };
}
