import { join } from 'node:path';
import { insertMeasurements } from '../../main/store/measurements.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { insertMetrics, insertRun, updateRun } from '../../main/store/runs.ts';
import type { DatasetMeasure } from '../../shared/domain/measurement.ts';
import type { Evaluation, MetricPoint, RunConfiguration } from '../../shared/domain/run.ts';
import { configurationRecord, runRecord } from './run-records.ts';

/** Runs as training leaves them, without the training: a test says what was measured, document by document. */
export interface MeasuredRun {
  id: string;
  name?: string;
  createdAt?: string;
  configuration?: Partial<RunConfiguration>;
  engine?: string;
  note?: string;
  tags?: string[];
  /** Tokens of each document, the same for new and old, and bytes of each token. */
  tokens?: number[];
  bytesPerToken?: number;
  /** Loss per token of each document before step 1, and at the end; null leaves the run without its end. */
  before: { new: number[]; old: number[] };
  after: { new: number[]; old: number[] } | null;
  /** Held-out losses by step, [step, new, old]; the measurements above when left out. */
  course?: [number, number, number][];
  /** Whose state is the result; the last when left out. */
  stepsDone?: number;
  /** Whether single documents were kept. */
  hasDocuments?: boolean;
}

/** A handle on a workspace that a studio has open, to put runs into it. */
export function storeOf(home: string): Writer {
  return openStore(join(home, 'strata.db'));
}

export function insertMeasuredRun(store: Writer, run: MeasuredRun): void {
  const { id, tokens = [10, 20, 30, 40], bytesPerToken = 4, hasDocuments = true, engine = 'wasm' } = run;
  const configuration = configurationRecord(run.configuration);
  insertRun(store, {
    ...runRecord(id),
    ...{ name: run.name ?? id, createdAt: run.createdAt ?? '2026-01-02T03:04:05.678Z' },
    ...{ status: 'done', ownerPid: null, heartbeatAt: null, configuration },
  });
  const totals = (losses: number[]): number => losses.reduce((sum, loss, document) => sum + loss * tokens[document]!, 0);
  const total = tokens.reduce((sum, count) => sum + count, 0);
  const measures = (losses: { new: number[]; old: number[] }): DatasetMeasure[] =>
    configuration.datasets.map(({ id: datasetId, name, hash, role }) => {
      const value = totals(losses[role]) / total;
      const bytes = total * bytesPerToken;
      const bitsPerByte = { value: (value * total) / (bytes * Math.LN2), error: 0.01 };
      const counts = { tokens: total, bytes, documents: tokens.length, coverage: 1 };
      return {
        datasetId,
        name,
        hash,
        role,
        ...counts,
        loss: { value, error: 0.01 },
        bitsPerByte,
        agreement: null,
        drift: null,
        shift: null,
      };
    });
  const evaluation = (losses: { new: number[]; old: number[] }, drift: number | null): Evaluation => {
    const datasets = measures(losses);
    const of = (role: 'new' | 'old'): { loss: number; tokens: number } | null => {
      const measured = datasets.find((each) => each.role === role);
      return measured ? { loss: measured.loss.value, tokens: total } : null;
    };
    return { new: of('new')!, old: of('old'), drift, datasets };
  };
  const keep = (step: number, losses: { new: number[]; old: number[] }, drift: number): void => {
    const kept = measures(losses);
    const documents = kept.map(({ datasetId, role }) => ({
      datasetId,
      tokens,
      losses: losses[role === 'past' ? 'old' : role].map((loss, document) => loss * tokens[document]!),
      drifts: tokens.map((count) => drift * count),
    }));
    insertMeasurements(store, id, step, kept, hasDocuments ? documents : null);
  };
  const { steps } = configuration;
  const baseline = evaluation(run.before, null);
  const final = run.after && evaluation(run.after, 0.5);
  keep(0, run.before, 0);
  if (run.after) keep(steps, run.after, 0.5);
  const whole: [number, number, number][] = [
    [0, baseline.new.loss, baseline.old?.loss ?? NaN],
    ...(final ? [[steps, final.new.loss, final.old?.loss ?? NaN] as [number, number, number]] : []),
  ];
  const points = (run.course ?? whole).flatMap(([step, onNew, onOld]): MetricPoint[] => [
    { step, series: 'loss.new', value: onNew },
    ...(Number.isNaN(onOld) ? [] : [{ step, series: 'loss.old' as const, value: onOld }]),
  ]);
  insertMetrics(store, id, points);
  updateRun(store, id, {
    ...{ engine, note: run.note ?? '', tags: run.tags ?? [], stepsDone: run.stepsDone ?? steps, seconds: 80, tokensPerSecond: 1000 },
    ...{ baseline, final, latest: final ?? baseline, gainError: 0.02, forgettingError: 0.01 },
  });
}
