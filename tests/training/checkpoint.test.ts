import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configurationHash, readCheckpointState } from '../../main/training/checkpoint.ts';
import type { TrainJob } from '../../main/training/messages.ts';
import { type StrataError, toStrataError } from '../../shared/errors.ts';
import { engineNames } from '../support/engines.ts';
import { canMountDisks, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { after, measurementsOf, prepareTinyTraining, type TinyTraining, trainHere, weightsFile } from '../support/train-jobs.ts';

let tiny: TinyTraining;
/** What an uninterrupted run saves, and its measurements. */
let wantedWeights: Buffer;
let wantedMeasurements: Record<string, number>;
/** A run that was paused at step 3. */
let paused: TrainJob;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  const whole = tiny.job('whole');
  wantedMeasurements = measurementsOf((await trainHere(whole)).events);
  wantedWeights = await weightsFile(whole);
  paused = tiny.job('paused');
  await trainHere(
    paused,
    after((event) => event.type === 'evaluation' && event.step === 3, 'pause'),
  );
});
afterAll(() => tiny.remove());

/** A job with a copy of the paused run's folder, to do damage to. */
async function copyOfPaused(name: string, changes = {}): Promise<TrainJob> {
  const job = tiny.job(name, changes);
  await cp(paused.runDirectory, job.runDirectory, { recursive: true });
  return job;
}

/** Every file below a folder with its bytes. */
function filesOf(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(directory.length), readFileSync(path, 'base64')]));
}

async function failureOf(job: TrainJob): Promise<StrataError> {
  const outcome: unknown = await trainHere(job).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(Error);
  return toStrataError(outcome);
}

describe('a checkpoint', () => {
  it('holds the weights, both moments of each, and where the run stands', async () => {
    expect(Object.keys(filesOf(paused.runDirectory)).sort()).toEqual(['/checkpoint/state.json', '/checkpoint/tensors.safetensors']);
    const state = await readCheckpointState(paused.runDirectory, paused.configuration);
    expect(state).toMatchObject({ step: 3, identityDifference: 0, configurationHash: configurationHash(paused.configuration) });
    expect(state!.trainingSeconds).toBeGreaterThan(0);
    expect(state!.seconds).toBeGreaterThan(state!.trainingSeconds);
  });

  it('is null before there is one', async () => {
    expect(await readCheckpointState(join(tiny.directory, 'runs', 'never'), paused.configuration)).toBeNull();
  });

  it('belongs to its configuration, whichever engine computes it', () => {
    const { configuration } = paused;
    expect(configurationHash({ ...configuration, engine: 'another' })).toBe(configurationHash(configuration));
    for (const change of [{ seed: 2 }, { steps: 9 }, { learningRate: 0.02 }, { replayShare: 0.31 }, { plan: null }]) {
      expect(configurationHash({ ...configuration, ...change }), JSON.stringify(change)).not.toBe(configurationHash(configuration));
    }
  });

  it.skipIf(engineNames.length < 3)('goes on on another engine, to the same losses but for rounding', async () => {
    const job = await copyOfPaused('other-engine', { engine: 'wasm' });
    const { result, events } = await trainHere(job);
    expect(result).toMatchObject({ outcome: 'done', stepsDone: 8 });
    for (const [key, value] of Object.entries(measurementsOf(events))) expect(value, key).toBeCloseTo(wantedMeasurements[key]!, 4);
  });
});

describe('a checkpoint that cannot be gone on from is refused and left as it is:', () => {
  const stateFile = (job: TrainJob): string => join(job.runDirectory, 'checkpoint', 'state.json');
  const tensorsFile = (job: TrainJob): string => join(job.runDirectory, 'checkpoint', 'tensors.safetensors');
  const cases: [string, RegExp, (job: TrainJob) => Promise<void>][] = [
    [
      'a state that is cut off',
      /state\.json that cannot be understood/,
      async (job) => writeFile(stateFile(job), (await readFile(stateFile(job))).subarray(0, 50)),
    ],
    ['a state that is empty', /state\.json that cannot be understood/, (job) => writeFile(stateFile(job), '')],
    ['a state that is something else', /state\.json that cannot be understood/, (job) => writeFile(stateFile(job), '{"step": "three"}')],
    [
      'tensors that are cut off',
      /tensors\.safetensors: .*truncated/,
      async (job) => writeFile(tensorsFile(job), (await readFile(tensorsFile(job))).subarray(0, -8)),
    ],
    ['tensors that are something else', /tensors\.safetensors: a header/, (job) => writeFile(tensorsFile(job), 'x'.repeat(5000))],
    ['tensors that are not there', /no tensors\.safetensors/, (job) => rm(tensorsFile(job))],
    [
      'tensors of another model',
      /model\.layers\.2\.\S+ of shape \[none\]/,
      (job) => cp(join(tiny.sources.model, 'model.safetensors'), tensorsFile(job)),
    ],
  ];
  it.each(cases)('%s', async (name, found, damage) => {
    const job = await copyOfPaused(name);
    await damage(job);
    const before = filesOf(job.runDirectory);
    const error = await failureOf(job);
    expect(error).toMatchObject({ code: 'CORRUPT', exitCode: 1, message: 'The checkpoint is damaged.' });
    expect(error.found).toMatch(found);
    expect(error.found).toContain(job.runDirectory);
    expect(error.hint).toMatch(/backup/);
    expect(filesOf(job.runDirectory)).toEqual(before);
    expect(existsSync(job.modelDirectory)).toBe(false);
  });

  it('one of another configuration', async () => {
    const job = await copyOfPaused('other-configuration', { seed: 2 });
    const before = filesOf(job.runDirectory);
    const error = await failureOf(job);
    expect(error).toMatchObject({ code: 'CORRUPT', message: 'The checkpoint does not belong to this run.' });
    expect(filesOf(job.runDirectory)).toEqual(before);
  });
});

describe('an interrupted write of a checkpoint loses nothing:', () => {
  const cases: [string, (run: string) => Promise<void>][] = [
    [
      'the next one was begun',
      async (run) => {
        await mkdir(join(run, 'checkpoint.next'));
        await writeFile(join(run, 'checkpoint.next', 'tensors.safetensors.partial'), 'half');
      },
    ],
    [
      'the old one was put aside, the next one had not taken its place',
      (run) => rename(join(run, 'checkpoint'), join(run, 'checkpoint.previous')),
    ],
    [
      'the same, and the next one is there',
      async (run) => {
        await cp(join(run, 'checkpoint'), join(run, 'checkpoint.next'), { recursive: true });
        await rename(join(run, 'checkpoint'), join(run, 'checkpoint.previous'));
      },
    ],
    [
      'the next one is in its place, the old one was not removed',
      (run) => cp(join(run, 'checkpoint'), join(run, 'checkpoint.previous'), { recursive: true }),
    ],
  ];
  it.each(cases)('%s', async (name, interrupt) => {
    const job = await copyOfPaused(name);
    await interrupt(job.runDirectory);
    const { result, events } = await trainHere(job);
    expect(events.find((event) => event.type === 'prepared')!.step).toBe(3);
    expect(result).toMatchObject({ outcome: 'done', stepsDone: 8 });
    expect((await weightsFile(job)).equals(wantedWeights)).toBe(true);
    expect(await readdir(job.runDirectory)).toEqual(['checkpoint']);
  });
});

describe.skipIf(!canMountDisks)('a full disk', () => {
  let disk: SmallDisk;
  beforeAll(() => {
    disk = mountSmallDisk('400k');
  });
  afterAll(() => disk.unmount());

  /** Writes until nothing more fits. */
  function fill(): void {
    expect(() => writeFileSync(join(disk.path, 'filler'), Buffer.alloc(500_000))).toThrow('ENOSPC');
  }
  const free = (): Promise<void> => rm(join(disk.path, 'filler'));

  it('while a checkpoint is written says so, and the one before survives', async () => {
    const job = { ...tiny.job('full-disk'), runDirectory: join(disk.path, 'run') };
    let before: Record<string, string> = {};
    const failing = trainHere(job, (event) => {
      if (event.type !== 'checkpoint' || event.step !== 3) return;
      before = filesOf(join(job.runDirectory, 'checkpoint'));
      fill();
    });
    const error = toStrataError(await failing.catch((failure: unknown) => failure));
    expect(error).toMatchObject({ code: 'NO_SPACE', exitCode: 1 });
    expect(error.hint).toMatch(/Free some space/);
    expect(filesOf(join(job.runDirectory, 'checkpoint'))).toEqual(before);
    expect(await readdir(job.runDirectory)).toEqual(['checkpoint']);

    await free();
    expect((await trainHere(job)).result).toMatchObject({ outcome: 'done', stepsDone: 8 });
    expect((await weightsFile(job)).equals(wantedWeights)).toBe(true);
  });

  it('while the model is written says so, leaves nothing half-written, and the run ends once there is room', async () => {
    const job = { ...tiny.job('full-model-disk'), modelDirectory: join(disk.path, 'models', 'trained') };
    fill();
    expect(await failureOf(job)).toMatchObject({ code: 'NO_SPACE', exitCode: 1 });
    await free();
    const left = (await readdir(disk.path)).includes('models') ? await readdir(join(disk.path, 'models')) : [];
    expect(left).toEqual([]);
    expect((await trainHere(job)).result).toMatchObject({ outcome: 'done', saved: true });
    expect((await weightsFile(job)).equals(wantedWeights)).toBe(true);
  });
});
