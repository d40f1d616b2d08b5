import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CatalogueModel, Download } from '../../shared/contract/downloads.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { type HubServer, REPOSITORY, startHubServer, TOKEN } from '../support/hub-server.ts';
import { onlyDocument, startStrata, StrataHere } from '../support/strata-command.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { writeTinyModel } from '../support/workspace.ts';

/** `strata model import` from a hub and from the catalogue, as real commands against a hub on this machine. */

const folder = useTemporaryFolder();
const WEIGHTS = 'model.safetensors';
let files: Record<string, Buffer>;
let hub: HubServer;
let strata: StrataHere;
/** What the commands see of this machine's own set-up: nothing. */
let environment: Record<string, string>;

beforeAll(async () => {
  const model = join(await mkdtemp(join(tmpdir(), 'strata-hub-')), 'tiny');
  await writeTinyModel(model);
  files = {};
  for (const name of await readdir(model)) files[name] = await readFile(join(model, name));
  files.LICENSE = Buffer.from('Apache-2.0');
  await rm(join(model, '..'), { recursive: true });
});
beforeEach(async () => {
  hub = await startHubServer({ ...files });
  strata = new StrataHere(join(folder.path, 'home'));
  environment = { HF_HOME: join(folder.path, 'hf'), HF_ENDPOINT: hub.endpoint, HF_TOKEN: '', HF_HUB_OFFLINE: '', HF_HUB_CACHE: '' };
  return () => hub.close();
});

function run(...args: string[]): ReturnType<typeof startStrata> {
  return startStrata([...args, '--home', strata.home, '--json'], { env: environment });
}

async function json<Document>(...args: string[]): Promise<Document> {
  const { exitCode, stdout, stderr } = await run(...args).finished;
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
  return onlyDocument(stdout) as Document;
}

async function failure(...args: string[]): Promise<unknown> {
  const { exitCode, stdout } = await run(...args).finished;
  return { exitCode, ...(onlyDocument(stdout) as { error: object }).error };
}

const left = (): Promise<string[]> => readdir(join(strata.home, 'downloads')).catch(() => []);

describe('from a hub', () => {
  test('a model is imported under its name; nothing of the download stays; progress is on stderr', async () => {
    const { exitCode, stdout, stderr } = await run('model', 'import', `hub:${REPOSITORY}`).finished;
    expect(exitCode).toBe(0);
    const model = onlyDocument(stdout) as ModelInfo;
    expect(model).toMatchObject({ name: 'tiny-llama', architecture: 'LlamaForCausalLM', source: `${REPOSITORY}@000000000000 (hub)` });
    expect((await readFile(join(model.path, WEIGHTS))).equals(files[WEIGHTS]!)).toBe(true);
    expect(await readFile(join(model.path, 'LICENSE'), 'utf8')).toBe('Apache-2.0');
    expect(await left()).toEqual([]);
    expect(stderr).toMatch(
      /Looking at acme\/tiny-llama\n(.*\n)*Fetching \d+ files of acme\/tiny-llama .*\n(.*\n)*Bringing it into the workspace\n$/,
    );
  });

  test('Ctrl-C keeps what has arrived and says how to go on, which then fetches the rest alone', async () => {
    const half = Math.floor(files[WEIGHTS]!.length / 2);
    hub.fault = ({ path, times }) => (path === WEIGHTS && times === 1 ? { stallAfter: half } : null);
    const running = run('model', 'import', `hub:${REPOSITORY}@main`);
    await expect.poll(() => hub.bytesOf(WEIGHTS), { timeout: 20_000 }).toBe(half);
    await running.said(/Fetching/);
    const partial = join(strata.home, 'downloads', 'acme--tiny-llama@main', 'files', `${WEIGHTS}.incomplete`);
    await expect.poll(async () => (await readFile(partial).catch(() => '')).length, { timeout: 20_000 }).toBe(half);
    running.child.kill('SIGINT');
    const { exitCode, stdout } = await running.finished;
    expect({ exitCode, document: onlyDocument(stdout) }).toEqual({
      exitCode: 130,
      document: {
        error: {
          code: 'INTERRUPTED',
          message: 'The download was interrupted; what has arrived is kept.',
          hint: `Go on with: strata model import hub:${REPOSITORY}@main`,
        },
      },
    });
    const [listed] = await json<Download[]>('model', 'downloads');
    expect(listed).toMatchObject({ id: 'acme--tiny-llama@main', source: `hub:${REPOSITORY}@main`, state: 'stopped' });
    expect(listed!.bytesDone).toBeLessThan(listed!.bytesTotal!);
    const { exitCode: second } = await run('model', 'import', `hub:${REPOSITORY}`).finished;
    expect(second).toBe(0);
    expect(hub.bytesOf(WEIGHTS)).toBe(files[WEIGHTS]!.length);
    expect(await json('model', 'downloads')).toEqual([]);
  });

  test('a killed command leaves what can be gone on with, or deleted', async () => {
    hub.fault = ({ path }) => (path === WEIGHTS ? { stallAfter: 1000 } : null);
    const running = run('model', 'import', `hub:${REPOSITORY}`);
    const partial = join(strata.home, 'downloads', 'acme--tiny-llama@main', 'files', `${WEIGHTS}.incomplete`);
    await expect.poll(() => existsSync(partial), { timeout: 20_000 }).toBe(true);
    expect(await failure('model', 'downloads', '--delete', 'acme--tiny-llama@main')).toMatchObject({ exitCode: 2, code: 'CONFLICT' });
    expect(await failure('model', 'import', `hub:${REPOSITORY}`)).toMatchObject({
      exitCode: 2,
      code: 'CONFLICT',
      message: 'Another program is fetching this model.',
    });
    running.child.kill('SIGKILL');
    await running.finished;
    expect(await json<Download[]>('model', 'downloads')).toMatchObject([{ state: 'stopped' }]);
    expect(await json('model', 'downloads', '--delete', 'acme--tiny-llama@main')).toEqual({ removed: 'acme--tiny-llama@main' });
    expect(await left()).toEqual([]);
    for (const id of ['acme--tiny-llama@main', '..', '.', '../models', '']) {
      expect(await failure('model', 'downloads', '--delete', id), id).toMatchObject({ exitCode: 2, code: 'NOT_FOUND' });
    }
  });

  test('what is wrong leaves no model and no folder', async () => {
    expect(await failure('model', 'import', 'hub:acme/nothing')).toMatchObject({ exitCode: 2, code: 'NOT_FOUND' });
    expect(await failure('model', 'import', 'hub:../..')).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: '../..' });
    expect(await failure('model', 'import', `hub:${REPOSITORY}`, '--offline')).toMatchObject({ exitCode: 2, code: 'NOT_FOUND' });
    expect(await failure('model', 'import', `hub:${REPOSITORY}`, '--file', 'x.gguf')).toMatchObject({ exitCode: 2, code: 'NOT_FOUND' });
    expect([await left(), await json('model', 'list')]).toEqual([[], []]);
  });

  test('a file with other bytes than listed is not imported', async () => {
    hub.fault = ({ path }) => (path === WEIGHTS ? { body: Buffer.alloc(files[WEIGHTS]!.length) } : null);
    expect(await failure('model', 'import', `hub:${REPOSITORY}`)).toMatchObject({ exitCode: 1, code: 'CORRUPT' });
    expect(await json('model', 'list')).toEqual([]);
  });

  test('a model that cannot be imported leaves its download, which is listed', async () => {
    hub.commits[0]!.files['config.json'] = Buffer.from('{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"}');
    expect(await failure('model', 'import', `hub:${REPOSITORY}`)).toMatchObject({ exitCode: 2 });
    expect(await json('model', 'list')).toEqual([]);
    expect(await json<Download[]>('model', 'downloads')).toMatchObject([{ id: 'acme--tiny-llama@main', state: 'stopped' }]);
  });

  test('a token is taken from the option or the environment, and is nowhere in what is said or kept', async () => {
    hub.isPrivate = true;
    expect(await failure('model', 'import', `hub:${REPOSITORY}`)).toMatchObject({ exitCode: 2, code: 'NOT_FOUND' });
    const { exitCode, stdout, stderr } = await run('model', 'import', `hub:${REPOSITORY}`, '--token', TOKEN, '--keep').finished;
    expect(exitCode).toBe(0);
    expect(stdout + stderr).not.toContain(TOKEN);
    for (const name of await folder.list()) {
      if (!name.endsWith('/')) expect((await readFile(join(folder.path, name))).includes(TOKEN), name).toBe(false);
    }
    environment.HF_TOKEN = TOKEN;
    expect(await left()).toEqual(['acme--tiny-llama@main']);
    hub.served.length = 0;
    expect((await run('model', 'import', `hub:${REPOSITORY}`, '--offline').finished).exitCode).toBe(0);
    expect(hub.served).toEqual([]);
  });
});

describe('from the catalogue', () => {
  test('its models are listed, and the embedded base is taken once', async () => {
    const entries = await json<CatalogueModel[]>('model', 'catalogue');
    expect(entries.map(({ source, licence, model }) => ({ source, licence, model }))).toEqual([
      { source: 'catalogue:base', licence: 'Apache-2.0', model: null },
      { source: 'catalogue:smollm2-135m-instruct', licence: 'Apache-2.0', model: null },
    ]);
    const base = await json<ModelInfo>('model', 'import', 'catalogue:base');
    expect(base).toMatchObject({ name: 'strata-base', parameters: entries[0]!.parameters });
    expect(await json('model', 'import', 'catalogue:base')).toEqual(base);
    expect((await json<CatalogueModel[]>('model', 'catalogue'))[0]!.model).toBe(base.id);
    expect(await failure('model', 'import', 'catalogue:gpt')).toMatchObject({ exitCode: 2, allowed: 'base, smollm2-135m-instruct' });
    expect(await failure('model', 'import', 'catalogue:base', '--file', 'x')).toMatchObject({ exitCode: 2, found: 'file' });
  });

  test('a machine without pip is told what it needs', async () => {
    environment.PATH = folder.path;
    expect(await failure('model', 'import', 'catalogue:smollm2-135m-instruct')).toMatchObject({
      exitCode: 2,
      code: 'UNSUPPORTED',
      message: 'Neither pip nor uv is on this machine, which fetch this model.',
    });
    expect(await left()).toEqual([]);
  });
});

test('a path that exists wins over the prefixes, and takes no options of a hub', async () => {
  const path = join(folder.path, 'hub:acme');
  await mkdir(path);
  await writeTinyModel(join(path, 'tiny-llama'));
  const { exitCode, stdout } = await startStrata(['model', 'import', 'hub:acme/tiny-llama', '--home', strata.home, '--json'], {
    env: environment,
    cwd: folder.path,
  }).finished;
  expect({ exitCode, model: onlyDocument(stdout) }).toMatchObject({ exitCode: 0, model: { source: join(path, 'tiny-llama') } });
  expect(hub.served).toEqual([]);
  expect(await failure('model', 'import', path, '--offline')).toMatchObject({ exitCode: 2, code: 'BAD_INPUT', found: '--offline' });
});
