import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { onlyDocument, type RunningCommand, startStrata, StrataHere } from '../support/strata-command.ts';
import { byteModelConfig, type TinySources, writeTinyModel, writeTinySources } from '../support/workspace.ts';

/** What becomes of a run when the command that trains it is interrupted, killed, or asked from elsewhere. */

let directory: string;
let strata: StrataHere;
let sources: TinySources;
/** A run that nobody disturbed: what the others must come to as well. */
let undisturbed: RunSummary;

const STEPS = 600;
const TRAIN = ['train', '--model', 'tiny', '--new', 'code', '--old', 'stories', '--replay', '0.1', '--batch', '4', '--engine', fastEngine];
const FINITE = ['--steps', `${STEPS}`, '--set', 'evaluateEvery=40', 'checkpointEvery=40', 'evaluationTokens=128'];
/** Longer than any test: ends only by what the test does. */
const ENDLESS = ['--steps', '1000000', '--set', 'evaluateEvery=40', 'checkpointEvery=40', 'evaluationTokens=128'];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-interrupt-'));
  strata = new StrataHere(join(directory, 'home'));
  sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  await strata.json('data', 'import', sources.newText);
  await strata.json('data', 'import', sources.oldText);
  undisturbed = await strata.json('train', ...TRAIN.slice(1), ...FINITE, '--name', 'undisturbed');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Starts a run and waits until it has been measured in the middle of its training. */
async function training(name: string, length: readonly string[]): Promise<RunningCommand> {
  const running = strata.start(...TRAIN, ...length, '--name', name, '--json');
  await running.said(/step +\d+\/\d+ /);
  return running;
}

/** Goes on with a run, which must come to the result of the undisturbed one, bit for bit. */
async function resumesToTheSame(name: string): Promise<void> {
  const resumed = await strata.json<RunSummary>('run', 'resume', name);
  expect(resumed).toMatchObject({ status: 'done', stepsDone: STEPS, tokens: undisturbed.tokens, baseline: undisturbed.baseline });
  expect(resumed.final).toEqual(undisturbed.final);
  const weights = (path: string): Promise<Buffer> => readFile(join(path, 'model.safetensors'));
  expect((await weights(resumed.modelPath!)).equals(await weights(undisturbed.modelPath!))).toBe(true);
}

describe.skipIf(process.platform === 'win32')('a training command', () => {
  test('saves a checkpoint at Ctrl-C, ends with 130, and can be resumed', async () => {
    const { child, finished } = await training('by Ctrl-C', FINITE);
    child.kill('SIGINT');
    const { exitCode, stdout, stderr } = await finished;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('Saving a checkpoint');
    const run = await strata.json<RunSummary>('run', 'show', 'by Ctrl-C');
    expect(onlyDocument(stdout)).toEqual({
      error: {
        code: 'INTERRUPTED',
        message: `The run was interrupted at step ${run.stepsDone}.`,
        hint: expect.stringContaining(`strata run resume ${run.id}`) as string,
      },
    });
    expect(run).toMatchObject({ status: 'interrupted', model: null });
    expect(run.stepsDone).toBeLessThan(STEPS);
    const saved = await readFile(join(strata.home, 'runs', run.id, 'checkpoint', 'state.json'), 'utf8');
    const { state } = JSON.parse(saved) as { state: { step: number } };
    expect(state.step).toBe(run.stepsDone);
    await resumesToTheSame('by Ctrl-C');
  });

  test('takes SIGTERM as Ctrl-C', async () => {
    const { child, finished } = await training('by SIGTERM', ENDLESS);
    child.kill('SIGTERM');
    expect(await finished).toMatchObject({ exitCode: 130, stderr: expect.stringContaining('Saving a checkpoint') as string });
    expect(await strata.json('run', 'show', 'by SIGTERM')).toMatchObject({ status: 'interrupted' });
  });

  test.skipIf(process.platform !== 'linux')('does not wait for the checkpoint at a second Ctrl-C; the trainer saves it alone', async () => {
    const { child, finished, said } = await training('twice', ENDLESS);
    const trainer = await childOf(child.pid!);
    process.kill(trainer, 'SIGSTOP'); // a trainer that takes very long
    child.kill('SIGINT');
    await said(/Ctrl-C again/);
    child.kill('SIGINT');
    expect(await finished).toMatchObject({ exitCode: 130, stdout: expect.stringContaining('"INTERRUPTED"') as string });
    expect(await strata.json('run', 'show', 'twice')).toMatchObject({ status: 'interrupted' });
    process.kill(trainer, 'SIGCONT');
    await gone(trainer);
    expect(await readdir(join(strata.home, 'runs', (await shown('twice')).id))).toContain('checkpoint');
  });

  test('that is killed leaves a run that is known to be interrupted, and can be resumed at once', async () => {
    const { child, finished } = await training('by SIGKILL', FINITE);
    child.kill('SIGKILL');
    expect(await finished).toMatchObject({ signal: 'SIGKILL' });
    const list = await strata.json<RunSummary[]>('run', 'list');
    expect(list.find(({ name }) => name === 'by SIGKILL')).toMatchObject({ status: 'interrupted', model: null });
    await resumesToTheSame('by SIGKILL');
  });

  test.skipIf(process.platform !== 'linux')(
    'whose trainer is killed fails with what to do, and the run is known to be interrupted',
    async () => {
      const { child, finished } = await training('crash', FINITE);
      process.kill(await childOf(child.pid!), 'SIGKILL');
      const { exitCode, stdout } = await finished;
      expect({ exitCode, document: onlyDocument(stdout) }).toEqual({
        exitCode: 1,
        document: {
          error: {
            code: 'CRASHED',
            message: 'The trainer process ended without an answer.',
            found: expect.stringContaining('SIGKILL') as string,
            hint: expect.stringContaining(`strata run resume ${(await shown('crash')).id}`) as string,
          },
        },
      });
      expect(await shown('crash')).toMatchObject({ status: 'interrupted', error: { code: 'CRASHED' } });
    },
  );

  test('is paused from a second process, and resumed by a third', async () => {
    const first = await training('paused', FINITE);
    const paused = await strata.json<RunSummary>('run', 'pause', 'paused');
    expect(paused).toMatchObject({ status: 'paused', model: null });
    const { exitCode, stdout } = await first.finished;
    expect(exitCode).toBe(0);
    expect(onlyDocument(stdout)).toEqual(paused);
    await resumesToTheSame('paused');
  });

  test('is stopped from a second process: what was learned so far is measured and saved', async () => {
    const first = await training('stopped', ENDLESS);
    const stopped = await strata.json<RunSummary>('run', 'stop', 'stopped');
    expect(stopped).toMatchObject({ status: 'stopped', model: expect.any(String) as string, identityDifference: 0 });
    expect(stopped.tokens.total).toBe(stopped.stepsDone * 4 * stopped.configuration.context);
    expect(onlyDocument((await first.finished).stdout)).toEqual(stopped);
    expect(await strata.json('model', 'verify', stopped.model!, '--engine', fastEngine)).toMatchObject({ identity: false, problems: [] });
  });

  test('goes on when a command that only watches it is interrupted', async () => {
    await training('watched', ENDLESS);
    const watching = strata.start('run', 'watch', 'watched');
    await watching.said(/step +\d+/);
    watching.child.kill('SIGINT');
    expect(await watching.finished).toMatchObject({ exitCode: 130 });
    expect(await shown('watched')).toMatchObject({ status: 'running' });
    expect(await strata.failure('data', 'delete', 'code'), 'while the run uses it').toMatchObject({ exitCode: 2, code: 'CONFLICT' });
    expect(await strata.failure('run', 'delete', 'watched')).toMatchObject({ exitCode: 2, code: 'CONFLICT' });
  });
});

test('an interrupted import says how it goes on, and goes on; discarded, it leaves nothing', async () => {
  const path = join(directory, 'large.jsonl');
  const line = `${JSON.stringify({ text: 'A line like others, and long enough to take some time. '.repeat(4) })}\n`;
  await writeFile(path, Array.from({ length: 300_000 }, (_, index) => line.replace('line', `line ${index}`)).join(''));
  const before = await readdir(join(strata.home, 'datasets'));
  const { child, finished } = strata.start('data', 'import', path);
  while ((await readdir(join(strata.home, 'datasets'))).length === before.length) await delay(20);
  child.kill('SIGINT');
  const { exitCode, stdout, stderr } = await finished;
  expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
  const [, id = ''] = /data resume (\S+?)\./.exec(stderr)!;
  expect(await strata.json('data', 'imports')).toMatchObject([{ id, state: 'stopped', canResume: true, error: null }]);
  const second = strata.start('data', 'resume', id);
  while ((await strata.json<{ state: string }[]>('data', 'imports'))[0]?.state !== 'running') await delay(20);
  second.child.kill('SIGINT');
  expect(await second.finished).toMatchObject({ exitCode: 130 });
  expect(await strata.json('data', 'discard', id)).toEqual({ removed: id });
  expect(await readdir(join(strata.home, 'datasets'))).toEqual(before);
});

test('an interrupted export leaves nothing behind', async () => {
  const folder = join(directory, 'a model that takes time');
  await writeTinyModel(folder, { config: { ...byteModelConfig, hiddenSize: 512, headSize: 128, intermediateSize: 1024 } });
  await strata.json('model', 'import', folder, '--name', 'large');
  const destination = join(directory, 'exports');
  await mkdir(destination);
  const { child, finished } = strata.start('model', 'export', 'large', '--out', join(destination, 'model'));
  while ((await readdir(destination)).length === 0) await delay(5);
  child.kill('SIGINT');
  expect(await finished).toMatchObject({ exitCode: 130, stdout: '' });
  expect(await readdir(destination)).toEqual([]);
});

test('a reader of the output that has seen enough is not told of it', async () => {
  const { child, finished } = startStrata(['run', 'show', 'undisturbed', '--home', strata.home]);
  child.stdout!.destroy();
  expect((await finished).stderr).toBe('');
});

function shown(name: string): Promise<RunSummary> {
  return strata.json('run', 'show', name);
}

/** The process that another one has started: a command that trains has its trainer and nothing else. */
async function childOf(pid: number): Promise<number> {
  const [child] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  return Number(child);
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await delay(50);
  }
}
