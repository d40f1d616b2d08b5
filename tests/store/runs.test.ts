import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { insertModel, listModels } from '../../main/store/models.ts';
import { openStore, type Reader, type Writer } from '../../main/store/open-store.ts';
import {
  changeOwner,
  deleteRun,
  findRun,
  insertMetrics,
  insertRun,
  lastMetric,
  listMetrics,
  listRuns,
  type StoredRun,
  summaryOf,
  updateRun,
} from '../../main/store/runs.ts';
import { METRIC_SERIES, type MetricPoint, runSummarySchema } from '../../shared/domain/run.ts';
import { configurationRecord, modelRecord, runRecord } from '../support/run-records.ts';

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

const outcome: Omit<StoredRun, keyof ReturnType<typeof runRecord>> & Pick<StoredRun, 'status' | 'ownerPid' | 'heartbeatAt'> = {
  note: 'what I saw',
  status: 'failed',
  error: { code: 'NO_SPACE', message: 'The disk is full.', found: 'no room', hint: 'Free some space.' },
  warnings: [{ at: '2026-01-02T03:04:30.000Z', text: 'The newest checkpoint was damaged.' }],
  guardEvents: [{ step: 20, at: '2026-01-02T03:04:40.000Z', action: 'warn', found: 0.06, limit: 0.05, text: 'over the limit' }],
  tags: ['thesis', 'first try'],
  favourite: true,
  archivedAt: '2026-01-03T03:05:00.000Z',
  deletedAt: '2026-01-04T03:05:00.000Z',
  batch: 'batch-1',
  priority: 3,
  queuePlace: 7,
  stopReason: 'hopeless',
  rerunOf: 'run-0',
  gainError: 0.03,
  forgettingError: 0.01,
  model: 'model-1',
  modelPath: '/workspace/models/model-1',
  stepsDone: 40,
  tokens: { total: 5120, byDataset: { 'code-1': 4608, 'stories-1': 512 } },
  identityDifference: 0,
  baseline: { new: { loss: 6.1, tokens: 2360 }, old: { loss: 6.3, tokens: 2656 }, drift: null },
  watchedBaseline: { new: { loss: 6.15, tokens: 1180 }, old: { loss: 6.32, tokens: 1328 }, drift: null },
  latest: { new: { loss: 5.2, tokens: 2360 }, old: { loss: 6.4, tokens: 2656 }, drift: 0.25 },
  final: { new: { loss: 5, tokens: 2360 }, old: { loss: 6.5, tokens: 2656 }, drift: 0.5 },
  tokensPerSecond: 11_456.5,
  repeatedShare: 0.25,
  secondsLeft: 3.5,
  seconds: 12.25,
  measuringSeconds: 1.5,
  samplingSeconds: 0.25,
  peakMemory: 555_958_272,
  engine: 'wasm',
  activity: 'training',
  requested: 'pause',
  ownerPid: null,
  ownerSign: null,
  heartbeatAt: null,
  finishedAt: '2026-01-02T03:05:00.000Z',
};

describe('a run', () => {
  it('starts with nothing measured', () => {
    insertRun(store, runRecord());
    expect(findRun(store, 'run-1')).toEqual({
      ...runRecord(),
      note: '',
      error: null,
      measuringSeconds: null,
      samplingSeconds: null,
      ownerSign: null,
      warnings: [],
      guardEvents: [],
      tags: [],
      favourite: false,
      archivedAt: null,
      deletedAt: null,
      batch: null,
      priority: 0,
      queuePlace: null,
      stopReason: null,
      rerunOf: null,
      gainError: null,
      forgettingError: null,
      model: null,
      modelPath: null,
      stepsDone: 0,
      tokens: { total: 0, byDataset: {} },
      identityDifference: null,
      baseline: null,
      watchedBaseline: null,
      latest: null,
      final: null,
      tokensPerSecond: null,
      repeatedShare: null,
      secondsLeft: null,
      seconds: null,
      peakMemory: null,
      engine: null,
      activity: '',
      requested: null,
      finishedAt: null,
    });
  });

  it('keeps every field that is written, and clears those that are set to null', () => {
    insertRun(store, runRecord());
    updateRun(store, 'run-1', outcome);
    expect(findRun(store, 'run-1')).toEqual({ ...runRecord(), ...outcome });
    updateRun(store, 'run-1', { error: null, final: null, requested: null });
    expect(findRun(store, 'run-1')).toEqual({ ...runRecord(), ...outcome, error: null, final: null, requested: null });
  });

  it('changes alone, and only in the fields that are given', () => {
    insertRun(store, runRecord());
    insertRun(store, runRecord('run-2'));
    updateRun(store, 'run-1', { name: `x', status = 'done` });
    updateRun(store, 'run-1', {});
    expect(findRun(store, 'run-1')).toMatchObject({ name: `x', status = 'done`, status: 'preparing' });
    expect(findRun(store, 'run-2')).toMatchObject({ name: 'run run-2' });
  });

  it('that is not there is null', () => {
    expect(findRun(store, 'run-1')).toBeNull();
  });

  it('is listed newest first', () => {
    for (const [id, day] of [
      ['a', '01'],
      ['b', '03'],
      ['c', '02'],
    ] as const) {
      insertRun(store, { ...runRecord(id), createdAt: `2026-01-${day}T00:00:00.000Z` });
    }
    expect(listRuns(store).map(({ id }) => id)).toEqual(['b', 'c', 'a']);
  });
});

describe('the configuration of a run', () => {
  it('comes back as it was given', () => {
    const configuration = configurationRecord({ method: { name: 'full' }, learningRate: 0.1 + 0.2, epsilon: 5e-324, replayShare: 1 / 3 });
    insertRun(store, { ...runRecord(), configuration });
    expect(findRun(store, 'run-1')!.configuration).toEqual(configuration);
  });

  it('cannot be changed: not by type', () => {
    expectTypeOf<Parameters<typeof updateRun>[2]>().not.toHaveProperty('configuration');
    expectTypeOf<Parameters<typeof updateRun>[2]>().not.toHaveProperty('id');
  });

  it('cannot be changed: not in fact either, whoever writes', () => {
    insertRun(store, runRecord());
    const other = { note: 'changed', configuration: configurationRecord({ seed: 2 }) };
    expect(() => updateRun(store, 'run-1', other)).toThrow(/frozen/);
    expect(() => store.prepare("UPDATE runs SET configuration = '{}'").run()).toThrow(/frozen/);
    expect(findRun(store, 'run-1')).toMatchObject({ note: '', configuration: configurationRecord() });
  });
});

describe('the owner of a run', () => {
  const owner = { status: 'running' as const, ownerPid: 7, heartbeatAt: '2026-01-02T03:04:09.000Z' };

  it('changes once for several that saw the same state', () => {
    insertRun(store, runRecord());
    const seen = findRun(store, 'run-1')!;
    expect(changeOwner(store, seen, owner)).toBe(true);
    expect(changeOwner(store, seen, { ...owner, ownerPid: 8 })).toBe(false);
    expect(findRun(store, 'run-1')).toEqual({ ...seen, ...owner });
  });

  it('is not changed when the present one has said in the meantime that it lives', () => {
    insertRun(store, runRecord());
    const seen = findRun(store, 'run-1')!;
    updateRun(store, 'run-1', { heartbeatAt: '2026-01-02T03:04:07.000Z' });
    expect(changeOwner(store, seen, { status: 'interrupted', ownerPid: null, heartbeatAt: null })).toBe(false);
    expect(findRun(store, 'run-1')).toMatchObject({ status: 'preparing', ownerPid: 4242 });
  });

  it('can be nobody, before and after', () => {
    insertRun(store, { ...runRecord(), ownerPid: null, heartbeatAt: null, status: 'paused' });
    expect(changeOwner(store, findRun(store, 'run-1')!, owner)).toBe(true);
    expect(changeOwner(store, findRun(store, 'run-1')!, { status: 'interrupted', ownerPid: null, heartbeatAt: null })).toBe(true);
    expect(findRun(store, 'run-1')).toMatchObject({ status: 'interrupted', ownerPid: null, heartbeatAt: null });
  });
});

describe('metrics', () => {
  beforeEach(() => {
    insertRun(store, runRecord());
    insertRun(store, runRecord('run-2'));
  });

  it('come back in the order of series and steps, whatever order they came in', () => {
    insertMetrics(store, 'run-1', [
      { step: 10, series: 'loss.train', value: 3 },
      { step: 2, series: 'loss.train', value: 4.000000000000001 },
      { step: 0, series: 'loss.new', value: 5 },
    ]);
    expect(listMetrics(store, 'run-1', -1)).toEqual([
      { step: 0, series: 'loss.new', value: 5 },
      { step: 2, series: 'loss.train', value: 4.000000000000001 },
      { step: 10, series: 'loss.train', value: 3 },
    ]);
    expect(listMetrics(store, 'run-2', -1)).toEqual([]);
  });

  it('of one step, series and run are one: measured again, the later value stays', () => {
    insertMetrics(store, 'run-1', [{ step: 1, series: 'loss.train', value: 4 }]);
    insertMetrics(store, 'run-2', [{ step: 1, series: 'loss.train', value: 9 }]);
    insertMetrics(store, 'run-1', [
      { step: 1, series: 'loss.train', value: 3 },
      { step: 1, series: 'loss.new', value: 5 },
    ]);
    expect(listMetrics(store, 'run-1', -1)).toEqual([
      { step: 1, series: 'loss.new', value: 5 },
      { step: 1, series: 'loss.train', value: 3 },
    ]);
    expect(listMetrics(store, 'run-2', -1)).toEqual([{ step: 1, series: 'loss.train', value: 9 }]);
  });

  it('can be asked for after a step, by series, and for the last up to a step', () => {
    const points = METRIC_SERIES.flatMap((series) => [1, 2, 3].map((step): MetricPoint => ({ step, series, value: step / 2 })));
    insertMetrics(store, 'run-1', points);
    expect(listMetrics(store, 'run-1', -1)).toHaveLength(points.length);
    expect(listMetrics(store, 'run-1', 1, ['loss.old', 'drift'])).toEqual([
      { step: 2, series: 'drift', value: 1 },
      { step: 3, series: 'drift', value: 1.5 },
      { step: 2, series: 'loss.old', value: 1 },
      { step: 3, series: 'loss.old', value: 1.5 },
    ]);
    expect(listMetrics(store, 'run-1', -1, [])).toEqual([]);
    expect(lastMetric(store, 'run-1', 'drift', 2)).toEqual({ step: 2, series: 'drift', value: 1 });
    expect(lastMetric(store, 'run-1', 'drift', 100)).toEqual({ step: 3, series: 'drift', value: 1.5 });
    expect(lastMetric(store, 'run-1', 'drift', 0)).toBeNull();
  });

  it('are written all or none: a value that is no number is not invented', () => {
    const points: MetricPoint[] = [
      { step: 1, series: 'loss.train', value: 4 },
      { step: 2, series: 'loss.train', value: NaN },
    ];
    expect(() => insertMetrics(store, 'run-1', points)).toThrow(/NOT NULL constraint failed/);
    expect(listMetrics(store, 'run-1', -1)).toEqual([]);
  });

  it('of a run that does not exist are refused', () => {
    expect(() => insertMetrics(store, 'run-3', [{ step: 1, series: 'drift', value: 1 }])).toThrow(/FOREIGN KEY constraint failed/);
  });
});

describe('deleting a run', () => {
  it('takes its metrics along, leaves the model it made, and touches no other run', () => {
    insertRun(store, runRecord());
    insertRun(store, runRecord('run-2'));
    insertModel(store, modelRecord({ run: 'run-1' }));
    for (const id of ['run-1', 'run-2']) insertMetrics(store, id, [{ step: 1, series: 'loss.train', value: 4 }]);
    deleteRun(store, 'run-1');
    expect(listRuns(store).map(({ id }) => id)).toEqual(['run-2']);
    expect(store.prepare('SELECT run FROM metrics').pluck().all()).toEqual(['run-2']);
    expect(listModels(store)).toEqual([modelRecord({ run: null })]);
  });
});

describe('a summary', () => {
  it('is what the contract says, with gain and forgetting against the baseline', () => {
    insertRun(store, runRecord());
    updateRun(store, 'run-1', outcome);
    const summary = summaryOf(findRun(store, 'run-1')!);
    expect(runSummarySchema.parse(summary)).toEqual(summary);
    expect(summary.gain).toBeCloseTo(1.1, 12);
    expect(summary.forgetting).toBeCloseTo(0.2, 12);
    expect(summary).toMatchObject({
      drift: 0.5,
      steps: 40,
      seed: 1,
      replayShare: 0.1,
      method: 'expand',
      baseModel: { id: 'base-1', name: 'base' },
    });
  });

  it('of a run without a final measurement claims neither gain nor forgetting', () => {
    insertRun(store, runRecord());
    updateRun(store, 'run-1', { baseline: outcome.baseline, latest: outcome.latest });
    expect(summaryOf(findRun(store, 'run-1')!)).toMatchObject({ gain: null, forgetting: null, drift: null });
  });

  it('without old data has no forgetting', () => {
    insertRun(store, runRecord());
    const onNew = (loss: number): StoredRun['baseline'] => ({ new: { loss, tokens: 10 }, old: null, drift: null });
    updateRun(store, 'run-1', { baseline: onNew(6), final: onNew(5) });
    expect(summaryOf(findRun(store, 'run-1')!)).toMatchObject({ gain: 1, forgetting: null });
  });
});

it('a handle for reading cannot be given to a function that writes', () => {
  expectTypeOf<Reader>().not.toExtend<Writer>();
  expectTypeOf<Writer>().toExtend<Reader>();
});
