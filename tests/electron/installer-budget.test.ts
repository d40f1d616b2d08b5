import { readFile, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { installersIn, platformOf, readBudgets } from './harness/installer-budget.ts';
import { TARGETS } from './harness/package-files.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = useTemporaryFolder();

test('every installer of electron-builder.yml has a budget, which leaves Electron its part', async () => {
  const { load } = createRequire(import.meta.url)('js-yaml') as { load(text: string): Record<string, { target: string[] }> };
  const configuration = load(await readFile(join(root, 'electron-builder.yml'), 'utf8'));
  const { electron, platforms } = await readBudgets();
  expect(Object.keys(platforms)).toEqual([...TARGETS]);
  for (const [platform, { installers, packed, installer }] of Object.entries(platforms)) {
    const system = { linux: 'linux', darwin: 'mac', win32: 'win' }[platform.split('-')[0]!]!;
    expect(installers, platform).toEqual(configuration[system]!.target);
    expect(installer, platform).toBe(packed + electron);
  }
});

test('docs/desktop.md has the budgets as they are', async () => {
  const text = await readFile(join(root, 'docs/desktop.md'), 'utf8');
  const rows = [...text.matchAll(/^\| ([a-z0-9]+-[a-z0-9]+) +\|(.*)\|$/gm)].map(([, platform, row]) => [
    platform,
    ...row!.split('|').map((cell) => cell.trim()),
  ]);
  const { platforms } = await readBudgets();
  expect(rows.map(([platform, installers, , , whole, packed, installer]) => [platform, installers, whole, packed, installer])).toEqual(
    Object.entries(platforms).map(([platform, { installers, whole, packed, installer }]) => [
      ...[platform, installers.join(', '), String(whole), String(packed), String(installer)],
    ]),
  );
});

test('installers are known by the names that the packager gives them, and a large one is noticed', async () => {
  const names = {
    'Strata-0.1.0.AppImage': 'linux-x64',
    'Strata-0.1.0-arm64.AppImage': 'linux-arm64',
    'strata-studio_0.1.0_amd64.deb': 'linux-x64',
    'strata-studio_0.1.0_arm64.deb': 'linux-arm64',
    'Strata-0.1.0.dmg': 'darwin-x64',
    'Strata-0.1.0-arm64-mac.zip': 'darwin-arm64',
    'Strata Setup 0.1.0.exe': 'win32-x64',
  };
  for (const [name, platform] of Object.entries(names)) expect([name, platformOf(name)]).toEqual([name, platform]);
  expect(['builder-debug.yml', 'Strata-0.1.0.dmg.blockmap', 'linux-unpacked'].map(platformOf)).toEqual([null, null, null]);
  for (const [name, megabytes] of [
    ['Strata-0.1.0.AppImage', 150],
    ['Strata Setup 0.1.0.exe', 400],
  ] as const) {
    await writeFile(join(folder.path, name), '');
    await truncate(join(folder.path, name), megabytes * 1e6); // takes no room
  }
  const found = await installersIn(folder.path);
  expect(found.map(({ name, megabytes, allowed }) => [name, megabytes > allowed]).sort()).toEqual([
    ['Strata Setup 0.1.0.exe', true],
    ['Strata-0.1.0.AppImage', false],
  ]);
});
