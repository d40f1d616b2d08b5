import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { fastEngine } from '../support/engines.ts';
import { StrataHere } from '../support/strata-command.ts';
import { storyDocuments, writeDocuments, writeTinySources } from '../support/workspace.ts';

/** How tokens are shared, chosen on the command line. */

let directory: string;
let strata: StrataHere;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-mixture-'));
  strata = new StrataHere(join(directory, 'home'));
  const sources = await writeTinySources(directory);
  await strata.json('model', 'import', sources.model);
  const more = join(directory, 'more.jsonl');
  await writeDocuments(more, storyDocuments(90).slice(60));
  for (const [path, name] of [[sources.newText, 'code'], [sources.oldText, 'tales'], [more, 'a=1']] as const) await strata.json('data', 'import', path, '--name', name); // prettier-ignore
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const TRAIN = ['train', '--model', 'tiny', '--steps', '25', '--batch', '4', '--context', '32', '--engine', fastEngine];

test('shares of all tokens, a name with "=" in it and one with a share beside it', async () => {
  const preview = await strata.json<TrainPreview>(...TRAIN, '--new', 'code=0.6', '--old', 'tales=0.1', 'a=1=0.3', '--dry-run');
  expect(preview.mixture.map(({ name, windows }) => [name, windows])).toEqual([
    ['code', 60],
    ['tales', 10],
    ['a=1', 30],
  ]);
  const plain = await strata.json<TrainPreview>(...TRAIN, '--new', 'code', '--old', 'a=1', '--replay', '0.2', '--dry-run');
  expect(plain.mixture.map(({ name, windows }) => [name, windows])).toEqual([
    ['code', 80],
    ['a=1', 20],
  ]);
});

test('without a share the distance is measured, in one line, and the plan says what follows; a second time it is known', async () => {
  const measuring = 'No replay share was given: measuring how far the new data are from the old.';
  const { stdout } = await strata.run(...TRAIN, '--new', 'code', '--old', 'tales', '--dry-run');
  expect(stdout.split('\n').filter((line) => line.includes('measuring'))).toEqual([measuring]);
  expect(stdout).toMatch(/^Replay share +25 % \(New and old data are far apart: .*0\.\d\d.*25 % was needed.*Ibrahim/m);
  const again = await strata.run(...TRAIN, '--new', 'code', '--old', 'tales', '--dry-run');
  expect(again.stdout).toBe(stdout.replace(`${measuring}\n`, ''));
  const chosen = await strata.run(...TRAIN, '--new', 'code', '--old', 'a=1', '--replay', '0.2', '--dry-run');
  expect(chosen.stdout).not.toMatch(/measuring/);
});

test('how documents become tokens is chosen with the words of "data show"', async () => {
  const options = ['--new', 'code', '--completions', 'chat', '--learn', 'all'];
  const run = await strata.json<RunSummary>(...TRAIN, ...options);
  expect(run.configuration.rendering).toEqual({ completions: 'chat', learn: 'all' });
  expect((await strata.run(...TRAIN, '--new', 'code', '--learn', 'some')).stderr).toMatch(/answers, all/);
});

test('weights, course and cap are told in words, with the first windows', async () => {
  const options = ['--replay', '0.4', '--weights', 'equal', '--replay-schedule', 'falling', '--max-repeats', '9'];
  const { stdout } = await strata.run(...TRAIN, '--new', 'code', '--old', 'tales', 'a=1', ...options, '--dry-run');
  expect(stdout).toMatch(/^New +A {2}code: 60 %, 1,920 tokens in 60 windows, gone through [\d.]+ times, about /m);
  expect(stdout).toMatch(/^Old +C {2}a=1: 20 %, 640 tokens in 20 windows/m);
  expect(stdout).toMatch(/^Replay share +40 % \(As chosen\.\)$/m);
  expect(stdout).toMatch(/^ +over the run: 80 % at 0 %, 0 % at 100 %$/m);
  expect(stdout).toMatch(/^First windows +[ABC]{64}$/m);
});

test.each([
  [['--old', 'tales=0.5', 'a=1=0.6'], /do not make a whole/],
  [['--old', 'tales=many'], /no share of a dataset/],
  [['--old', 'tales', '--weights', 'rows'], /not possible as asked/],
  [['--old', 'tales', '--temperature', '0'], /temperature/],
  [['--old', 'tales', '--max-repeats', '0.01'], /too little new data/],
])('%j is refused', async (options, message) => {
  const { exitCode, stderr } = await strata.run(...TRAIN, '--new', 'code', ...options, '--dry-run');
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(message);
});

test('self-replay is made, trained with, and labelled in the result', async () => {
  const made = await strata.json<DatasetInfo>('data', 'self-replay', '--model', 'tiny', '--tokens', '1500', '--engine', fastEngine);
  expect(made).toMatchObject({ name: 'self-replay of tiny', source: expect.stringMatching(/not real old data/) as string });
  const { stdout } = await strata.run(...TRAIN, '--new', 'code', '--old', made.id);
  expect(stdout).toMatch(/self-replay of tiny is self-replay: sampled from the base, not real old data/);
  const [run] = await strata.json<RunSummary[]>('run', 'list');
  expect(run!.configuration.datasets[1]).toMatchObject({ origin: 'self-replay' });
  expect((await strata.run('data', 'self-replay', '--model', 'tiny', '--tokens', '5')).stderr).toMatch(/--tokens 5/);
});
