import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, startScript, temporaryFolder } from './run-script.ts';

/** The command as a script calls it: through the launcher, from another folder. */
async function strata(...args: string[]): ReturnType<typeof startScript>['finished'] {
  const cwd = await temporaryFolder();
  return startScript([join(root, 'scripts/strata.mjs'), ...args], { cwd, env: { STRATA_HOME: join(cwd, 'home') } }).finished;
}

describe('the strata command', () => {
  test('prints one JSON document and nothing else on stdout', async () => {
    const { exitCode, stdout } = await strata('model', 'list', '--json');
    expect(exitCode).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toBeTypeOf('object');
  });

  test('keeps the exit code for wrong input, with the error as JSON', async () => {
    const { exitCode, stdout } = await strata('model', 'show', 'nothing', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });
});

describe('a wrong option of a script', () => {
  test.each([
    [['setup.mjs', '--engine'], /'--engine'/],
    [['test.mjs', '--fast'], /'--fast'/],
    [['test.mjs', '--only', 'everything'], /"everything": types, lint, unit, browser, speed, electron, torture and fuzz are known/],
  ])('%j is named, and nothing is done', async ([script = '', ...args], message) => {
    const { exitCode, stdout, stderr } = await startScript([join(root, 'scripts', script), ...args]).finished;
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
