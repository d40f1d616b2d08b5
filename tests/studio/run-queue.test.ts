import { type ChildProcess, fork } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { claimDevice, listTraining } from '../../main/store/run-queue.ts';
import { findRun, insertRun, updateRun } from '../../main/store/runs.ts';
import type { Studio } from '../../main/studio/studio.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { isAlive, signOf } from '../../main/training/process-sign.ts';
import { fastEngine } from '../support/engines.ts';
import { runRecord } from '../support/run-records.ts';
import { until, weightsOf } from '../support/studio-runs.ts';
import { openStudioAt, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
let store: Writer;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  store = openStore(join(tiny.home, 'strata.db'));
});
afterEach(async () => {
  for (const { id, status } of studio.runs.list())
    if (['queued', 'preparing', 'running'].includes(status)) await studio.runs.stop({ run: id });
});
afterAll(async () => {
  store.close();
  await tiny.remove();
});

const request = (changes: Partial<ParsedTrainRequest> = {}): ParsedTrainRequest => ({
  model: 'tiny',
  newDatasets: ['code'],
  oldDatasets: ['stories'],
  method: 'expand',
  place: 'even',
  steps: 5,
  batch: 2,
  context: 32,
  replayShare: 0.25,
  engine: fastEngine,
  advanced: { evaluateEvery: 50, evaluationTokens: 64, checkpointEvery: 10 },
  ...changes,
});

const names = (runs: readonly RunSummary[]): string[] => runs.map(({ name }) => name);
const isOver = ({ status }: RunSummary): boolean => ['done', 'stopped', 'failed'].includes(status);

async function refusal(attempt: () => unknown): Promise<StrataError> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  throw new Error('It was allowed.');
}

describe('a start while another run trains', () => {
  it('waits, and is trained when its turn comes, also after one that fails', async () => {
    const long = await studio.runs.start(request({ name: 'long', steps: 1_000_000 }));
    expect(long.status).toBe('preparing');
    const waiting = await studio.runs.start(request({ name: 'waiting' }));
    expect(waiting.status).toBe('queued');
    const [broken] = await studio.runs.enqueue([request({ name: 'broken' })], { priority: 5 });
    expect(names(studio.queue.list())).toEqual(['broken', 'waiting']);
    // Frozen at its start: what it names is no longer what it was when its turn comes.
    store.prepare("UPDATE datasets SET hash = 'other' WHERE name = 'stories'").run();
    const rest = studio.queue.drive();
    const told = Array.fromAsync(studio.runs.watch({ run: broken!.id }));
    await studio.runs.stop({ run: long.id });
    await until(studio, waiting.id, ({ status }) => status !== 'queued').catch(() => undefined);
    expect((await told).map(({ status }) => status)).toEqual(['queued', 'failed']);
    expect(studio.runs.show(broken!.id)).toMatchObject({
      status: 'failed',
      error: { code: 'CONFLICT', found: expect.stringContaining('other') as string },
    });
    expect(studio.runs.show(waiting.id).status).toBe('failed');
    store.prepare('UPDATE datasets SET hash = ? WHERE name = ?').run(tiny.oldDataset.hash, 'stories');
    const next = await studio.runs.enqueue([request({ name: 'next' })]);
    expect((await until(studio, next[0]!.id, ({ status }) => status === 'done')).stepsDone).toBe(5);
    rest();
  });

  it('is refused where waiting was not wanted, and nothing is recorded', async () => {
    const { id } = await studio.runs.start(request({ name: 'busy', steps: 1_000_000 }));
    const before = studio.runs.list().length;
    const error = await refusal(() => studio.runs.start(request({ name: 'now' }), undefined, { queue: false }));
    expect(error).toMatchObject({ code: 'CONFLICT', found: expect.stringContaining('"busy"') as string });
    expect(studio.runs.list()).toHaveLength(before);
    await studio.runs.stop({ run: id });
  });
});

describe('the order of the queue', () => {
  it('is by priority, then as they came, and can be changed', async () => {
    const [a, b, c] = await studio.runs.enqueue(['a', 'b', 'c'].map((name) => request({ name })));
    expect(names(studio.queue.list())).toEqual(['a', 'b', 'c']);
    expect(names(studio.queue.setPriority({ run: c!.id, priority: 1 }))).toEqual(['c', 'a', 'b']);
    expect(names(studio.queue.move({ run: b!.id, before: a!.id }))).toEqual(['c', 'b', 'a']);
    expect(names(studio.queue.move({ run: c!.id, before: null }))).toEqual(['b', 'a', 'c']);
    expect(studio.runs.show(c!.id).priority).toBe(0);
    // It survives the end of this process, and its configuration with it.
    const later = openStudioAt(tiny.home);
    expect(names(later.queue.list())).toEqual(['b', 'a', 'c']);
    expect(later.runs.show(a!.id).configuration).toEqual(a!.configuration);
    await later.close();
    expect(studio.runs.show(a!.id).status).toBe('queued');
  });

  it('has no place for a run that does not wait', async () => {
    const [{ id } = { id: '' }] = await studio.runs.enqueue([request({ name: 'held' })]);
    expect(await studio.runs.pause({ run: id })).toMatchObject({ status: 'paused', stepsDone: 0 });
    for (const attempt of [() => studio.queue.setPriority({ run: id, priority: 1 }), () => studio.queue.move({ run: id, before: null })]) {
      expect(await refusal(attempt)).toMatchObject({ code: 'CONFLICT', allowed: 'a run that is queued' });
    }
    await studio.runs.resume({ run: id });
    expect((await until(studio, id, isOver)).status).toBe('done');
  });

  it('that is stopped before its turn leaves no model', async () => {
    const [{ id } = { id: '' }] = await studio.runs.enqueue([request({ name: 'unwanted' })]);
    expect(await studio.runs.stop({ run: id })).toMatchObject({ status: 'stopped', model: null, stopReason: null });
    expect(studio.queue.list()).toEqual([]);
  });
});

describe('two studios on one workspace', () => {
  it('train every run once, and one at a time, whoever drives', async () => {
    const other = openStudioAt(tiny.home);
    const runs = await studio.runs.enqueue(['one', 'two', 'three', 'four'].map((name) => request({ name })));
    const started = { here: [] as string[], there: [] as string[] };
    let most = 0;
    const looking = setInterval(() => (most = Math.max(most, listTraining(store).length)), 5);
    const never = new AbortController().signal;
    await Promise.all([
      studio.queue.drain(never, ({ id }) => started.here.push(id)),
      other.queue.drain(never, ({ id }) => started.there.push(id)),
    ]);
    for (const { id } of runs) await until(studio, id, isOver);
    clearInterval(looking);
    expect([...started.here, ...started.there].sort()).toEqual(runs.map(({ id }) => id).sort());
    expect(most).toBe(1);
    expect(runs.map(({ id }) => studio.runs.show(id).status)).toEqual(['done', 'done', 'done', 'done']);
    await other.close();
  });

  it('get one run once when both want it at the same moment', async () => {
    insertRun(store, { ...runRecord('raced'), status: 'queued', ownerPid: null, heartbeatAt: null });
    const second = openStore(join(tiny.home, 'strata.db'));
    const seen = [findRun(store, 'raced')!, findRun(second, 'raced')!];
    const owner = { ownerPid: process.pid, ownerSign: signOf(process.pid), heartbeatAt: new Date().toISOString() };
    expect([claimDevice(store, seen[0]!, owner), claimDevice(second, seen[1]!, owner)]).toEqual([true, false]);
    // The device is taken: another run is not given to anybody.
    insertRun(store, { ...runRecord('behind'), status: 'queued', ownerPid: null, heartbeatAt: null });
    expect(claimDevice(second, findRun(second, 'behind')!, owner)).toBe(false);
    second.close();
    for (const id of ['raced', 'behind']) updateRun(store, id, { status: 'stopped', ownerPid: null });
  });
});

describe('a process that is killed', () => {
  async function driveElsewhere(): Promise<ChildProcess> {
    const program = join(tiny.directory, 'drive.mjs');
    const builder = join(import.meta.dirname, '../support/workspace.ts');
    await writeFile(
      program,
      `import { openStudioAt } from ${JSON.stringify(builder)};
       openStudioAt(${JSON.stringify(tiny.home)}).queue.drive();
       setInterval(() => undefined, 1000);`,
    );
    return fork(program);
  }

  it('leaves what waits in the queue and what it trained to be offered; another process goes on with both', async () => {
    const [first, second] = await studio.runs.enqueue([request({ name: 'first', steps: 400 }), request({ name: 'second' })]);
    const whole = await (async () => {
      const other = await driveElsewhere();
      await expect.poll(() => studio.runs.show(first!.id).stepsDone, { timeout: 30_000 }).toBeGreaterThan(15);
      expect(studio.runs.show(second!.id).status).toBe('queued');
      const ended = new Promise((resolve) => other.on('exit', resolve));
      other.kill('SIGKILL');
      await ended;
      expect(await studio.runs.resumable()).toMatchObject([
        { run: { id: first!.id, status: 'interrupted' }, hasCheckpoint: true, reason: expect.stringMatching(/process/) as string },
      ]);
      await studio.runs.resume({ run: first!.id });
      return until(studio, first!.id, isOver);
    })();
    expect(whole).toMatchObject({ status: 'done', stepsDone: 400 });
    expect(await studio.runs.resumable()).toEqual([]);
    await studio.queue.drain(new AbortController().signal);
    expect(studio.runs.show(second!.id).status).toBe('done');

    const rerun = await studio.copies.rerun({ run: first!.id });
    expect(rerun).toMatchObject({ name: 'first again', rerunOf: first!.id, status: 'preparing' });
    expect(studio.copies.verdict({ run: rerun.id }).isIdentical).toBeNull();
    const again = await until(studio, rerun.id, isOver);
    expect(again.configuration).toEqual(whole.configuration);
    expect(studio.copies.verdict({ run: rerun.id })).toMatchObject({ original: first!.id, isIdentical: true });
    expect((await weightsOf(again)).equals(await weightsOf(whole))).toBe(true);
  });
});

describe('a pause', () => {
  it('gives the memory back: its process ends; resumed while another trains, the run waits', async () => {
    const { id } = await studio.runs.start(request({ name: 'paused', steps: 1_000_000 }));
    await until(studio, id, ({ stepsDone }) => stepsDone > 0);
    const sign = await readFile(join(tiny.home, 'runs', id, 'trainer.pid'), 'utf8');
    const trainer = Number(sign.split(' ')[0]);
    expect(isAlive(trainer)).toBe(true);
    const paused = await studio.runs.pause({ run: id });
    await expect.poll(() => isAlive(trainer)).toBe(false);
    const other = await studio.runs.start(request({ name: 'meanwhile', steps: 1_000_000 }));
    const queued = await studio.runs.resume({ run: id });
    expect(queued).toMatchObject({ status: 'queued', stepsDone: paused.stepsDone });
    const rest = studio.queue.drive();
    await studio.runs.stop({ run: other.id });
    const resumed = await until(studio, id, ({ stepsDone }) => stepsDone > paused.stepsDone);
    expect(resumed.status).toBe('running');
    rest();
    await studio.runs.stop({ run: id });
  });
});
