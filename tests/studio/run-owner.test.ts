import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { openStore, type Writer } from '../../main/store/open-store.ts';
import { findRun, updateRun } from '../../main/store/runs.ts';
import type { Studio } from '../../main/studio/studio.ts';
import type { ParsedTrainRequest } from '../../main/studio/train-request.ts';
import { fastEngine } from '../support/engines.ts';
import { canMountDisks, mountSmallDisk } from '../support/small-disk.ts';
import { metricsOf, until, weightsOf } from '../support/studio-runs.ts';
import { openStudioAt, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

let tiny: TinyStudio;
let studio: Studio;
let store: Writer;
/** A run that nothing disturbed. */
let whole: RunSummary;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  store = openStore(join(tiny.home, 'strata.db'));
  const { id } = await studio.runs.start(request({ name: 'whole' }));
  whole = await until(studio, id, ({ status }) => status === 'done');
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
  steps: 200,
  batch: 2,
  context: 32,
  replayShare: 0.25,
  engine: fastEngine,
  advanced: { evaluateEvery: 50, evaluationTokens: 64, checkpointEvery: 10 },
  ...changes,
});

/** Another studio on the workspace, in a process of its own, that starts a run; it ends when it is told to. */
async function startElsewhere(name: string, changes: Partial<ParsedTrainRequest> = {}): Promise<ChildProcess> {
  const program = join(tiny.directory, 'elsewhere.mjs');
  const builder = join(import.meta.dirname, '../support/workspace.ts');
  await writeFile(
    program,
    `import { openStudioAt } from ${JSON.stringify(builder)};
     const studio = openStudioAt(${JSON.stringify(tiny.home)});
     process.on('message', () => void studio.close().then(() => process.exit(0)));
     await studio.runs.start(JSON.parse(process.argv[2]));`,
  );
  return fork(program, [JSON.stringify(request({ name, ...changes }))]);
}

const ended = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.on('exit', () => resolve()));

/** Waits until a run of that name is there and has trained at least one step. */
async function trainingOf(name: string): Promise<RunSummary> {
  await expect.poll(() => studio.runs.list().find((run) => run.name === name)?.stepsDone ?? 0, { timeout: 30_000 }).toBeGreaterThan(0);
  return studio.runs.show(name);
}

describe('a run that another process trains', () => {
  it('can be watched and paused from here, and resumed here to the same end', async () => {
    const other = await startElsewhere('shared');
    const { id } = await trainingOf('shared');
    const events = studio.runs.watch({ run: id });
    expect((await events.next()).value).toMatchObject({ run: id, status: 'running' });
    await events.return();
    const paused = await studio.runs.pause({ run: id });
    expect(paused).toMatchObject({ status: 'paused', error: null });
    expect(paused.stepsDone).toBeLessThan(200);
    other.send('close');
    await ended(other);

    await studio.runs.resume({ run: id });
    const resumed = await until(studio, id, ({ status }) => status === 'done');
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
    expect(metricsOf(studio, id)).toEqual(metricsOf(studio, whole.id));
  });

  it('can be stopped from here; the model belongs to both', async () => {
    const other = await startElsewhere('stopped', { steps: 1_000_000 });
    const { id } = await trainingOf('stopped');
    const stopped = await studio.runs.stop({ run: id });
    expect(stopped.status).toBe('stopped');
    expect(studio.models.show(stopped.model!).run).toBe(id);
    other.send('close');
    await ended(other);
  });

  it('whose process is killed becomes interrupted, saves what it can, and is resumed to the same end with nothing missing', async () => {
    const other = await startElsewhere('orphan');
    const { id } = await trainingOf('orphan');
    expect(studio.runs.list().find((run) => run.id === id)!.status).toBe('running');
    other.kill('SIGKILL');
    await ended(other);
    expect(studio.runs.show(id)).toMatchObject({ status: 'interrupted', model: null });
    expect(findRun(store, id)).toMatchObject({ ownerPid: null, activity: '', secondsLeft: null });
    // Its trainer is still ending: it notices that it is alone, and saves a checkpoint, which the next one waits for.
    await studio.runs.resume({ run: id });
    const resumed = await until(studio, id, ({ status }) => status === 'done');
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
    expect(metricsOf(studio, id)).toEqual(metricsOf(studio, whole.id));
    expect(resumed).toMatchObject({ baseline: whole.baseline, final: whole.final, gain: whole.gain });
  });

  it('that was taken for dead, because it was silent, gives the run up instead of writing on', async () => {
    const { id } = await studio.runs.start(request({ name: 'sleeper', steps: 1_000_000 }));
    await until(studio, id, ({ stepsDone }) => stepsDone > 0);
    const other = openStudioAt(tiny.home);
    updateRun(store, id, { ownerSign: `${process.pid} 1` }); // of another process, which had this id before
    expect(other.runs.show(id).status).toBe('interrupted');
    // Its owner was only asleep: it hears of it, and its trainer ends.
    const { stepsDone } = studio.runs.show(id);
    await studio.runs.ended(id);
    expect(studio.runs.show(id)).toMatchObject({ status: 'interrupted', stepsDone, model: null });
    // The other one may go on with it now.
    await other.runs.resume({ run: id });
    await until(other, id, (run) => run.status === 'running');
    expect(await other.runs.stop({ run: id })).toMatchObject({ status: 'stopped' });
    await other.close();
  });
});

describe('a run whose newest checkpoint is damaged', () => {
  /** A run that was paused with two checkpoints behind it. */
  async function pausedRun(name: string): Promise<RunSummary> {
    const { id } = await studio.runs.start(request({ name }));
    await until(studio, id, ({ stepsDone }) => stepsDone > 25);
    return studio.runs.pause({ run: id });
  }
  const folderOf = (run: RunSummary, checkpoint: string): string => join(tiny.home, 'runs', run.id, checkpoint);
  async function flipBit(path: string): Promise<void> {
    const bytes = await readFile(path);
    bytes[bytes.length - 100]! ^= 1;
    await writeFile(path, bytes);
  }

  it('goes on from the one before, to the same end, and its history says what was wrong', async () => {
    const paused = await pausedRun('damaged');
    expect(paused.warnings).toEqual([]);
    await flipBit(join(folderOf(paused, 'checkpoint'), 'tensors.safetensors'));
    await studio.runs.resume({ run: paused.id });
    const resumed = await until(studio, paused.id, ({ status }) => status === 'done');
    expect(resumed.warnings).toEqual([
      {
        at: expect.stringMatching(/^20\d\d-/) as string,
        text: expect.stringMatching(/newest checkpoint was damaged.*checksum of model/) as string,
      },
    ]);
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
    expect(metricsOf(studio, paused.id)).toEqual(metricsOf(studio, whole.id));
  });

  it('fails when the one before is no better, and is resumed once a backup is in its place', async () => {
    const paused = await pausedRun('lost');
    const [newest, previous, backup] = [
      folderOf(paused, 'checkpoint'),
      folderOf(paused, 'checkpoint.previous'),
      join(tiny.directory, 'backup'),
    ];
    await cp(newest, backup, { recursive: true });
    for (const checkpoint of [newest, previous]) await flipBit(join(checkpoint, 'tensors.safetensors'));
    await studio.runs.resume({ run: paused.id });
    await studio.runs.ended(paused.id);
    const failed = studio.runs.show(paused.id);
    expect(failed).toMatchObject({ status: 'failed', stepsDone: paused.stepsDone, model: null, error: { code: 'CORRUPT' } });
    expect(failed.error!.message).toMatch(/none of its checkpoints can be used/);

    await rm(newest, { recursive: true });
    await cp(backup, newest, { recursive: true });
    await studio.runs.resume({ run: paused.id });
    const resumed = await until(studio, paused.id, ({ status }) => status !== 'failed' && status !== 'preparing' && status !== 'running');
    expect(resumed).toMatchObject({ status: 'done', error: null });
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
  });

  it('is not begun again from nothing when all of them are gone', async () => {
    const paused = await pausedRun('gone');
    await rm(join(tiny.home, 'runs', paused.id), { recursive: true });
    await expect(studio.runs.resume({ run: paused.id })).rejects.toMatchObject({
      code: 'CORRUPT',
      message: 'The run cannot be resumed: its checkpoints are gone.',
      found: expect.stringContaining(`the run had done ${paused.stepsDone} steps`) as string,
    });
    expect(studio.runs.show(paused.id)).toEqual(paused);
  });
});

describe.skipIf(process.platform === 'win32')('a run whose trainer dies', () => {
  it('is interrupted, with the reason in words, and is resumed to the same end', async () => {
    const { id } = await studio.runs.start(request({ name: 'crashed' }));
    await until(studio, id, ({ stepsDone }) => stepsDone > 65); // measured after 50, saved after 60
    process.kill(Number((await readFile(join(tiny.home, 'runs', id, 'trainer.pid'), 'utf8')).split(' ')[0]), 'SIGSEGV');
    await studio.runs.ended(id);
    expect(studio.runs.show(id)).toMatchObject({
      status: 'interrupted',
      model: null,
      error: {
        code: 'CRASHED',
        found: expect.stringMatching(/^SIGSEGV: the engine crashed/) as string,
        hint: expect.stringContaining('resumed from its last checkpoint') as string,
      },
    });
    const { latest } = studio.runs.show(id);
    expect(latest, 'what was measured by then is shown still').not.toBeNull();
    updateRun(store, id, { stepsDone: 90 }); // told of more steps than were saved, as whoever dies between two checkpoints has
    await studio.runs.resume({ run: id });
    for await (const { status, evaluation } of studio.runs.watch({ run: id })) {
      if (status !== 'running') continue;
      expect(evaluation, 'also after it goes on').not.toBeNull();
      break;
    }
    const resumed = await until(studio, id, ({ status }) => status === 'done');
    expect(resumed.error).toBeNull();
    expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
    expect(metricsOf(studio, id)).toEqual(metricsOf(studio, whole.id));
  });
});

describe('a run whose end cannot be recorded', () => {
  it('has no model either, and is resumed to its end', async () => {
    // What a database that fails at the last moment does, without filling a disk.
    store.exec("CREATE TRIGGER noModel BEFORE UPDATE OF model ON runs BEGIN SELECT RAISE(ABORT, 'no room for it'); END");
    const models = studio.models.list();
    const { id } = await studio.runs.start(request({ name: 'unrecorded', steps: 5 }));
    await studio.runs.ended(id);
    store.exec('DROP TRIGGER noModel');
    expect(studio.runs.show(id)).toMatchObject({ status: 'failed', model: null, final: null, error: { message: 'no room for it' } });
    expect(studio.models.list()).toEqual(models);
    expect(existsSync(join(tiny.home, 'models', id))).toBe(false);
    await studio.runs.resume({ run: id });
    const done = await until(studio, id, ({ status }) => status !== 'failed' && status !== 'preparing' && status !== 'running');
    expect(done).toMatchObject({ status: 'done', error: null });
    expect(studio.models.show(done.model!).run).toBe(id);
  });
});

describe.skipIf(!canMountDisks)('a workspace on a full disk', () => {
  it('ends its run with that reason, keeps the studio alive, and resumes to the same end once there is room', async () => {
    const disk = mountSmallDisk('3m');
    const full = openStudioAt(join(disk.path, 'home'));
    try {
      await full.models.import({ path: tiny.sources.model });
      await full.datasets.import({ paths: [tiny.sources.newText] });
      await full.datasets.import({ paths: [tiny.sources.oldText] });
      const { id } = await full.runs.start(request());
      await until(full, id, ({ stepsDone }) => stepsDone > 0);
      await expect(writeFile(join(disk.path, 'filler'), Buffer.alloc(4_000_000))).rejects.toThrow('ENOSPC');
      await full.runs.ended(id);
      await rm(join(disk.path, 'filler'));

      const failed = full.runs.show(id);
      expect(['failed', 'interrupted']).toContain(failed.status);
      expect(failed).toMatchObject({ model: null, error: { code: 'NO_SPACE', message: 'The disk is full.' } });
      const left = await readdir(join(disk.path, 'home', 'runs'), { recursive: true });
      expect(left.filter((name) => /next|partial|pid/.test(name))).toEqual([]);
      await full.runs.resume({ run: id });
      const resumed = await until(full, id, ({ status }) => status === 'done');
      expect((await weightsOf(resumed)).equals(await weightsOf(whole))).toBe(true);
      expect(metricsOf(full, id)).toEqual(metricsOf(studio, whole.id));
    } finally {
      await full.close();
      disk.unmount();
    }
  });
});
