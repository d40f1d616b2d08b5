import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readBudgets } from './harness/installer-budget.ts';
import { type PackageFiles, packageFiles, type Target, TARGETS } from './harness/package-files.ts';
import { packageSize } from './harness/package-sizes.ts';

const root = resolve(import.meta.dirname, '../..');

/** Each list takes seconds: it is made once. */
const lists = new Map<Target, Promise<PackageFiles>>();
function listOf(target: Target): Promise<PackageFiles> {
  const list = lists.get(target) ?? packageFiles(target);
  lists.set(target, list);
  return list;
}

/** Lists of all files, from a dry run: nothing has been packed for these platforms, and no such machine was at hand. */
describe.each(TARGETS)('the package for %s', (target) => {
  let files: PackageFiles;
  beforeAll(async () => {
    files = await listOf(target);
  });

  test('holds the program, its pages and their licences', async () => {
    const ours = files.archive.filter((path) => !path.startsWith('node_modules/'));
    const built = await filesBelow('dist/electron');
    const pages = await filesBelow('dist/renderer');
    expect(ours).toEqual(['LICENSE', 'package.json', ...built, ...pages].sort());
    for (const path of ['dist/electron/main.js', 'dist/electron/process.js', 'dist/electron/preload.cjs', 'dist/renderer/index.html'])
      expect(ours).toContain(path);
    expect(ours).toContain('dist/renderer/licences.html');
  });

  test('holds every package that the program depends on, and none that only making it does', async () => {
    const { dependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { dependencies: object };
    const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: boolean }> };
    const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const needed = new Set(Object.entries(lock.packages).flatMap(([folder, { dev }]) => (folder === '' || dev ? [] : [nameOf(folder)])));
    const held = files.archive.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1] ?? []);
    // The addon of this one is an engine pack; its JavaScript is bundled.
    const wanted = Object.keys(dependencies).filter((name) => name !== '@tensorflow/tfjs-node-gpu');
    expect(wanted.filter((name) => !held.includes(`node_modules/${name}`))).toEqual([]);
    expect(held.map(nameOf).filter((name) => !needed.has(name))).toEqual([]);
    expect(held.length).toBeGreaterThan(100);
  });

  test('has of native files one SQLite and one Dawn, of this platform alone, beside the archive', () => {
    const isNative = (path: string): boolean => /\.(node|dll|dylib|exe)$|\.so(\.|$)/.test(path);
    const dawn = target.startsWith('darwin') ? 'darwin-universal' : target;
    const libraries = files.archive.filter(isNative);
    expect(libraries.filter((path) => path.endsWith('.node'))).toEqual([
      `node_modules/better-sqlite3/prebuilds/${target}.node`,
      `node_modules/webgpu/dist/${dawn}/dawn.node`,
    ]);
    expect(libraries.filter((path) => TARGETS.some((each) => each !== target && path.includes(`/${each}`)))).toEqual([]);
    expect(libraries.filter((path) => !files.unpacked.includes(path))).toEqual([]);
    expect(files.unpacked.filter((path) => path.endsWith('-worker.mjs')).length).toBeGreaterThan(3);
  });

  test('has no sources, tests, maps, secrets or other rubbish', () => {
    const rubbish = [
      /(^|\/)\.(git|env|cache|npmrc|ci|vscode|DS_Store)/,
      /\.(map|tsbuildinfo|log|sqlite|db)$/,
      /^(main|shared|renderer|tests|docs|scripts|packaging|resources)\//,
      /^dist\/(packages|addon)\//,
      /^node_modules\/(node-(linux|darwin|win|bin)-|\.bin|\.package-lock)/,
      /\/(tfjs-node-gpu|deps\/libtensorflow)/,
      /(^|\/)(id_rsa|.*\.pem|.*\.key)$/,
    ];
    expect(files.archive.filter((path) => rubbish.some((each) => each.test(path)))).toEqual([]);
  });

  test('has the base, the samples and the tray’s picture beside the archive, and the program’s icons not', async () => {
    const wanted = (await filesBelow('resources'))
      .map((path) => path.slice('resources/'.length))
      .filter((path) => !path.startsWith('icons/'));
    const addon = files.resources.filter((path) => !wanted.includes(path));
    expect(wanted.filter((path) => !files.resources.includes(path))).toEqual([]);
    expect(addon.filter((path) => !/\.(node|json)$/.test(path))).toEqual([]);
  });

  test('is no larger than packaging/installers.json allows for each of its installers', async () => {
    expect(files.sources).toHaveLength(files.archive.length + files.resources.length);
    const found = await packageSize(files);
    const { whole, packed } = (await readBudgets()).platforms[target];
    for (const [megabytes, allowed] of [
      [found.whole, whole],
      [found.packed, packed],
    ] as const) {
      expect(megabytes, JSON.stringify(found)).toBeLessThanOrEqual(allowed);
      expect(megabytes, JSON.stringify(found)).toBeGreaterThan(0.8 * allowed); // a budget that nothing comes near guards nothing
    }
  });
});

test('the packages differ in native files alone', async () => {
  const plain = async (target: Target): Promise<string[]> =>
    (await listOf(target)).archive.filter((path) => !/^node_modules\/(better-sqlite3\/prebuilds|webgpu\/dist)\//.test(path));
  const [linux, ...others] = [await plain('linux-x64'), await plain('darwin-arm64'), await plain('win32-x64')];
  for (const other of others) expect(other).toEqual(linux);
  expect(linux.length).toBeGreaterThan(1000);
});

/** Files below a folder of the checkout, by their paths in it. */
async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
