import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ComparisonAnswer, ComparisonTask } from '../../main/datasets/comparison.ts';
import { loadContentEncoder } from '../../main/models/content-encoder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import type { EncodedBatch, WorkerStart, WorkerTask } from '../../main/models/tokenizers/parallel-encoding.ts';
import { workerEntry } from '../../main/models/worker-entry.ts';
import { DEFAULT_RENDERING } from '../../shared/domain/rendering.ts';
import { ENGINE_PACKS } from '../../main/studio/engine-pack-table.ts';
import { CHANNELS } from '../../main/electron/channels.ts';
import { type Client } from '../support/web-client.ts';
import { writeDataset } from '../support/dataset-folders.ts';
import { StandInProgram } from './harness/stand-in-program.ts';

const root = resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const run = promisify(execFile);

interface BuilderConfiguration {
  npmRebuild: boolean;
  files: string[];
  asarUnpack: string[];
  electronFuses: Record<string, boolean>;
  toolsets: { appimage: string };
  publish: null;
  protocols: { schemes: string[] }[];
  fileAssociations: { ext: string }[];
}

async function readConfiguration(): Promise<BuilderConfiguration> {
  const { load } = require('js-yaml') as { load(text: string): BuilderConfiguration };
  return load(await readFile(join(root, 'electron-builder.yml'), 'utf8'));
}

describe('electron-builder.yml', () => {
  let configuration: BuilderConfiguration;

  beforeAll(async () => {
    configuration = await readConfiguration();
  });

  test('is valid by its own schema', async () => {
    const { validateConfiguration } = require('app-builder-lib/out/util/config/config.js') as {
      validateConfiguration(configuration: unknown, debugLogger: unknown): Promise<void>;
    };
    const logger = { isEnabled: false, add: () => undefined };
    await validateConfiguration(configuration, logger);
    await expect(validateConfiguration({ ...configuration, electronFuses: 'all' }, logger)).rejects.toThrow('electronFuses');
  });

  test('registers links and packs, and has icons', async () => {
    expect(configuration.protocols.flatMap(({ schemes }) => schemes)).toEqual(['strata-studio']);
    expect(configuration.fileAssociations.map(({ ext }) => ext)).toEqual(['strata-pack']);
    const [ico, icns] = await Promise.all(['icon.ico', 'icon.icns'].map((name) => readFile(join(root, 'resources/icons', name))));
    expect([ico!.readUInt16LE(2), ico!.readUInt16LE(4)]).toEqual([1, 6]);
    expect(icns!.subarray(0, 4).toString()).toBe('icns');
    expect(icns!.readUInt32BE(4)).toBe(icns!.length);
    expect((await readFile(join(root, 'resources/icons/512x512.png'))).readUInt32BE(16)).toBe(512);
  });

  test('closes what a page or a caller could otherwise reach', () => {
    expect(configuration.electronFuses).toEqual({
      enableCookieEncryption: true,
      enableEmbeddedAsarIntegrityValidation: true,
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      onlyLoadAppFromAsar: true,
      grantFileProtocolExtraPrivileges: false,
    });
    expect(configuration).toMatchObject({ npmRebuild: false, publish: null, toolsets: { appimage: '1.0.3' } });
  });
});

describe('the bundles', () => {
  beforeAll(async () => {
    await run(process.execPath, [join(root, 'scripts/build.mjs')], { cwd: root });
  }, 120_000);

  test('the preload is one CommonJS file that asks for nothing but Electron', async () => {
    const preload = await readFile(join(root, 'dist/electron/preload.cjs'), 'utf8');
    const asked = [...preload.matchAll(/require\(["'`]([^"'`]+)["'`]\)/g)].map((match) => match[1]);
    expect(asked).toEqual(['electron']);
    expect(preload).not.toMatch(/^import /m);
  });

  test('the preload exposes the host object and nothing else', async () => {
    const exposed: Record<string, object> = {};
    const electron = {
      contextBridge: { exposeInMainWorld: (name: string, value: object) => (exposed[name] = value) },
      ipcRenderer: { send: () => undefined, invoke: () => Promise.resolve([]), on: () => undefined },
      webUtils: { getPathForFile: () => '' },
    };
    const source = await readFile(join(root, 'dist/electron/preload.cjs'), 'utf8');
    new Function('require', 'module', 'exports', 'window', source)(() => electron, { exports: {} }, {}, {});
    expect(Object.keys(exposed)).toEqual(['strataHost']);
    expect(Object.keys(exposed.strataHost!).sort()).toEqual([
      'checkForUpdate',
      'filesToPaths',
      'kind',
      'notify',
      'onEvent',
      'openWorkspace',
      'pickPaths',
      'pickSavePath',
      'recentWorkspaces',
      'requestPort',
      'settings',
      'showLogs',
      'showProgress',
    ]);
  });

  test('the host and the trainer are modules of ours alone: packages stay outside', async () => {
    for (const name of ['main.js', 'process.js']) {
      const bundle = await readFile(join(root, 'dist/electron', name), 'utf8');
      expect(bundle).toMatch(/^import .* from ["'](node:|electron|@|\.\/|zod)/m);
      expect(bundle).not.toMatch(/from ["'][^"']+\.ts["']/);
    }
  });

  test('the thread that encodes needs nothing beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strata-thread-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const alone = join(folder, 'encoding-worker.mjs');
    await copyFile(join(root, 'dist/electron/encoding-worker.mjs'), alone);
    expect(await encodedBy(alone)).toEqual((await loadTokenizer(BASE)).encodeDocument(TEXT));
  });

  test('the thread that compares needs nothing beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strata-thread-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const alone = join(folder, 'comparison-worker.mjs');
    await copyFile(join(root, 'dist/electron/comparison-worker.mjs'), alone);
    const dataset = await writeDataset(folder, 'a', { training: ['one', 'two'], heldOut: ['two'] });
    const task: ComparisonTask = { kind: 'check', request: { datasets: [dataset], evaluations: [] } };
    const worker = new Worker(alone, { workerData: task });
    onTestFinished(() => void worker.terminate());
    const answers: ComparisonAnswer[] = [];
    worker.on('message', (answer: ComparisonAnswer) => answers.push(answer));
    await once(worker, 'exit');
    expect(answers.at(-1)).toMatchObject({ result: { leakCount: 1, drop: [{ documents: [2] }] } });
  });

  test('the bundled trainer does a job', async () => {
    const child = fork(join(root, 'dist/electron/process.js'), [], { serialization: 'advanced' });
    const answered = new Promise((settle) => child.once('message', settle));
    child.send({ type: 'start', job: { kind: 'self-test', engines: ['cpu'] } });
    expect(await answered).toMatchObject({ type: 'finished', result: { engines: [{ name: 'cpu', available: true }] } });
  });
});

const BASE = join(root, 'resources/base');
const TEXT = "Once upon a time there wasn't a thread.";

/** Ids of {@link TEXT} that a thread with this entry computes, started where no package is in sight. */
async function encodedBy(entry: string): Promise<number[]> {
  const { hash } = await loadContentEncoder(BASE);
  const worker = new Worker(entry, { workerData: { directory: BASE, hash, rendering: DEFAULT_RENDERING } satisfies WorkerStart });
  try {
    expect((await once(worker, 'message'))[0]).toBe('ready');
    worker.postMessage({ contents: [{ kind: 'text', text: TEXT }] } satisfies WorkerTask);
    const [{ ids }] = (await once(worker, 'message')) as [EncodedBatch];
    return Array.from(ids);
  } finally {
    await worker.terminate();
  }
}

/** Loads, in a folder that sees no other packages, what the bundles import. */
const LOAD_PACKAGES = `
  const { createRequire } = await import('node:module');
  const require = createRequire(process.cwd() + '/package.json');
  const tf = require('@tensorflow/tfjs');
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(require.resolve('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm').replace(/[^/]+$/, ''));
  await tf.setBackend('wasm');
  const product = await tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).data();
  const Database = require('better-sqlite3');
  const answer = new Database(':memory:').prepare('select 6 * 7 as answer').get().answer;
  for (const name of ['@orpc/server', '@orpc/server/message-port', '@orpc/contract', 'zod', 'oniguruma-to-es', 'webgpu']) {
    await import(require.resolve(name));
  }
  console.log(JSON.stringify({ backend: tf.getBackend(), product: [...product], answer }));
`;

/** Megabytes of 10^6 bytes of our part of a package, and of the same in gzip's hands, which installers pack better than. */
async function expectWithinBudget(resources: string): Promise<void> {
  const budget = JSON.parse(await readFile(join(root, 'packaging/budget.json'), 'utf8')) as Record<string, number>;
  const archive = await sizesBelow(join(resources, 'app.asar'));
  const unpacked = await sizesBelow(join(resources, 'app.asar.unpacked'));
  const beside = await sizesBelow(join(resources, 'resources'));
  const found = {
    archive: archive.plain,
    unpacked: unpacked.plain,
    resources: beside.plain,
    whole: archive.plain + unpacked.plain + beside.plain,
    packed: archive.packed + unpacked.packed + beside.packed,
  };
  for (const [part, megabytes] of Object.entries(found)) {
    expect(megabytes, `${part}: ${JSON.stringify(found)}`).toBeLessThanOrEqual(budget[part]!);
    expect(megabytes, `${part}: ${JSON.stringify(found)}`).toBeGreaterThan(budget[part]! / 3); // a budget that nothing comes near guards nothing
  }
}

async function sizesBelow(path: string): Promise<{ plain: number; packed: number }> {
  const found = await stat(path);
  const files = found.isFile() ? [path] : (await readdir(path, { recursive: true })).map((name) => join(path, name));
  let [plain, packed] = [0, 0];
  for (const file of files) {
    if (!(await stat(file)).isFile()) continue;
    const content = await readFile(file);
    plain += content.length / 1e6;
    packed += gzipSync(content, { level: 1 }).length / 1e6;
  }
  return { plain, packed };
}

describe.skipIf(process.platform !== 'linux')('the package (made around an empty stand-in for Electron)', () => {
  test('holds the bundles, one SQLite, and dependencies that load without the checkout', { timeout: 180_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'strata-package-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const electron = join(folder, 'electron');
    await mkdir(electron);
    for (const name of ['electron', 'chrome-sandbox', 'LICENSE', 'LICENSES.chromium.html', 'version'])
      await writeFile(join(electron, name), name);
    // Fuses are switches inside Electron's binary, which the stand-in does not have.
    const { electronFuses: _fuses, ...configuration } = await readConfiguration();
    await writeFile(
      join(folder, 'builder.json'),
      JSON.stringify({ ...configuration, electronDist: electron, directories: { output: join(folder, 'packages') } }),
    );
    const builder = join(root, 'node_modules/electron-builder/cli.js');
    await run(process.execPath, [builder, '--linux', 'dir', '--publish', 'never', '--config', join(folder, 'builder.json')], { cwd: root });
    const resources = join(folder, 'packages', 'linux-unpacked', 'resources');
    const unpacked = join(resources, 'app.asar.unpacked');
    expect(await readdir(join(unpacked, 'node_modules'))).toEqual(['better-sqlite3', 'webgpu']);
    const thread = fileURLToPath(
      workerEntry('./encoding-worker', pathToFileURL(join(resources, 'app.asar/dist/electron/process.js')).href),
    );
    expect(await readdir(join(unpacked, 'dist/electron'))).toEqual([
      'comparison-worker.mjs',
      'encoding-worker.mjs',
      'hash-worker.mjs',
      'inspect-worker.mjs',
      'reading-worker.mjs',
    ]);
    expect(await encodedBy(thread)).toEqual((await loadTokenizer(BASE)).encodeDocument(TEXT));
    const ofResources = (await readdir(join(root, 'resources'))).filter((name) => name !== 'icons');
    const packed = (await readdir(join(resources, 'resources'))).filter((name) => name !== 'addon');
    expect(packed.sort()).toEqual(ofResources.sort());
    await expectWithinBudget(resources);

    const { extractAll } = require('@electron/asar') as { extractAll(archive: string, folder: string): void };
    const app = join(folder, 'app');
    extractAll(join(resources, 'app.asar'), app);
    expect((await readdir(app)).sort()).toEqual(['LICENSE', 'dist', 'node_modules', 'package.json']);
    expect((await readdir(join(app, 'dist', 'electron'))).filter((name) => /^(main|process|preload)\./.test(name)).sort()).toEqual([
      'main.js',
      'preload.cjs',
      'process.js',
    ]);
    expect(await readdir(join(app, 'node_modules/better-sqlite3/prebuilds'))).toEqual([`linux-${process.arch}.node`]);
    expect(await readdir(join(app, 'node_modules/webgpu/dist'))).toEqual([`linux-${process.arch}`]);
    expect((await readdir(join(app, 'node_modules'))).filter((name) => name.startsWith('node-linux'))).toEqual([]);
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', LOAD_PACKAGES], { cwd: app });
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({ backend: 'wasm', product: [3, 3, 3, 3], answer: 42 });
    expect(await readFile(join(app, 'dist/renderer/licences.html'), 'utf8')).toContain('<summary>better-sqlite3');

    // The packaged host starts, opens a workspace and answers a page, with nothing of the checkout in sight but what stands in for Electron.
    const home = join(folder, 'home');
    const program = new StandInProgram({ folder, app, resources, words: [`--home=${home}`, '--sample=none'] });
    onTestFinished(() => program.kill());
    await program.opened();
    const client = createORPCClient<Client>(new RPCLink({ port: await program.port(CHANNELS.connect) }));
    expect(await client.workspace.info()).toMatchObject({ home, embeddedBase: 'strata-base' });
    const packs = await client.engines.packs.list();
    expect(packs).toHaveLength(ENGINE_PACKS.some(({ platform }) => platform === `linux-${process.arch}`) ? 1 : 0);
  });
});
