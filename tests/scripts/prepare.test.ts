import { chmod, mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fingerprint } from '../../scripts/setup/build.mjs';
import { findChromium } from '../../scripts/setup/chromium.mjs';
import { isInstalled } from '../../scripts/setup/dependencies.mjs';
import { findElectron, whyNoWindow } from '../../scripts/setup/electron-binary.mjs';
import { withLock } from '../../scripts/setup/lock.mjs';
import { nodePackageName } from '../../scripts/setup/paths.mjs';
import { createReport } from '../../scripts/setup/report.mjs';
import { root, startScript, temporaryFolder } from './run-script.ts';

const silent = createReport({ stream: { write: () => true } });

describe('dependencies', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { integrity: 'sha512-a' },
      [`node_modules/${nodePackageName()}`]: { integrity: 'sha512-node', optional: true },
      'node_modules/node-other-cpu': { integrity: 'sha512-other', optional: true },
    },
  };

  async function checkout(): Promise<string> {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
    return folder;
  }

  async function installed(folder: string, packages: Record<string, unknown>): Promise<void> {
    for (const path of Object.keys(packages)) await mkdir(join(folder, path), { recursive: true });
    await writeFile(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
  }

  const { '': _root, 'node_modules/node-other-cpu': _other, ...needed } = lock.packages;

  test('are missing, then complete without the packages of other machines, then out of date', async () => {
    const folder = await checkout();
    expect(isInstalled(folder)).toBe(false);
    await installed(folder, needed);
    expect(isInstalled(folder)).toBe(true);
    expect(await readFile(join(folder, 'node_modules', '.strata-lock-sha256'), 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    await writeFile(
      join(folder, 'package-lock.json'),
      JSON.stringify({ packages: { ...lock.packages, 'node_modules/b': { integrity: 'sha512-b' } } }),
    );
    expect(isInstalled(folder)).toBe(false);
  });

  test.each([
    ['another version', { ...needed, 'node_modules/a': { integrity: 'sha512-older' } }],
    ['no Node for this machine', { 'node_modules/a': { integrity: 'sha512-a' } }],
    ['a missing package', { [`node_modules/${nodePackageName()}`]: { integrity: 'sha512-node' } }],
  ])('%s is not what the lock file says', async (_what, packages) => {
    const folder = await checkout();
    await installed(folder, packages);
    expect(isInstalled(folder)).toBe(false);
  });

  test('an installation that lost a folder is not complete', async () => {
    const folder = await checkout();
    await installed(folder, needed);
    await rm(join(folder, 'node_modules', 'a'), { recursive: true });
    expect(isInstalled(folder)).toBe(false);
  });
});

test('a source that is edited, added or removed asks for a build, a touched folder does not', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'pages', 'deep'), { recursive: true });
  await writeFile(join(folder, 'pages', 'deep', 'a.ts'), 'a');
  await writeFile(join(folder, 'lock.json'), '{}');
  const sources = ['pages', 'lock.json', 'not-there'];
  const seen = [fingerprint(folder, sources)];
  await utimes(join(folder, 'pages'), new Date(), new Date());
  expect(fingerprint(folder, sources)).toBe(seen[0]);
  await writeFile(join(folder, 'pages', 'deep', 'a.ts'), 'ab');
  seen.push(fingerprint(folder, sources));
  await writeFile(join(folder, 'pages', 'b.ts'), 'b');
  seen.push(fingerprint(folder, sources));
  await rm(join(folder, 'pages', 'deep', 'a.ts'));
  seen.push(fingerprint(folder, sources));
  expect(new Set(seen).size).toBe(4);
});

describe('the lock', () => {
  test('lets one in after the other', async () => {
    const path = join(await temporaryFolder(), 'lock');
    const order: string[] = [];
    let hasWaited = false;
    const first = withLock(
      path,
      () => undefined,
      async () => {
        order.push('first in');
        await new Promise((settle) => setTimeout(settle, 200));
        order.push('first out');
      },
    );
    await new Promise((settle) => setTimeout(settle, 50));
    await Promise.all([
      first,
      withLock(
        path,
        () => (hasWaited = true),
        () => Promise.resolve(order.push('second in')),
      ),
    ]);
    expect({ order, hasWaited }).toEqual({ order: ['first in', 'first out', 'second in'], hasWaited: true });
  });

  test('of a process that died is taken', async () => {
    const path = join(await temporaryFolder(), 'lock');
    const { child, finished } = startScript(['-e', '0']);
    await finished;
    await writeFile(path, String(child.pid));
    expect(
      await withLock(
        path,
        () => undefined,
        () => Promise.resolve('in'),
      ),
    ).toBe('in');
  });
});

describe("Electron's binary", () => {
  test('is the one of ELECTRON_OVERRIDE_DIST_PATH, or a clear word', async () => {
    const folder = await temporaryFolder();
    const environment = { ELECTRON_OVERRIDE_DIST_PATH: folder };
    expect(await findElectron(silent, process.execPath, { environment })).toEqual({ problem: expect.stringContaining(folder) as string });
    await mkdir(join(folder, 'Electron.app/Contents/MacOS'), { recursive: true });
    for (const name of ['electron', 'electron.exe', 'Electron.app/Contents/MacOS/Electron']) await writeFile(join(folder, name), '');
    expect(await findElectron(silent, process.execPath, { environment })).toEqual({
      executable: expect.stringContaining(folder) as string,
    });
  });

  test('is fetched at most once', async () => {
    const folder = await temporaryFolder();
    const electron = join(folder, 'node_modules', 'electron');
    await mkdir(electron, { recursive: true });
    await writeFile(join(electron, 'package.json'), '{"version":"45.4.1"}');
    await writeFile(
      join(electron, 'install.js'),
      `require('fs').appendFileSync(__dirname + '/tries', 'x'); console.error('Error: getaddrinfo ENOTFOUND host'); process.exit(1);`,
    );
    for (const _time of [1, 2]) {
      const found = await findElectron(silent, process.execPath, { root: folder, environment: {} });
      expect(found).toEqual({ problem: expect.stringContaining('ENOTFOUND') as string });
    }
    expect(await readFile(join(electron, 'tries'), 'utf8')).toBe('x');
  });

  test('needs a display, and a user who is not root', () => {
    expect(whyNoWindow({ platform: 'linux', environment: {}, userId: 1000 })).toBe('There is no display here.');
    expect(whyNoWindow({ platform: 'linux', environment: { DISPLAY: ':0' }, userId: 0 })).toContain('root');
    expect(whyNoWindow({ platform: 'linux', environment: { WAYLAND_DISPLAY: 'wayland-0' }, userId: 1000 })).toBeNull();
    expect(whyNoWindow({ platform: 'darwin', environment: {}, userId: 0 })).toBeNull();
  });
});

test('Chromium is the one that is named, else one in PATH', async () => {
  const folder = await temporaryFolder();
  expect(findChromium({ STRATA_CHROMIUM: join(folder, 'none'), PATH: folder })).toBeNull();
  const chromium = join(folder, 'chromium');
  await writeFile(chromium, '');
  await chmod(chromium, 0o755);
  expect(findChromium({ PATH: folder })).toBe(chromium);
  expect(findChromium({ STRATA_CHROMIUM: chromium, PATH: '' })).toBe(chromium);
});

describe('the report', () => {
  test('is quiet about what was done before, never about what takes time or goes wrong', () => {
    let said = '';
    const report = createReport({ quiet: true, stream: { write: (text) => (said += text) } });
    report.alreadyDone('was there');
    report.start('Fetching: 274 MB');
    report.note(['No compiler.', 'Install one.']);
    expect(said).toBe('- Fetching: 274 MB\n! No compiler.\n  Install one.\n');
  });
});

test('a second set-up takes well under a second and leaves stdout alone', async () => {
  const args = [join(root, 'scripts/setup.mjs'), '--quiet', '--engine-only', '--no-engine'];
  await startScript(args).finished;
  const startedAt = performance.now();
  const { exitCode, stdout, stderr } = await startScript(args).finished;
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
