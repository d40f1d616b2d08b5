import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPageSchema, type RunQuery, runQuerySchema, type RunRow } from '../../shared/contract/comparison.ts';
import { insertDataset } from '../../main/store/datasets.ts';
import { insertModel } from '../../main/store/models.ts';
import type { Writer } from '../../main/store/open-store.ts';
import { insertMetrics, updateRun } from '../../main/store/runs.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { insertMeasuredRun, storeOf } from '../support/measured-runs.ts';
import { configurationRecord, datasetRecord, modelRecord } from '../support/run-records.ts';
import { openStudioAt } from '../support/workspace.ts';

let home: string;
let studio: Studio;
let store: Writer;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strata-history-'));
  studio = openStudioAt(home);
  store = storeOf(home);
  const before = { new: [5, 5, 5, 5], old: [2, 2, 2, 2] };
  const after = (gain: number, forgetting: number): { new: number[]; old: number[] } => ({
    new: before.new.map((loss) => loss - gain),
    old: before.old.map((loss) => loss + forgetting),
  });
  const run = (id: string, minute: number, changes: Partial<Parameters<typeof insertMeasuredRun>[1]>): void =>
    insertMeasuredRun(store, { id, createdAt: `2026-01-02T03:0${minute}:00.000Z`, before, after: after(1, 0.5), ...changes });
  const lora = { name: 'lora' as const, rank: 8, alpha: 16, targets: ['q_proj' as const] };
  run('r1', 1, { name: 'Übung eins', tags: ['thesis', '50 %'], after: after(0.5, 0.1) });
  run('r2', 2, { name: 'second', note: 'looks\nODD', configuration: { method: lora, replayShare: 0.3 }, after: after(2, 1.5) });
  run('r3', 3, { name: "Robert'); DROP TABLE runs;--", tags: ['thesis'], after: null });
  run('r4', 4, { name: 'fourth', configuration: { baseModel: { id: 'base-2', name: 'SmolBase', hash: 'z'.repeat(64) } } });
  updateRun(store, 'r3', { status: 'paused' });
});
afterAll(async () => {
  store.close();
  await studio.close();
  await rm(home, { recursive: true });
});

const search = (query: RunQuery = {}): { total: number; rows: RunRow[]; tags: { tag: string; runs: number }[] } =>
  runPageSchema.parse(studio.history.search(runQuerySchema.parse(query)));
const found = (query: RunQuery): string[] => search(query).rows.map(({ id }) => id);

describe('a page of the history', () => {
  it('shows of a run what the run itself says', () => {
    const { total, rows, tags } = search();
    expect(total).toBe(4);
    expect(tags).toEqual([
      { tag: '50 %', runs: 1 },
      { tag: 'thesis', runs: 2 },
    ]);
    for (const row of rows) {
      const run = studio.runs.show(row.id);
      const { name, status, method, replayShare, steps, stepsDone, baseModel, drift } = run;
      expect(row).toMatchObject({ name, status, method, replayShare, steps, stepsDone, baseModel, drift });
      expect(row.gain).toEqual(run.gain === null ? null : { value: run.gain, error: run.gainError });
      expect(row.forgetting).toEqual(run.forgetting === null ? null : { value: run.forgetting, error: run.forgettingError });
      expect(row.datasets).toEqual(run.configuration.datasets.map(({ id, name: called, role }) => ({ id, name: called, role })));
      expect(row.insertedBlocks).toBe(run.plan?.inserted.length ?? 0);
    }
    expect(rows.find(({ id }) => id === 'r2')!.sparkline).toEqual([5, 3]);
  });

  it.each<[string, RunQuery, string[]]>([
    ['a word of a name, in any case and script', { text: 'ÜBUNG' }, ['r1']],
    ['the same letters, composed in another way', { text: 'u\u0308bung' }, ['r1']],
    ['a word of a note', { text: 'odd' }, ['r2']],
    ['a tag', { text: 'thesis' }, ['r3', 'r1']],
    ['words of two fields, all of them', { text: 'eins thesis stories' }, ['r1']],
    ['a model', { text: 'smolbase' }, ['r4']],
    ['a word that none has', { text: 'nothing' }, []],
    ['signs that mean something to SQL and to patterns', { text: "'); drop" }, ['r3']],
    ['a per cent sign, which is no wildcard', { text: '%' }, ['r1']],
    ['a status', { status: ['paused'] }, ['r3']],
    ['several', { status: ['paused', 'done'], text: 'f' }, ['r4']],
    ['a method', { method: ['lora'] }, ['r2']],
    ['tags, all of them', { tags: ['thesis', '50 %'] }, ['r1']],
    ['a base', { baseModel: 'base-2' }, ['r4']],
    ['a batch that is not there', { batch: 'none' }, []],
  ])('is of the runs with %s', (_, query, ids) => {
    expect(found(query)).toEqual(ids);
  });

  it('is in the order that is asked for, and runs without the value come last', () => {
    expect(found({})).toEqual(['r4', 'r3', 'r2', 'r1']);
    expect(found({ ascending: true })).toEqual(['r1', 'r2', 'r3', 'r4']);
    expect(found({ sort: 'gain' })).toEqual(['r2', 'r4', 'r1', 'r3']);
    expect(found({ sort: 'gain', ascending: true })).toEqual(['r1', 'r4', 'r2', 'r3']);
    expect(found({ sort: 'forgetting' })).toEqual(['r2', 'r4', 'r1', 'r3']);
    expect(found({ sort: 'replayShare' })[0]).toBe('r2');
    expect(found({ sort: 'name', ascending: true })).toEqual(['r4', 'r3', 'r2', 'r1']);
  });

  it('follows the one before it without a gap or a repeat', () => {
    const pages = [0, 1, 2, 3, 4].map((from) => search({ from, count: 1, sort: 'seconds' }));
    expect(pages.map(({ total }) => total)).toEqual([4, 4, 4, 4, 4]);
    expect(pages.flatMap(({ rows }) => rows.map(({ id }) => id))).toEqual(['r4', 'r3', 'r2', 'r1']);
  });

  it('has at most 32 values of a course, from its beginning to its end', () => {
    const points = Array.from({ length: 10_000 }, (_, step) => ({ step, series: 'loss.new' as const, value: 10_000 - step }));
    insertMetrics(store, 'r4', points);
    updateRun(store, 'r4', { latest: studio.runs.show('r4').final });
    const { sparkline } = search({ text: 'fourth' }).rows[0]!;
    expect(sparkline).toHaveLength(32);
    expect([sparkline[0], sparkline[31]]).toEqual([10_000, 1]);
    expect(sparkline).toEqual(sparkline.toSorted((a, b) => b - a));
  });
});

describe('marks', () => {
  it('stay with the run', () => {
    expect(studio.history.tag({ run: 'r2', tags: ['b', 'a', 'b'] }).tags).toEqual(['b', 'a']);
    expect(studio.history.tag({ run: 'r2', tags: [] }).tags).toEqual([]);
    expect(studio.history.favourite({ run: 'second', favourite: true }).favourite).toBe(true);
    expect(found({ favourite: true })).toEqual(['r2']);
    studio.history.favourite({ run: 'r2', favourite: false });
    expect(found({ favourite: true })).toEqual([]);
  });

  it('put runs away and take them out again, all or none', () => {
    expect(() => studio.history.archive({ runs: ['r1', 'nobody'], archived: true })).toThrow(/no run "nobody"/);
    expect(found({ shelf: 'archived' })).toEqual([]);
    studio.history.archive({ runs: ['r1', 'r2'], archived: true });
    expect(found({ shelf: 'archived' })).toEqual(['r2', 'r1']);
    expect(found({})).toEqual(['r4', 'r3']);
    expect(search().tags).toEqual([{ tag: 'thesis', runs: 1 }]); // of what is shown
    studio.history.archive({ runs: ['r1', 'r2'], archived: false });
    expect(found({ shelf: 'archived' })).toEqual([]);
  });
});

describe('the bin', () => {
  it('holds what was deleted, out of the way, until it is brought back', () => {
    expect(studio.history.remove({ run: 'fourth' })).toEqual({ removed: 'r4' });
    expect(found({})).toEqual(['r3', 'r2', 'r1']);
    expect(found({ shelf: 'deleted' })).toEqual(['r4']);
    expect(studio.runs.list().map(({ id }) => id)).toEqual(['r3', 'r2', 'r1']);
    expect(studio.runs.show('r4').deletedAt).not.toBeNull(); // still to be read
    expect(studio.history.restore({ run: 'fourth' })).toMatchObject({ id: 'r4', name: 'fourth', deletedAt: null });
    expect(found({ shelf: 'deleted' })).toEqual([]);
  });

  it('frees a name; who comes back to a taken one gets another', () => {
    studio.history.remove({ run: 'r4' });
    expect(studio.history.rename({ run: 'r2', name: 'fourth' }).name).toBe('fourth');
    expect(studio.runs.find('fourth').id).toBe('r2'); // not the one in the bin
    expect(studio.history.restore({ run: 'r4' }).name).toBe('fourth 2');
    studio.history.rename({ run: 'r2', name: 'second' });
    studio.history.rename({ run: 'r4', name: 'fourth' });
  });

  it('is not for runs that train, and only what is in it is deleted for good', async () => {
    updateRun(store, 'r3', { status: 'running', ownerPid: process.pid, heartbeatAt: new Date().toISOString() });
    expect(() => studio.history.remove({ run: 'r3' })).toThrow(/training cannot be deleted/);
    updateRun(store, 'r3', { status: 'paused', ownerPid: null, heartbeatAt: null });
    await expect(studio.history.purge({ run: 'r3' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(studio.history.purge({ run: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await studio.history.purge({})).toEqual({ removed: [] });
    studio.history.remove({ run: 'r3' });
    expect(await studio.history.purge({ run: 'r3' })).toEqual({ removed: ['r3'] });
    expect(store.prepare("SELECT count(*) FROM runFacts WHERE run = 'r3'").pluck().get()).toBe(0);
  });
});

describe('runs whose model and data were deleted', () => {
  it('stay readable: shown, listed, compared and told in a report', async () => {
    const configuration = configurationRecord();
    const paths = (id: string): { path: string } => ({ path: join(home, id) });
    insertModel(store, modelRecord({ ...paths('base-1') }));
    insertDataset(store, datasetRecord({ ...paths('code-1') }));
    const before = studio.runs.show('r1');
    studio.models.remove({ model: 'base-1' });
    studio.datasets.remove({ dataset: 'code-1' });
    expect(studio.runs.show('r1')).toEqual(before);
    expect(search({ text: 'Übung' }).rows[0]!.datasets[0]).toEqual({ id: 'code-1', name: configuration.datasets[0]!.name, role: 'new' });
    const { points } = await studio.comparison.compare({ runs: ['r1', 'r2'], baseline: 'r1' });
    expect(points).toHaveLength(2);
    expect((await studio.runExport.export({ runs: ['r1'], format: 'report.html', baseline: null })).text).toContain('stories');
  });
});
