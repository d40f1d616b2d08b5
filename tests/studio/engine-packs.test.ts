import { createHash } from 'node:crypto';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { readEngineManifest } from '../../main/engine/engine-directory.ts';
import type { EnginePack } from '../../main/engine/engine-pack.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { ENGINE_PACKS } from '../../main/studio/engine-pack-table.ts';
import type { PackSource } from '../../main/studio/engine-pack-source.ts';
import { openStudio, type Studio } from '../../main/studio/studio.ts';
import type { Executor } from '../../main/training/executor.ts';
import type { EnginePackInfo } from '../../shared/contract/engines.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { zipOf } from '../support/zip.ts';

/** Packs of a few bytes, from the disk and from a server of the test's own; the engine they make is a stand-in for TensorFlow's addon. */

const folder = useTemporaryFolder();
const LIBRARY = Buffer.from('library '.repeat(4000));
const wheel = zipOf({ 'tensorflow/libtf.so.2': LIBRARY, 'tensorflow/other.py': Buffer.from('print()') });
const FILE = 'tensorflow_cpu-1.0-cp311-cp311-any.whl';

function packOf(archive: Buffer, changes: Partial<EnginePack> = {}): EnginePack {
  const known = { bytes: archive.length, sha256: createHash('sha256').update(archive).digest('hex') };
  return {
    id: 'tensorflow-cpu',
    engine: 'tensorflow-cpu',
    title: 'TensorFlow',
    version: '1.0',
    platform: `${process.platform}-${process.arch}`,
    licence: 'Apache-2.0',
    archive: { file: FILE, package: 'tensorflow-cpu', pipPlatform: 'any', pythonVersion: '311', ...known },
    members: ['tensorflow/libtf.so.2'],
    unpackedBytes: 100_000,
    ...changes,
  };
}

let studio: Studio | null = null;
afterEach(async () => {
  await studio?.close();
  studio = null;
});

const engines = (): string => join(folder.path, 'engine');
const installedFile = (): string => join(engines(), 'packs', 'tensorflow-cpu-1.0', 'libtf.so.2');

/** A studio whose self-test says what `works` says, without a process. */
async function open(pack = packOf(wheel), works = true): Promise<Studio['enginePacks']> {
  const addonPath = await folder.write('binding.cjs', 'module.exports = { TF_Version: "1.0", isUsingGpuDevice: () => false };');
  const result = { selected: null, engines: [{ name: 'tensorflow-cpu', available: works, reason: works ? '' : 'wrong numbers' }] };
  const executor: Executor = {
    start: () => ({ finished: Promise.resolve(result), control: () => undefined, tell: () => undefined, kill: () => undefined }),
  };
  studio = openStudio({
    home: join(folder.path, 'home'),
    executor,
    resources: join(import.meta.dirname, '../../resources'),
    version: '0',
    enginePacks: { directory: engines(), packs: [pack], addonPath },
  });
  return studio.enginePacks;
}

async function end(packs: Studio['enginePacks']): Promise<EnginePackInfo> {
  let last: EnginePackInfo | null = null;
  for await (const shown of packs.watch({ pack: 'tensorflow-cpu' })) last = shown;
  return last!;
}

async function install(packs: Studio['enginePacks'], source: PackSource): Promise<EnginePackInfo> {
  await packs.install({ pack: 'tensorflow-cpu', licence: 'Apache-2.0', source });
  return end(packs);
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<PackSource> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/packs` };
}

describe('an engine pack', () => {
  it('names what the set-up of a checkout takes', async () => {
    const table = JSON.parse(await readFile(join(import.meta.dirname, '../../scripts/setup/tensorflow-wheels.json'), 'utf8')) as {
      tensorflowVersion: string;
      pythonVersion: string;
      platforms: Record<string, { package: string; pipPlatform: string; sizeBytes: number | null; sha256: string; libraries: string[] }>;
    };
    const wanted = Object.entries(table.platforms).map(([platform, { sizeBytes: bytes, libraries, ...each }]) => ({
      platform,
      version: table.tensorflowVersion,
      members: libraries.map((name) => `tensorflow/${name}`),
      archive: { ...each, bytes, pythonVersion: table.pythonVersion },
    }));
    expect(ENGINE_PACKS).toMatchObject(wanted);
  });

  it('from a file of the user is unpacked, found by the engine, listed and removed', async () => {
    const path = await folder.write(FILE, wheel);
    const packs = await open();
    expect(await packs.list()).toMatchObject([
      { state: 'absent', obstacle: null, licenceText: expect.stringContaining('Apache License') as string },
    ]);
    expect(await readEngineManifest(engines())).toBeNull();
    expect(await install(packs, { path })).toMatchObject({ state: 'installed', installedBytes: LIBRARY.length, error: null });
    expect(await readFile(installedFile())).toEqual(LIBRARY);
    expect((await loadEngine('tensorflow-cpu', engines())).version).toBe('TensorFlow 1.0');
    expect(await readFile(path)).toEqual(wheel); // the user's own file stays
    await expect(packs.install({ pack: 'tensorflow-cpu', licence: 'Apache-2.0' })).rejects.toMatchObject({ code: 'CONFLICT' });
    await packs.remove({ pack: 'tensorflow-cpu' });
    expect(await readEngineManifest(engines())).toBeNull();
    expect((await folder.list()).filter((name) => name.includes('libtf'))).toEqual([]);
    expect(await packs.list()).toMatchObject([{ state: 'absent' }]);
  });

  it('is found in a folder, too', async () => {
    await folder.write(join('stick', FILE), wheel);
    expect(await install(await open(), { path: join(folder.path, 'stick') })).toMatchObject({ state: 'installed' });
  });

  it('is not installed before its licence was accepted, nor one that there is not', async () => {
    const packs = await open();
    await expect(packs.install({ pack: 'tensorflow-cpu', licence: 'MIT' })).rejects.toMatchObject({
      code: 'CONFLICT',
      allowed: 'Apache-2.0',
    });
    await expect(packs.install({ pack: '../x', licence: 'Apache-2.0' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each<[string, () => Buffer, Partial<EnginePack>, string, RegExp]>([
    ['with another hash', () => zipOf({ 'tensorflow/libtf.so.2': Buffer.from('other') }), {}, 'CORRUPT', /sha256 [0-9a-f]{64}/],
    ['that is cut', () => wheel.subarray(0, wheel.length - 9), {}, 'CORRUPT', /sha256/],
  ])('%s is refused and leaves nothing', async (_, content, changes, code, found) => {
    const path = await folder.write(FILE, content());
    const ended = await install(await open(packOf(wheel, changes)), { path });
    expect(ended).toMatchObject({ state: 'failed', error: { code, found: expect.stringMatching(found) as string } });
    await expect(stat(installedFile())).rejects.toThrow('ENOENT');
  });

  it.each<[string, Buffer, Partial<EnginePack>, string, RegExp]>([
    [
      'that would leave its folder',
      zipOf({ '../../evil.so': LIBRARY, 'tensorflow/libtf.so.2': LIBRARY }),
      {},
      'CORRUPT',
      /invalid relative path/,
    ],
    ['that lacks the library', zipOf({ 'tensorflow/a': LIBRARY }), {}, 'CORRUPT', /there is no tensorflow\/libtf\.so\.2/],
    ['that is no archive', Buffer.from('hello'), {}, 'CORRUPT', /:/],
    ['that unpacks to more than it says', wheel, { unpackedBytes: 1000 }, 'CORRUPT', /more than 1000 bytes/],
    ['for which there is no room', wheel, { unpackedBytes: 1e18 }, 'NO_SPACE', /MB free/],
  ])('%s is refused though its hash is right, and leaves nothing', async (_, content, changes, code, found) => {
    const path = await folder.write(FILE, content);
    const ended = await install(await open(packOf(content, changes)), { path });
    expect(ended).toMatchObject({ state: 'failed', error: { code, found: expect.stringMatching(found) as string } });
    expect((await folder.list()).filter((name) => /evil|libtf|pack-/.test(name))).toEqual([]);
  });

  it('whose engine computes wrongly is removed again', async () => {
    const ended = await install(await open(packOf(wheel), false), { path: await folder.write(FILE, wheel) });
    expect(ended).toMatchObject({ state: 'failed', error: { code: 'ENGINE', found: 'wrong numbers' } });
    expect(await readEngineManifest(engines())).toBeNull();
  });
});

describe('a server with engine packs', () => {
  it('is asked for the rest after it broke off, and the archive is deleted once it is unpacked', async () => {
    const asked: (string | undefined)[] = [];
    const source = await serve((request, response) => {
      asked.push(request.headers.range);
      expect(request.url).toBe(`/packs/${FILE}`);
      const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(begin > 0 ? 206 : 200, { 'content-length': wheel.length - begin });
      if (begin > 0) response.end(wheel.subarray(begin));
      else response.write(wheel.subarray(0, 100), () => setTimeout(() => response.destroy(), 50));
    });
    expect(await install(await open(), source)).toMatchObject({ state: 'installed' });
    expect(asked).toEqual([undefined, 'bytes=100-']);
    expect((await folder.list()).filter((name) => name.includes('.whl'))).toEqual([]);
  });

  it('is stopped half way, keeps what has arrived and is gone on with', async () => {
    let isSlow = true;
    const asked: (string | undefined)[] = [];
    const source = await serve((request, response) => {
      asked.push(request.headers.range);
      if (isSlow) return void response.write(wheel.subarray(0, 50));
      response.writeHead(206).end(wheel.subarray(50));
    });
    const packs = await open();
    await packs.install({ pack: 'tensorflow-cpu', licence: 'Apache-2.0', source });
    await expect(packs.remove({ pack: 'tensorflow-cpu' })).rejects.toMatchObject({ code: 'CONFLICT' });
    for await (const { bytesDone } of packs.watch({ pack: 'tensorflow-cpu' })) if (bytesDone >= 50) break;
    expect(await packs.cancel({ pack: 'tensorflow-cpu' })).toMatchObject({ state: 'stopped', error: null });
    isSlow = false;
    expect(await install(packs, source)).toMatchObject({ state: 'installed' });
    expect(asked).toEqual([undefined, 'bytes=50-']);
  });

  it('that serves another file is found out by the hash, and the file deleted', async () => {
    const source = await serve((_, response) => void response.end(Buffer.alloc(wheel.length, 7)));
    expect(await install(await open(), source)).toMatchObject({ state: 'failed', error: { code: 'CORRUPT' } });
    expect((await folder.list()).filter((name) => name.includes('.whl'))).toEqual([]);
  });

  it.each([
    ['does not have it', 404, Buffer.from('no'), 'The server answered 404.'],
    ['sends without end', 200, Buffer.alloc(wheel.length + 1), 'The server sends more than the file.'],
  ])('that %s is a failure of the network', async (_, status, body, message) => {
    const source = await serve((_request, response) => void response.writeHead(status).end(body));
    expect(await install(await open(), source)).toMatchObject({ state: 'failed', error: { code: 'NETWORK', message } });
  });
});

it('an installed pack whose files are gone counts as absent', async () => {
  const packs = await open();
  await install(packs, { path: await folder.write(FILE, wheel) });
  await writeFile(join(engines(), 'pack-tensorflow-cpu.json'), '{"half');
  await truncate(installedFile(), 0);
  expect(await readEngineManifest(engines())).toBeNull();
});
