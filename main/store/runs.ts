import { planOf } from '../../shared/domain/method.ts';
import {
  gainAndForgetting,
  METRIC_SERIES,
  type Evaluation,
  type MetricPoint,
  type MetricSeries,
  type RunConfiguration,
  type RunStatus,
  type RunSummary,
  type RunWarning,
} from '../../shared/domain/run.ts';
import type { GuardEvent } from '../../shared/domain/guard.ts';
import type { ErrorRecord } from '../../shared/errors.ts';
import type { Reader, Writer } from './open-store.ts';

/** A run as the database keeps it. */
export interface StoredRun {
  id: string;
  name: string;
  note: string;
  status: RunStatus;
  /** Frozen at the start. */
  configuration: RunConfiguration;
  /** Where its checkpoints lie. */
  directory: string;
  error: ErrorRecord | null;
  /** What happened to it without ending it, oldest first. */
  warnings: RunWarning[];
  /** What its guard did, oldest first. */
  guardEvents: GuardEvent[];
  tags: string[];
  favourite: boolean;
  /** When it was put away, or into the bin; null when it was not. */
  archivedAt: string | null;
  deletedAt: string | null;
  /** The batch that it was started with. */
  batch: string | null;
  /** While it waits: runs of a higher one go first; among equals, those of a lower place. */
  priority: number;
  queuePlace: number | null;
  /** Why it was ended early, where that was not the user's doing. */
  stopReason: string | null;
  /** The run that it repeats exactly. */
  rerunOf: string | null;
  model: string | null;
  modelPath: string | null;
  stepsDone: number;
  tokens: { total: number; byDataset: Record<string, number> };
  trainableParameters: number | null;
  trainableTensors: string[];
  addedParameters: number | null;
  identityDifference: number | null;
  baseline: Evaluation | null;
  /** The base on the text that is measured on the way; null of runs before version 190. */
  watchedBaseline: Evaluation | null;
  /** The last evaluation on the way; null before the first. */
  latest: Evaluation | null;
  final: Evaluation | null;
  /** Standard errors of gain and forgetting; null where they are not known, as of runs before version 90. */
  gainError: number | null;
  forgettingError: number | null;
  tokensPerSecond: number | null;
  /** Of the windows trained on, the share that had been there before; null while it runs, and of runs before version 50. */
  repeatedShare: number | null;
  secondsLeft: number | null;
  seconds: number | null;
  /** Of these, seconds spent measuring; null while it runs, and of runs before version 91. */
  measuringSeconds: number | null;
  /** Of these, seconds spent on samples of text so far; null of runs before version 170. */
  samplingSeconds: number | null;
  peakMemory: number | null;
  engine: string | null;
  /** What is being done now, for the user. */
  activity: string;
  /** What another process asked of the owner. */
  requested: 'pause' | 'stop' | null;
  /** The process that trains it, in a way that no later process shares (null of runs before version 170), and when it last said so. */
  ownerPid: number | null;
  ownerSign: string | null;
  heartbeatAt: string | null;
  createdAt: string;
  finishedAt: string | null;
}

const JSON_COLUMNS = [
  'configuration',
  'error',
  'warnings',
  'guardEvents',
  'tags',
  'tokens',
  'trainableTensors',
  'baseline',
  'watchedBaseline',
  'latest',
  'final',
] as const;
type JsonColumn = (typeof JSON_COLUMNS)[number];
type Row = Omit<StoredRun, JsonColumn | 'favourite'> & Record<JsonColumn, string | null> & { favourite: 0 | 1 };

export function listRuns(reader: Reader): StoredRun[] {
  return reader.prepare<[], Row>('SELECT * FROM runs ORDER BY createdAt DESC, id').all().map(fromRow);
}

/** Runs in the bin. */
export function listDeletedRuns(reader: Reader): StoredRun[] {
  return reader.prepare<[], Row>('SELECT * FROM runs WHERE deletedAt IS NOT NULL').all().map(fromRow);
}

/** What a run is called by. */
export type RunReference = Pick<StoredRun, 'id' | 'name' | 'deletedAt'>;

/** Runs with an id or a name, without what they were configured with. */
export function listReferences(reader: Reader, reference: string): RunReference[] {
  return reader
    .prepare<[string, string], RunReference>('SELECT id, name, deletedAt FROM runs WHERE id = ? OR name = ? ORDER BY createdAt DESC, id')
    .all(reference, reference);
}

/** Names of all runs but those in the bin, newest first. */
export function listRunNames(reader: Reader): RunReference[] {
  return reader.prepare<[], RunReference>('SELECT id, name, deletedAt FROM runs WHERE deletedAt IS NULL ORDER BY createdAt DESC, id').all();
}

/** Null when there is no such run (any more). */
export function findRun(reader: Reader, id: string): StoredRun | null {
  const row = reader.prepare<[string], Row>('SELECT * FROM runs WHERE id = ?').get(id);
  return row ? fromRow(row) : null;
}

/** What every run is recorded with. */
export type NewRun = Pick<
  StoredRun,
  | 'id'
  | 'name'
  | 'status'
  | 'configuration'
  | 'directory'
  | 'createdAt'
  | 'ownerPid'
  | 'heartbeatAt'
  | 'trainableParameters'
  | 'trainableTensors'
  | 'addedParameters'
>;

export function insertRun(
  writer: Writer,
  run: NewRun & Partial<Pick<StoredRun, 'batch' | 'priority' | 'queuePlace' | 'rerunOf' | 'warnings'>>,
): void {
  updateOrInsert(
    writer,
    run,
    (columns) => `INSERT INTO runs (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
  );
}

/** Changes some fields; the configuration is none of them (a trigger of the database refuses it, too). */
export function updateRun(writer: Writer, id: string, fields: Partial<Omit<StoredRun, 'id' | 'configuration'>>): void {
  if (Object.keys(fields).length === 0) return;
  updateOrInsert(writer, { ...fields, id }, (columns) => {
    const changes = columns.filter((name) => name !== 'id').map((name) => `${name} = @${name}`);
    return `UPDATE runs SET ${changes.join(', ')} WHERE id = @id`;
  });
}

/** Who trains a run, as far as the database knows. */
export type Ownership = Pick<StoredRun, 'status' | 'ownerPid' | 'heartbeatAt'>;

/** Who trains it from now on; nobody unless there is a sign. */
export type NextOwnership = Ownership & Partial<Pick<StoredRun, 'ownerSign'>>;

/**
 * Changes a run's owner if nobody else did in the meantime: of several processes that want a run, one gets it.
 * @returns whether it was changed.
 */
export function changeOwner(
  writer: Writer,
  { id, status, ownerPid, heartbeatAt }: Ownership & { id: string },
  next: NextOwnership,
): boolean {
  const { changes } = writer
    .prepare(
      `UPDATE runs SET status = @nextStatus, ownerPid = @nextPid, ownerSign = @nextSign, heartbeatAt = @nextHeartbeat
        WHERE id = @id AND status = @status AND ownerPid IS @ownerPid AND heartbeatAt IS @heartbeatAt`,
    )
    .run({
      ...{ id, status, ownerPid, heartbeatAt },
      ...{ nextStatus: next.status, nextPid: next.ownerPid, nextSign: next.ownerSign ?? null, nextHeartbeat: next.heartbeatAt },
    });
  return changes === 1;
}

function updateOrInsert(writer: Writer, fields: Partial<StoredRun>, statement: (columns: string[]) => string): void {
  const values = Object.entries(fields).map(([name, value]) => {
    const isJson = (JSON_COLUMNS as readonly string[]).includes(name);
    return [name, isJson && value !== null ? JSON.stringify(value) : typeof value === 'boolean' ? Number(value) : value] as const;
  });
  writer.prepare(statement(values.map(([name]) => name))).run(Object.fromEntries(values));
}

export function deleteRun(writer: Writer, id: string): void {
  writer.transaction(() => {
    writer.prepare('UPDATE models SET run = NULL WHERE run = ?').run(id);
    writer.prepare('DELETE FROM runs WHERE id = ?').run(id);
  })();
}

/** Adds points; a resumed run measures some steps again, with the same values. */
export function insertMetrics(writer: Writer, run: string, points: readonly MetricPoint[]): void {
  const statement = writer.prepare('INSERT OR REPLACE INTO metrics (run, series, step, value) VALUES (?, ?, ?, ?)');
  writer.transaction(() => {
    for (const { series, step, value } of points) statement.run(run, series, step, value);
  })();
}

/** Points after a step, of some series or all, in the order of series and steps. */
export function listMetrics(
  reader: Reader,
  run: string,
  afterStep: number,
  series: readonly MetricSeries[] = METRIC_SERIES,
): MetricPoint[] {
  return reader
    .prepare<[string, string, number], MetricPoint>(
      `SELECT series, step, value FROM metrics
        WHERE run = ? AND series IN (SELECT value FROM json_each(?)) AND step > ? ORDER BY series, step`,
    )
    .all(run, JSON.stringify(series), afterStep);
}

/** Points of all series. */
export function countMetrics(reader: Reader, run: string): number {
  return reader.prepare<[string], number>('SELECT count(*) FROM metrics WHERE run = ?').pluck().get(run)!;
}

/** The last point of a series up to a step; null when there is none. Looked up, not searched for: it is asked five times a second. */
export function lastMetric(reader: Reader, run: string, series: MetricSeries, upToStep: number): MetricPoint | null {
  const point = reader
    .prepare<[string, string, number], MetricPoint>(
      'SELECT series, step, value FROM metrics WHERE run = ? AND series = ? AND step <= ? ORDER BY step DESC LIMIT 1',
    )
    .get(run, series, upToStep);
  return point ?? null;
}

function fromRow(row: Row): StoredRun {
  const fields: Record<string, unknown> = { ...row, favourite: row.favourite === 1 };
  for (const name of JSON_COLUMNS) fields[name] = row[name] === null ? null : JSON.parse(row[name]);
  return fields as unknown as StoredRun;
}

/** The run as screens and scripts see it; gain and forgetting are derived here, from what was measured. */
export function summaryOf(run: StoredRun): RunSummary {
  const { baseline, final, configuration } = run;
  const outcome = baseline && final ? gainAndForgetting(baseline, final) : null;
  return {
    id: run.id,
    name: run.name,
    note: run.note,
    status: run.status,
    error: run.error,
    warnings: run.warnings,
    guardEvents: run.guardEvents,
    tags: run.tags,
    favourite: run.favourite,
    archivedAt: run.archivedAt,
    deletedAt: run.deletedAt,
    batch: run.batch,
    priority: run.priority,
    stopReason: run.stopReason,
    rerunOf: run.rerunOf,
    model: run.model,
    modelPath: run.modelPath,
    baseModel: { id: configuration.baseModel.id, name: configuration.baseModel.name },
    method: configuration.method.name,
    plan: planOf(configuration.method),
    configuration,
    seed: configuration.seed,
    steps: configuration.steps,
    stepsDone: run.stepsDone,
    tokens: run.tokens,
    replayShare: configuration.replayShare,
    trainableParameters: run.trainableParameters,
    trainableTensors: run.trainableTensors,
    addedParameters: run.addedParameters,
    identityDifference: run.identityDifference,
    baseline,
    watchedBaseline: run.watchedBaseline,
    latest: run.latest,
    final,
    gain: outcome?.gain ?? null,
    forgetting: outcome?.forgetting ?? null,
    gainError: outcome ? run.gainError : null,
    forgettingError: outcome ? run.forgettingError : null,
    drift: final?.drift ?? null,
    tokensPerSecond: run.tokensPerSecond,
    seconds: run.seconds,
    measuringSeconds: run.measuringSeconds,
    samplingSeconds: run.samplingSeconds,
    peakMemory: run.peakMemory,
    engine: run.engine,
    createdAt: run.createdAt,
    finishedAt: run.finishedAt,
  };
}
