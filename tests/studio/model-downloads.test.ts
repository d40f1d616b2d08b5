import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { catalogueModelSchema, type Download, downloadSchema } from '../../shared/contract/downloads.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { type HubServer, REPOSITORY, startHubServer, TOKEN } from '../support/hub-server.ts';
import { openStudioAt, openTinyStudio, type TinyStudio } from '../support/workspace.ts';

const WEIGHTS = 'model.safetensors';
const SOURCE = `hub:${REPOSITORY}`;
const ID = 'acme--tiny-llama@main';

let tiny: TinyStudio;
let studio: Studio;
let files: Record<string, Buffer>;
let hub: HubServer;
beforeAll(async () => {
  tiny = await openTinyStudio();
  studio = tiny.studio;
  files = {};
  for (const name of await readdir(tiny.sources.model)) files[name] = await readFile(join(tiny.sources.model, name));
});
afterAll(() => tiny.remove());
beforeEach(async () => {
  hub = await startHubServer({ ...files });
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HOME', join(tiny.directory, 'hf'));
  vi.stubEnv('HF_TOKEN', '');
});
afterEach(async () => {
  for (const { id, state } of await studio.downloads.list()) {
    if (state === 'fetching') await studio.downloads.cancel({ download: id });
    await studio.downloads.remove({ download: id });
  }
  for (const { id, name } of studio.models.list()) if (name !== 'tiny') studio.models.remove({ model: id });
  vi.unstubAllEnvs();
  await hub.close();
});

const folders = (): Promise<string[]> => readdir(join(tiny.home, 'downloads')).catch(() => []);

/** Follows a download to its end. */
async function followed(id = ID, of = studio): Promise<Download[]> {
  const events = await Array.fromAsync(of.downloads.watch({ download: id }));
  for (const event of events) expect(downloadSchema.parse(event)).toEqual(event);
  return events;
}

/** Starts a download that stops at half of the weights and waits for that. */
async function startHalf(): Promise<number> {
  const half = Math.floor(files[WEIGHTS]!.length / 2);
  hub.fault = ({ path, times }) => (path === WEIGHTS && times === 1 ? { stallAfter: half } : null);
  await studio.downloads.start({ source: SOURCE });
  const partial = join(tiny.home, 'downloads', ID, 'files', `${WEIGHTS}.incomplete`);
  await expect.poll(async () => (await readFile(partial).catch(() => '')).length, { timeout: 10_000 }).toBe(half);
  return half;
}

describe('a download', () => {
  it('is followed until its model is in the workspace, and leaves no folder', async () => {
    const started = await studio.downloads.start({ source: SOURCE, name: 'mine' });
    expect(started).toMatchObject({ id: ID, source: `${SOURCE}@main`, file: null, title: REPOSITORY, state: 'fetching' });
    const events = await followed();
    const ended = events.at(-1)!;
    expect(ended).toMatchObject({ state: 'done', error: null, model: studio.models.show('mine').id });
    expect(ended.bytesDone).toBe(ended.bytesTotal);
    expect(studio.models.show('mine').source).toBe(`${REPOSITORY}@000000000000 (hub)`);
    expect(await folders()).toEqual([]);
  });

  it('that is started twice is one', async () => {
    await startHalf();
    expect((await studio.downloads.start({ source: SOURCE })).id).toBe(ID);
    expect(await studio.downloads.list()).toHaveLength(1);
    await expect(
      studio.downloads.fetch(
        { source: SOURCE },
        { signal: new AbortController().signal, onProgress: () => undefined, onNotice: () => undefined },
      ),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(studio.downloads.remove({ download: ID })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('that is stopped keeps what has arrived, also for a studio that is opened later', async () => {
    const half = await startHalf();
    expect(await studio.downloads.cancel({ download: ID })).toMatchObject({ state: 'stopped', error: null, bytesPerSecond: null });
    expect((await followed()).at(-1)).toMatchObject({ state: 'stopped' });
    const later = openStudioAt(tiny.home);
    const [left] = await later.downloads.list();
    expect(left).toMatchObject({ id: ID, source: `${SOURCE}@main`, state: 'stopped' });
    expect(left!.bytesTotal! - left!.bytesDone).toBe(files[WEIGHTS]!.length - half);
    await later.downloads.start({ source: left!.source });
    expect((await followed(ID, later)).at(-1)).toMatchObject({ state: 'done' });
    expect(hub.rangesOf(WEIGHTS)).toEqual([undefined, `bytes=${half}-`]);
    await later.close();
  });

  it('goes on no longer when the studio is closed', async () => {
    const other = openStudioAt(tiny.home);
    hub.fault = ({ path }) => (path === WEIGHTS ? { stallAfter: 100 } : null);
    await other.downloads.start({ source: SOURCE });
    await expect.poll(() => hub.bytesOf(WEIGHTS), { timeout: 10_000 }).toBe(100);
    await other.close();
    expect(await studio.downloads.list()).toMatchObject([{ id: ID, state: 'stopped' }]);
  });

  it('that fails says why, and can be tried again', async () => {
    hub.isPrivate = true;
    await studio.downloads.start({ source: SOURCE });
    expect((await followed()).at(-1)).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND' }, model: null });
    expect(await folders()).toEqual([]);
    await studio.downloads.start({ source: SOURCE, token: TOKEN });
    const events = await followed();
    expect(events.at(-1)).toMatchObject({ state: 'done', error: null });
    expect(JSON.stringify(events)).not.toContain(TOKEN);
  });

  it('whose model cannot be imported is kept, and no model is listed', async () => {
    hub.commits[0]!.files['config.json'] = Buffer.from('{"model_type": "gpt2"}');
    await studio.downloads.start({ source: SOURCE });
    expect((await followed()).at(-1)).toMatchObject({ state: 'failed', error: { code: expect.any(String) as string } });
    expect(studio.models.list().map(({ name }) => name)).toEqual(['tiny']);
    expect(await folders()).toEqual([ID]);
  });

  it('of nothing is refused', async () => {
    for (const source of ['acme/tiny', 'http://hub/acme/tiny', 'hub:', 'hub:../x', 'hub:acme/tiny@../..']) {
      await expect((async () => studio.downloads.start({ source }))(), source).rejects.toMatchObject({ code: 'BAD_INPUT' });
    }
    for (const download of ['none', '..', '../models', ID]) {
      await expect(studio.downloads.cancel({ download })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(studio.downloads.remove({ download })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
    expect(await studio.downloads.list()).toEqual([]);
  });

  it('is not listed where a folder is none of a download', async () => {
    await mkdir(join(tiny.home, 'downloads', 'something'), { recursive: true });
    await mkdir(join(tiny.home, 'downloads', 'else'), { recursive: true });
    await writeFile(join(tiny.home, 'downloads', 'else', 'request.json'), '{"source": "ftp:x", "file": null}');
    expect(await studio.downloads.list()).toEqual([]);
  });
});

describe('the catalogue', () => {
  it('says what is in the workspace, and gives the embedded base once', async () => {
    const entries = studio.downloads.catalogue();
    for (const entry of entries) expect(catalogueModelSchema.parse(entry)).toEqual(entry);
    expect(entries.map(({ model }) => model)).toEqual([null, null]);
    await studio.downloads.start({ source: 'catalogue:base' });
    const { model } = (await followed('catalogue--base')).at(-1)!;
    await studio.downloads.start({ source: 'catalogue:base' });
    expect((await followed('catalogue--base')).at(-1)).toMatchObject({ state: 'done', model });
    expect(studio.downloads.catalogue()[0]).toMatchObject({ id: 'base', model });
    expect(studio.models.show(model!).parameters).toBe(entries[0]!.parameters);
  });
});
