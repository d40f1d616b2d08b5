import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { engineDirectory as typescriptDirectory } from '../../main/engine/engine-directory.ts';
import { engineDirectory } from '../../scripts/setup/paths.mjs';
import { root, type ScriptResult, startScript, temporaryFolder } from './run-script.ts';

/** The set-up of TensorFlow where something is missing: it says what, and the product goes on without. */

/** Runs the set-up with an engine folder of its own and only the programs given in PATH. */
async function setUp(
  programs: Record<string, string>,
  env: Record<string, string> = {},
  ...args: string[]
): Promise<ScriptResult & { directory: string; again(): Promise<ScriptResult> }> {
  const folder = await temporaryFolder();
  const directory = join(folder, 'engine');
  await mkdir(join(folder, 'bin'));
  await symlink('/bin/sh', join(folder, 'bin', 'sh'));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, 'bin', name), 0o755);
  }
  const environment = { PATH: join(folder, 'bin'), STRATA_ENGINE_DIR: directory, CXX: '', ...env };
  const run = (script: string, ...args: string[]): Promise<ScriptResult> =>
    startScript([join(root, 'scripts', script), ...args], { env: environment }).finished;
  return { ...(await run('setup.mjs', '--engine-only', ...args)), directory, again: () => run('strata.mjs', '--help') };
}

const COMPILER = { 'g++': 'echo "g++ 12.2.0"' };
const fakePip = (download: string): Record<string, string> => ({
  python3: `case "$*" in *--version*) echo "pip 23.2.1 from /somewhere (python 3.11)";; *) ${download};; esac`,
});

describe.skipIf(process.platform !== 'linux')('what is missing is said plainly, and the set-up goes on', () => {
  test('no compiler', async () => {
    const { exitCode, stdout, stderr } = await setUp({});
    expect(exitCode).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('no C++ compiler was found');
    expect(stderr).toContain('apt-get install g++');
    expect(stderr).toContain('works on its wasm engine');
    expect(stderr).not.toContain('Fetching');
  });

  test('a compiler named by CXX that is not there', async () => {
    const { stderr } = await setUp(COMPILER, { CXX: '/nowhere/c++ -m64' });
    expect(stderr).toContain('no C++ compiler was found');
  });

  test('neither pip nor uv', async () => {
    const { exitCode, stderr } = await setUp(COMPILER);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('neither pip nor uv was found');
  });

  test('no network: the last words of pip are shown, and nothing is left half-done', async () => {
    const { exitCode, stderr, directory } = await setUp({ ...COMPILER, ...fakePip('echo "ERROR: Could not connect" >&2; exit 1') });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('tensorflow-cpu==2.21.0, 274 MB');
    expect(stderr).toContain('ERROR: Could not connect');
    expect(await readdir(directory)).not.toContain('engine.json');
    expect(JSON.parse(await readFile(join(directory, 'unavailable.json'), 'utf8'))).toMatchObject({
      reason: expect.stringContaining('pip could not fetch') as string,
    });
  });

  test('a wheel with other contents is refused and deleted', async () => {
    const download = 'while [ $# -gt 1 ]; do [ "$1" = --dest ] && echo "not TensorFlow" > "$2/tensorflow_cpu.whl"; shift; done';
    const { exitCode, stderr, directory } = await setUp({ ...COMPILER, ...fakePip(download) });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('expected 2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c');
    expect(await readdir(join(directory, '.work', 'tensorflow-cpu'))).toEqual([]);
  });

  test.runIf(process.arch === 'x64')('TensorFlow for GPUs is fetched only when asked for, and does without as well', async () => {
    const programs = { ...COMPILER, ...fakePip('echo "ERROR: Could not connect" >&2; exit 1') };
    expect((await setUp(programs)).stderr).not.toContain('NVIDIA');
    const { exitCode, stderr, directory } = await setUp(programs, {}, '--gpu');
    expect(exitCode).toBe(0);
    expect(stderr).toContain('tensorflow==2.21.0, 572 MB');
    expect(stderr).toContain('TensorFlow for NVIDIA GPUs could not be set up: pip could not fetch tensorflow==2.21.0');
    expect(await readdir(directory)).toEqual(expect.arrayContaining(['unavailable.json', 'unavailable-gpu.json']) as string[]);
  });

  test('a command after a failed set-up does not try the download again', async () => {
    const { again } = await setUp({ ...COMPILER, ...fakePip('echo "ERROR: Could not connect" >&2; exit 1') });
    expect((await again()).stderr).not.toContain('Fetching');
  });
});

describe('the engine folder', () => {
  test.each([
    ['linux', { STRATA_ENGINE_DIR: '/elsewhere' }],
    ['linux', { XDG_CACHE_HOME: '/caches' }],
    ['linux', {}],
    ['darwin', {}],
    ['win32', { LOCALAPPDATA: '/local' }],
  ] as const)('on %s with %o is the same for the set-up and the product', (platform, environment) => {
    const folder = engineDirectory(environment, platform);
    expect(folder).toBe(typescriptDirectory(environment, platform));
    expect(dirname(folder)).not.toBe(folder);
  });
});
