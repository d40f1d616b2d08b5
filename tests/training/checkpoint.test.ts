import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { Optimizer } from '../../main/llama/optimizer.ts';
import type { Parameter } from '../../main/llama/parameters.ts';
import { type CheckpointState, configurationHash, restoreCheckpoint, writeCheckpoint } from '../../main/training/checkpoint.ts';
import type { TrainJob } from '../../main/training/messages.ts';
import { BLOCK_TENSORS, type BlockRole, blockTensorName } from '../../shared/domain/llama-tensors.ts';
import { type StrataError, toStrataError } from '../../shared/errors.ts';
import { engineNames, fastEngine } from '../support/engines.ts';
import { canMountDisks, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import {
  after,
  measurementsOf,
  prepareTinyTraining,
  tensorBytes,
  type TinyTraining,
  trainHere,
  weightsFile,
} from '../support/train-jobs.ts';

let tiny: TinyTraining;
/** What an uninterrupted run saves, and its measurements. */
let wantedWeights: Buffer;
let wantedMeasurements: Record<string, number>;
/** A run that was paused at step 3, with a checkpoint of step 2 before it. */
let paused: TrainJob;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
  const whole = tiny.job('whole');
  wantedMeasurements = measurementsOf((await trainHere(whole)).events);
  wantedWeights = await weightsFile(whole);
  paused = tiny.job('paused', { checkpointEverySteps: 2 });
  await trainHere(
    paused,
    after((event) => event.type === 'evaluation' && event.step === 3, 'pause'),
  );
});
afterAll(() => tiny.remove());

/** A job with a copy of the paused run's folder, to do damage to. */
async function copyOfPaused(name: string, changes = {}): Promise<TrainJob> {
  const job = tiny.job(name, { checkpointEverySteps: 2, ...changes });
  await cp(paused.runDirectory, job.runDirectory, { recursive: true });
  return job;
}

/** Every file below a folder with its bytes. */
function filesOf(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(directory.length), readFileSync(path, 'base64')]));
}

interface SavedState {
  sha256: string;
  state: CheckpointState & { tensors: Record<string, string> };
}
const readState = (checkpoint: string): SavedState => JSON.parse(readFileSync(join(checkpoint, 'state.json'), 'utf8')) as SavedState;

/** The state of a job's newest checkpoint, without the checksums that belong to its tensors. */
function stateOf(job: TrainJob): CheckpointState {
  const { tensors: _, ...state } = readState(join(job.runDirectory, 'checkpoint')).state;
  return state;
}

/** Writes another state, with its checksum right. */
async function rewriteState(checkpoint: string, change: (state: SavedState['state']) => object): Promise<void> {
  const text = JSON.stringify(change(readState(checkpoint).state));
  await writeFile(join(checkpoint, 'state.json'), `{"sha256":"${sha256(text)}","state":${text}}`);
}

/** Flips one bit of the byte that lies so far into a file. */
async function flipBit(path: string, part: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.floor(bytes.length * part)]! ^= 0b100;
  await writeFile(path, bytes);
}

const tensorsOf = (checkpoint: string): Promise<Buffer> => readFile(join(checkpoint, 'tensors.safetensors'));
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const blockNames = (block: number): string[] => (Object.keys(BLOCK_TENSORS) as BlockRole[]).map((role) => blockTensorName(block, role));

function trainedParameter(engine: Engine, name: string, shape: readonly number[]): Parameter {
  const values = Float32Array.from({ length: shape.reduce((product, length) => product * length, 1) }, (_, index) => index + 0.5);
  const variable = engine.scope(() => engine.variable(engine.tensor(values, shape)));
  return { name, shape, variable, value: () => variable.read(), dispose: () => variable.dispose() };
}

async function failureOf(job: TrainJob): Promise<StrataError> {
  const outcome: unknown = await trainHere(job).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(Error);
  return toStrataError(outcome);
}

describe('a checkpoint', () => {
  it('holds what is trained, both moments of each, where the run stands, and a checksum of everything', async () => {
    expect(Object.keys(filesOf(paused.runDirectory)).sort()).toEqual([
      '/checkpoint.previous/state.json',
      '/checkpoint.previous/tensors.safetensors',
      '/checkpoint/state.json',
      '/checkpoint/tensors.safetensors',
    ]);
    const { sha256: sum, state } = readState(join(paused.runDirectory, 'checkpoint'));
    expect(state).toMatchObject({ step: 3, identityDifference: 0, configurationHash: configurationHash(paused.configuration) });
    expect(state.trainingSeconds).toBeGreaterThan(0);
    expect(state.seconds).toBeGreaterThan(state.trainingSeconds);
    expect(sum).toBe(sha256(JSON.stringify(state)));

    const tensors = await tensorBytes(join(paused.runDirectory, 'checkpoint', 'tensors.safetensors'));
    const trained = [2, 5].flatMap((block) => [...blockNames(block)]);
    expect([...tensors.keys()].sort()).toEqual(trained.flatMap((name) => [name, `${name}.first`, `${name}.second`]).sort());
    expect(state.tensors).toEqual(Object.fromEntries([...tensors].map(([name, bytes]) => [name, sha256(bytes)])));
  });

  it('takes the place of the one before, which is kept; none older is', async () => {
    const job = tiny.job('generations', { checkpointEverySteps: 2 });
    const seen: number[][] = [];
    await trainHere(job, (event) => {
      if (event.type !== 'checkpoint') return;
      const steps = readdirSync(job.runDirectory)
        .filter((name) => name.startsWith('checkpoint'))
        .sort()
        .map((name) => readState(join(job.runDirectory, name)).state.step);
      seen.push(steps);
    });
    expect(seen).toEqual([[2], [4, 2], [6, 4], [8, 6]]);
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

/** Ways to damage a checkpoint, and what is said about it. */
const DAMAGE: [string, RegExp, (checkpoint: string) => Promise<void>][] = [
  ['a state that is cut off', /checksum of state\.json is wrong/, (at) => truncate(join(at, 'state.json'), 50)],
  ['a state that is empty', /checksum of state\.json is wrong/, (at) => writeFile(join(at, 'state.json'), '')],
  ['a state that is something else', /checksum of state\.json is wrong/, (at) => writeFile(join(at, 'state.json'), '{"step": "three"}')],
  ['a state that is not there', /there is no state\.json/, (at) => rm(join(at, 'state.json'))],
  ['a state of another format', /not one that this version writes/, (at) => rewriteState(at, (state) => ({ ...state, schemaVersion: 99 }))],
  [
    'a state of a run with other settings',
    /a run with other settings/,
    (at) => rewriteState(at, (state) => ({ ...state, configurationHash: sha256('others') })),
  ],
  ['a state with a flipped bit', /checksum of state\.json is wrong/, (at) => flipBit(join(at, 'state.json'), 0.5)],
  [
    'tensors that are cut off',
    /tensors\.safetensors: .*truncated/,
    async (at) => truncate(join(at, 'tensors.safetensors'), (await tensorsOf(at)).length - 8),
  ],
  [
    'tensors that are something else',
    /tensors\.safetensors: a header/,
    (at) => writeFile(join(at, 'tensors.safetensors'), 'x'.repeat(5000)),
  ],
  ['tensors that are not there', /there is no tensors\.safetensors/, (at) => rm(join(at, 'tensors.safetensors'))],
  [
    'tensors of another model',
    /checksum of model\.layers\.2\.input_layernorm\.weight is wrong/,
    (at) => cp(join(tiny.sources.model, 'model.safetensors'), join(at, 'tensors.safetensors')),
  ],
  ['a tensor with a flipped bit', /checksum of model\.layers\.\S+ is wrong/, (at) => flipBit(join(at, 'tensors.safetensors'), 0.7)],
  ['nothing in it', /there is no state\.json/, (at) => rm(at, { recursive: true }).then(() => mkdir(at))],
];

describe('when the newest checkpoint has', () => {
  it.each(DAMAGE)('%s, the one before it is used, the run says so, and ends as it would have', async (name, found, damage) => {
    const job = await copyOfPaused(`newest: ${name}`);
    await damage(join(job.runDirectory, 'checkpoint'));
    const { result, events } = await trainHere(job);
    expect(events.find((event) => event.type === 'prepared')!.step).toBe(2);
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.text] : []));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/newest checkpoint was damaged.*of step 2/);
    expect(warnings[0]).toMatch(found);
    expect(result).toMatchObject({ outcome: 'done', stepsDone: 8 });
    expect((await weightsFile(job)).equals(wantedWeights)).toBe(true);
    expect(measurementsOf(events)).toEqual(wantedMeasurements);
    expect((await readdir(job.runDirectory)).sort()).toEqual(['checkpoint', 'checkpoint.previous']);
  });
});

describe('when no checkpoint is good, nothing is trained and all is left as it is:', () => {
  it.each(DAMAGE)('both have %s', async (name, found, damage) => {
    const job = await copyOfPaused(`both: ${name}`);
    for (const generation of ['checkpoint', 'checkpoint.previous']) await damage(join(job.runDirectory, generation));
    await expectRefused(job, [new RegExp(`checkpoint: .*${found.source}`), new RegExp(`checkpoint\\.previous: .*${found.source}`)]);
  });

  it('the only one is damaged', async () => {
    const job = await copyOfPaused('only one');
    await rm(join(job.runDirectory, 'checkpoint.previous'), { recursive: true });
    await flipBit(join(job.runDirectory, 'checkpoint', 'tensors.safetensors'), 0.9);
    await expectRefused(job, [/checkpoint: the checksum of \S+ is wrong$/]);
  });

  it('the newest was refused before, and the one before it is gone', async () => {
    const job = await copyOfPaused('gone');
    await rm(join(job.runDirectory, 'checkpoint.previous'), { recursive: true });
    await rename(join(job.runDirectory, 'checkpoint'), join(job.runDirectory, 'checkpoint.refused'));
    await expectRefused(job, [/checkpoint\.refused: refused before/]);
  });

  it('both are of other settings', async () => {
    const job = await copyOfPaused('other-configuration', { seed: 2 });
    await expectRefused(job, [/checkpoint: .*other settings; checkpoint\.previous: .*other settings/]);
  });

  async function expectRefused(job: TrainJob, found: readonly RegExp[]): Promise<void> {
    const before = filesOf(job.runDirectory);
    const error = await failureOf(job);
    expect(error).toMatchObject({
      code: 'CORRUPT',
      exitCode: 1,
      message: 'The run was saved, but none of its checkpoints can be used.',
      allowed: 'a checkpoint of this run, as it was written',
    });
    for (const each of found) expect(error.found).toMatch(each);
    expect(error.found).toContain(job.runDirectory);
    expect(error.hint).toMatch(/backup/);
    expect(filesOf(job.runDirectory)).toEqual(before);
    expect(existsSync(job.modelDirectory)).toBe(false);
  }
});

describe('every single byte of a checkpoint', () => {
  it.each(['state.json', 'tensors.safetensors'])('of %s counts: with a bit of it flipped, the one before is used', async (file) => {
    const engine = await loadEngine(fastEngine, engineDirectory());
    const { configuration } = paused;
    const run = join(tiny.directory, 'runs', `bits of ${file}`);
    const parameters = [
      ['a', [2, 3]],
      ['b', [4]],
    ] as const;
    const optimizer = new Optimizer(
      engine,
      parameters.map(([name, shape]) => trainedParameter(engine, name, shape)),
      configuration,
    );
    const state = (step: number): CheckpointState => ({ ...stateOf(paused), step, recent: stateOf(paused).recent.slice(0, 2) });
    await writeCheckpoint(run, engine, optimizer, state(1));
    await writeCheckpoint(run, engine, optimizer, state(2));
    expect(await restoreCheckpoint(run, configuration, engine, optimizer)).toEqual({ state: state(2), refused: null });

    const path = join(run, 'checkpoint', file);
    const good = readFileSync(path);
    const accepted: string[] = [];
    for (let byte = 0; byte < good.length; byte++) {
      const bad = Buffer.from(good);
      const bit = byte % 8;
      bad[byte]! ^= 1 << bit;
      writeFileSync(path, bad);
      const restored = await restoreCheckpoint(run, configuration, engine, optimizer);
      if (restored?.state.step !== 1 || !restored.refused) accepted.push(`bit ${bit} of byte ${byte}`);
      if (existsSync(join(run, 'checkpoint.refused'))) renameSync(join(run, 'checkpoint.refused'), join(run, 'checkpoint'));
    }
    expect(accepted).toEqual([]);
    optimizer.dispose();
  });
});

it('a weight that is no longer finite is not saved over a good checkpoint', async () => {
  const engine = await loadEngine(fastEngine, engineDirectory());
  const run = join(tiny.directory, 'runs', 'infinite');
  const parameter = trainedParameter(engine, 'a', [2, 3]);
  const optimizer = new Optimizer(engine, [parameter], paused.configuration);
  await writeCheckpoint(run, engine, optimizer, stateOf(paused));
  const before = filesOf(run);
  engine.scope(() => parameter.variable!.assign(engine.tensor(Float32Array.of(1, 2, 3, 4, -Infinity, 6), [2, 3])));
  const attempt = writeCheckpoint(run, engine, optimizer, { ...stateOf(paused), step: 4 });
  await expect(attempt).rejects.toMatchObject({
    code: 'DIVERGED',
    message: expect.stringContaining('at step 4') as string,
    found: 'a holds -Infinity in 1 of 6 values, the first at [1, 1]',
    hint: expect.stringMatching(/learning rate.*before this step is kept/) as string,
  });
  expect(filesOf(run)).toEqual(before);
  optimizer.dispose();
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
    ['the older one was removed', (run) => rm(join(run, 'checkpoint.previous'), { recursive: true })],
    [
      'the newest was put aside, the next one had not taken its place',
      async (run) => {
        await rm(join(run, 'checkpoint.previous'), { recursive: true });
        await cp(join(run, 'checkpoint'), join(run, 'checkpoint.next'), { recursive: true });
        await rename(join(run, 'checkpoint'), join(run, 'checkpoint.previous'));
      },
    ],
    ['a refused one was not yet removed', (run) => cp(join(run, 'checkpoint'), join(run, 'checkpoint.refused'), { recursive: true })],
  ];
  it.each(cases)('%s', async (name, interrupt) => {
    const job = await copyOfPaused(name);
    await interrupt(job.runDirectory);
    const { result, events } = await trainHere(job);
    expect(events.find((event) => event.type === 'prepared')!.step).toBe(3);
    expect(result).toMatchObject({ outcome: 'done', stepsDone: 8 });
    expect((await weightsFile(job)).equals(wantedWeights)).toBe(true);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
    expect((await readdir(job.runDirectory)).sort()).toEqual(['checkpoint', 'checkpoint.previous']);
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
