import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { EngineInfo } from '../../shared/contract/engines.ts';
import { onlyDocument, startStrata } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** A machine where TensorFlow could not be set up: everything works on wasm, and says why. */

let directory: string;
let options: { env: Record<string, string> };
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-slow-engine-'));
  options = { env: { STRATA_ENGINE_DIR: join(directory, 'no engine'), STRATA_HOME: join(directory, 'home') } };
  const sources = await writeTinySources(directory);
  await document('model', 'import', sources.model);
  await document('data', 'import', sources.newText);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function document(...args: string[]): Promise<unknown> {
  const { exitCode, stdout } = await startStrata([...args, '--json'], options).finished;
  expect(exitCode).toBe(0);
  return onlyDocument(stdout);
}

test('engine selects wasm and says what is missing and how to get it', async () => {
  const { selected, engines } = (await document('engine')) as { selected: string; engines: EngineInfo[] };
  expect(selected).toBe('wasm');
  expect(engines.find(({ name }) => name === 'tensorflow-cpu')).toEqual({
    name: 'tensorflow-cpu',
    available: false,
    reason: expect.stringContaining('has not been set up') as string,
    version: null,
    selfTest: null,
  });
});

test('a run is trained on wasm without being asked to', async () => {
  const run = await document('train', '--model', 'tiny', '--new', 'code', '--steps', '2', '--batch', '2');
  expect(run).toMatchObject({ status: 'done', engine: 'wasm', identityDifference: 0 });
});

test('an engine that was asked for and is missing is a failure with what to do', async () => {
  const { exitCode, stdout } = await startStrata(['generate', 'tiny', '--prompt', 'a', '--engine', 'tensorflow-cpu', '--json'], options)
    .finished;
  expect({ exitCode, document: onlyDocument(stdout) }).toMatchObject({
    exitCode: 1,
    document: { error: { code: 'ENGINE', hint: expect.stringContaining('npm run setup') as string } },
  });
});

test('the demo says that it is slow and why', async () => {
  const { child, said } = startStrata(['demo'], options);
  onTestFinished(() => void child.kill('SIGKILL'));
  await said(/engine +wasm \(slow[^]*tensorflow-cpu[^]*has not been set up[^]*npm run setup/);
  await said(/Steps +\d+ of 8 windows/);
  await said(/Replay share +25 % \(.*far apart/); // as measured, like the sample project of the pages
});
