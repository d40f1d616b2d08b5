import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadModel, type DownloadedModel } from '../../../main/models/hub/download-model.ts';
import type { HubSettings } from '../../../main/models/hub/hub-settings.ts';
import { type DownloadProgress, ProgressMeter } from '../../../main/models/hub/progress-meter.ts';
import { lostConnection } from '../../../main/models/hub/hub-connection.ts';
import { NetworkError } from '../../../main/models/hub/retry.ts';
import { StrataError } from '../../../shared/errors.ts';
import { randomStream } from '../../../shared/domain/random.ts';
import { commitId, type HubServer, REPOSITORY, startHubServer, TOKEN } from '../../support/hub-server.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const WEIGHTS = 'model.safetensors';

/** Bytes that repeat nowhere, so that a part in the wrong place is seen. */
function bytes(count: number, seed = 1): Buffer {
  const random = randomStream(seed);
  return Buffer.from(Uint8Array.from({ length: count }, () => Math.floor(random() * 256)));
}

const WHOLE = {
  'config.json': Buffer.from('{"model_type": "llama"}'),
  'tokenizer.json': bytes(5000, 2),
  'tokenizer_config.json': Buffer.from('{}'),
  'chat_template.jinja': Buffer.from('{{ messages }}'),
  'generation_config.json': Buffer.from('{}'),
  'special_tokens_map.json': Buffer.alloc(0),
  LICENSE: Buffer.from('Apache-2.0'),
  'README.md': Buffer.from('# Tiny'),
  [WEIGHTS]: bytes(300_000),
  // What is not needed:
  'pytorch_model.bin': bytes(1000, 3),
  'training_args.bin': bytes(1000, 4),
  'original/consolidated.00.pth': bytes(1000, 5),
  'onnx/model.onnx': bytes(1000, 6),
  'run_this.py': Buffer.from('import os'),
  '.gitattributes': Buffer.from('*.bin filter=lfs'),
};
const NEEDED = [
  'LICENSE',
  'README.md',
  'chat_template.jinja',
  'config.json',
  'generation_config.json',
  WEIGHTS,
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer_config.json',
];

let hub: HubServer;
beforeEach(async () => {
  hub = await startHubServer({ ...WHOLE });
});
afterEach(() => hub.close());

interface Changes {
  revision?: string;
  file?: string;
  settings?: Partial<HubSettings>;
  signal?: AbortSignal;
  onProgress?: (progress: DownloadProgress) => void;
  onNotice?: (text: string) => void;
  attempts?: number;
  stallMs?: number;
  repository?: string;
}

function download(changes: Changes = {}): Promise<DownloadedModel> {
  const settings: HubSettings = {
    endpoint: hub.endpoint,
    token: null,
    isOffline: false,
    cacheDirectory: join(folder.path, 'no cache'),
    ...changes.settings,
  };
  const { repository = REPOSITORY, revision = 'main', file, signal = new AbortController().signal } = changes;
  const limits = { attempts: changes.attempts ?? 3, firstWaitMs: 5, stallMs: changes.stallMs ?? 5000 };
  return downloadModel(
    { repository, revision, ...(file !== undefined && { file }), directory: join(folder.path, 'download'), settings, limits },
    { signal, onProgress: changes.onProgress ?? (() => undefined), onNotice: changes.onNotice ?? (() => undefined) },
  );
}

async function failure(changes: Changes = {}): Promise<StrataError> {
  const error: unknown = await download(changes).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StrataError);
  return error as StrataError;
}

const files = (): string => join(folder.path, 'download', 'files');
const present = async (): Promise<string[]> => (await readdir(files(), { recursive: true })).sort();
const content = (name: string): Promise<Buffer> => readFile(join(files(), name));

describe('a download', () => {
  it('fetches what the model needs and nothing else, byte for byte, and tells how far it is', async () => {
    const told: DownloadProgress[] = [];
    const model = await download({ onProgress: (progress) => told.push(progress) });
    expect(model).toEqual({
      path: files(),
      source: `${REPOSITORY}@${commitId(1).slice(0, 12)} (hub)`,
      bytes: NEEDED.reduce((sum, name) => sum + WHOLE[name as keyof typeof WHOLE].length, 0),
    });
    expect(await present()).toEqual([...NEEDED].sort());
    for (const name of NEEDED) expect((await content(name)).equals(WHOLE[name as keyof typeof WHOLE]), name).toBe(true);
    expect(told[0]).toMatchObject({ activity: `Looking at ${REPOSITORY}`, bytesDone: 0, bytesTotal: null });
    expect(told.at(-1)!.bytesTotal).toBe(model.bytes);
    for (const [index, { bytesDone }] of told.entries()) expect(bytesDone).toBeGreaterThanOrEqual(told[index - 1]?.bytesDone ?? 0);
  });

  it('that is there already fetches no file again', async () => {
    await download();
    hub.served.length = 0;
    await download();
    expect(hub.served.filter(({ path }) => path !== null)).toEqual([]);
  });

  it('reads a listing of several pages', async () => {
    hub.pageSize = 2;
    await download();
    expect(await present()).toEqual([...NEEDED].sort());
  });

  it('follows an index to its shards, and takes no other', async () => {
    const { [WEIGHTS]: _, ...rest } = WHOLE;
    const index = {
      metadata: {},
      weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors', c: 'model-00001-of-00002.safetensors' },
    };
    hub.commits[0]!.files = {
      ...rest,
      'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
      'model-00001-of-00002.safetensors': bytes(900, 7),
      'model-00002-of-00002.safetensors': bytes(800, 8),
      'consolidated.safetensors': bytes(5000, 9),
    };
    await download();
    expect(await present()).toEqual(
      [
        ...NEEDED.filter((name) => name !== WEIGHTS),
        'model.safetensors.index.json',
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
      ].sort(),
    );
  });

  it('asks for a revision by its name, and fetches by its commit', async () => {
    hub.commits.push({ id: commitId(2), files: { ...WHOLE, 'README.md': Buffer.from('# Second') } });
    await download({ revision: commitId(1) });
    expect((await content('README.md')).toString()).toBe('# Tiny');
    expect(hub.served.filter(({ path }) => path !== null).every(({ url }) => url.includes(commitId(1)))).toBe(true);
  });
});

describe('a connection that breaks', () => {
  it('is taken up again from the byte that had arrived, in the same command', async () => {
    hub.fault = ({ path, times }) => (path === WEIGHTS && times <= 2 ? { dropAfter: 100_000 } : null);
    const told: string[] = [];
    await download({ onProgress: ({ activity }) => told.push(activity) });
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
    expect(hub.rangesOf(WEIGHTS)).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
    expect(hub.bytesOf(WEIGHTS)).toBe(300_000);
    expect(told.some((activity) => /Trying again in 1 s \(attempt 2 of 3\)/.test(activity))).toBe(true);
  });

  it('is taken up again by a later command; every byte was sent once', async () => {
    hub.fault = ({ path, times }) => (path !== WEIGHTS ? null : times === 1 ? { dropAfter: 120_000 } : { status: 503 });
    expect(await failure()).toMatchObject({ code: 'NETWORK', exitCode: 1 });
    const state = JSON.parse(await readFile(join(files(), `${WEIGHTS}.incomplete.json`), 'utf8')) as object;
    const sha256 = createHash('sha256').update(WHOLE[WEIGHTS]).digest('hex');
    expect(state).toEqual({ etag: sha256, commit: commitId(1), size: 300_000 });
    expect((await stat(join(files(), `${WEIGHTS}.incomplete`))).size).toBe(120_000);
    expect(await present()).not.toContain(WEIGHTS);
    hub.fault = () => null;
    await download();
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
    expect(hub.bytesOf(WEIGHTS)).toBe(300_000);
    expect(await present()).toEqual([...NEEDED].sort());
  });

  it('is given up after attempts that bring nothing, but not while something arrives', async () => {
    hub.fault = ({ path }) => (path === WEIGHTS ? { dropAfter: 30_000 } : null);
    await download({ attempts: 2 }); // ten connections, each with a tenth
    expect(hub.bytesOf(WEIGHTS)).toBe(300_000);
    expect(hub.rangesOf(WEIGHTS)).toHaveLength(10);
  });

  it('to an address that is never asked is not tried again', async () => {
    const told: string[] = [];
    const error = await failure({ settings: { endpoint: 'http://127.0.0.1:1' }, onProgress: ({ activity }) => told.push(activity) });
    expect(error).toMatchObject({ code: 'NETWORK', exitCode: 1, found: '127.0.0.1:1: bad port' });
    expect(told.filter((activity) => activity.includes('Trying again'))).toEqual([]);
  });

  it('that is not taken up again is told once', () => {
    const told: string[] = [];
    const meter = new ProgressMeter(({ activity }) => told.push(activity));
    meter.setActivity('Looking');
    meter.setWaiting('Trying again (attempt 6 of 6)');
    meter.close();
    expect(told).toEqual(['Looking', 'Trying again (attempt 6 of 6)']);
  });

  it.each(['DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'])(
    'for a certificate that is not believed (%s) is not tried again; a server that is not there is',
    (code) => {
      const failed = (reason: string): TypeError =>
        new TypeError('fetch failed', { cause: Object.assign(new Error(reason), { code: reason }) });
      expect(lostConnection(failed(code), 'hub.example')).not.toBeInstanceOf(NetworkError);
      expect(lostConnection(failed('ECONNREFUSED'), 'hub.example')).toBeInstanceOf(NetworkError);
    },
  );

  it('of which nothing more comes counts as lost', async () => {
    hub.fault = ({ path, times }) => (path === WEIGHTS && times === 1 ? { stallAfter: 50_000 } : null);
    await download({ stallMs: 300 });
    expect(hub.rangesOf(WEIGHTS)).toEqual([undefined, 'bytes=50000-']);
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('on which nothing comes at all counts as lost', async () => {
    hub.fault = ({ path, times }) => (path === WEIGHTS && times === 1 ? { stallAfter: 0 } : null);
    await download({ stallMs: 300 });
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('with an answer that ends too early is taken up again', async () => {
    hub.fault = ({ path, times }) => (path === 'tokenizer.json' && times === 1 ? { truncateTo: 1234 } : null);
    await download();
    expect(hub.rangesOf('tokenizer.json')).toEqual([undefined, 'bytes=1234-']);
    expect((await content('tokenizer.json')).equals(WHOLE['tokenizer.json'])).toBe(true);
  });

  it('to a server that knows no parts of files begins again', async () => {
    hub.fault = ({ path, times }) => (path !== WEIGHTS ? null : times === 1 ? { dropAfter: 200_000 } : { ignoreRange: true });
    await download();
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
    expect(hub.bytesOf(WEIGHTS)).toBe(500_000);
  });

  it('while the repository is being looked at is tried again', async () => {
    hub.apiFault = (url, times) => (times === 1 ? (url.includes('/tree/') ? { status: 502 } : { dropAfter: 0 }) : null);
    await download();
    expect(await present()).toEqual([...NEEDED].sort());
  });

  it('to a server that is not there is told with its address', async () => {
    await hub.close();
    expect(await failure()).toMatchObject({
      code: 'NETWORK',
      message: 'The hub cannot be reached.',
      found: `${new URL(hub.endpoint).host}: ECONNREFUSED`,
      hint: expect.stringContaining('--offline') as string,
    });
  });
});

describe('a part that is left', () => {
  async function leavePart(length: number): Promise<void> {
    hub.fault = ({ path, times }) => (path !== WEIGHTS ? null : times === 1 ? { dropAfter: length } : { status: 500 });
    await failure();
    hub.fault = () => null;
    hub.served.length = 0;
  }

  it('of a file that the repository has changed since is not gone on with; what is the same is kept, and the user is told', async () => {
    await leavePart(100_000);
    const weights = bytes(300_000, 42); // as long as before
    hub.commits.push({ id: commitId(2), files: { ...WHOLE, [WEIGHTS]: weights } });
    const notices: string[] = [];
    await download({ onNotice: (text) => notices.push(text) });
    expect((await content(WEIGHTS)).equals(weights)).toBe(true);
    expect(hub.rangesOf(WEIGHTS)).toEqual([undefined]);
    expect(hub.bytesOf('tokenizer.json')).toBe(0);
    expect(notices).toEqual([expect.stringContaining('was changed since this download began')]);
  });

  it('is gone on with although the repository has changed elsewhere', async () => {
    await leavePart(100_000);
    hub.commits.push({ id: commitId(2), files: { ...WHOLE, 'README.md': Buffer.from('# Hint') } });
    await download();
    expect(hub.rangesOf(WEIGHTS)).toEqual(['bytes=100000-']);
    expect((await content('README.md')).toString()).toBe('# Hint'); // as long as before, too
  });

  it('that was damaged on the disk is found by the hash, deleted, and fetched whole the next time', async () => {
    await leavePart(100_000);
    await writeFile(join(files(), `${WEIGHTS}.incomplete`), bytes(100_000, 77));
    expect(await failure()).toMatchObject({ code: 'CORRUPT', message: expect.stringContaining('it was deleted') as string });
    expect((await present()).filter((name) => name.startsWith(WEIGHTS))).toEqual([]);
    await download();
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('whose state is half written or impossible begins again', async () => {
    for (const [name, text] of [
      [`${WEIGHTS}.incomplete.json`, '{"etag": "'],
      [`${WEIGHTS}.incomplete.json`, '{"etag": 7, "commit": "x", "size": -1}'],
    ] as const) {
      await leavePart(100_000);
      await writeFile(join(files(), name), text);
      await download();
      expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
      expect(hub.rangesOf(WEIGHTS)).toEqual([undefined]);
      await rm(join(folder.path, 'download'), { recursive: true });
      await hub.close();
      hub = await startHubServer({ ...WHOLE });
    }
  });

  it('without anything missing but its name is only checked', async () => {
    hub.fault = ({ path, times }) => (path !== WEIGHTS ? null : times === 1 ? { dropAfter: 299_999 } : { status: 500 });
    await failure();
    await writeFile(join(files(), `${WEIGHTS}.incomplete`), WHOLE[WEIGHTS]);
    hub.served.length = 0;
    await download();
    expect(hub.bytesOf(WEIGHTS)).toBe(0);
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });
});

describe('a file that is not what is listed is refused, and nothing of it is kept:', () => {
  it('another content of the same size', async () => {
    hub.fault = ({ path }) => (path === WEIGHTS ? { body: bytes(300_000, 99) } : null);
    const error = await failure();
    expect(error).toMatchObject({ code: 'CORRUPT', allowed: expect.stringContaining('sha256 ') as string });
    expect(error.found).toContain(`${WEIGHTS} with sha256 `);
    expect((await present()).filter((name) => name.startsWith(WEIGHTS))).toEqual([]);
  });

  it('a small file that git would name otherwise', async () => {
    hub.fault = ({ path }) => (path === 'config.json' ? { body: '{"model_type": "ll4m4"}' } : null);
    expect(await failure()).toMatchObject({ code: 'CORRUPT', found: expect.stringContaining('config.json with git id ') as string });
    expect(await present()).not.toContain('config.json');
  });

  it('the pointer in place of the large file', async () => {
    hub.fault = ({ path }) =>
      path === WEIGHTS ? { body: 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 300000\n' } : null;
    expect(await failure()).toMatchObject({ code: 'CORRUPT', allowed: '300000 bytes' });
  });

  it('more bytes than it has', async () => {
    hub.fault = ({ path }) => (path === 'tokenizer.json' ? { body: bytes(90_000), truncateTo: 90_000 } : null);
    expect(await failure()).toMatchObject({ code: 'CORRUPT', found: 'tokenizer.json: more than 5000 bytes' });
  });

  it('another part than was asked for', async () => {
    hub.fault = ({ path, times }) =>
      path !== WEIGHTS ? null : times === 1 ? { dropAfter: 100_000 } : { headers: { 'content-range': 'bytes 0-299999/300000' } };
    expect(await failure()).toMatchObject({
      code: 'CORRUPT',
      found: expect.stringContaining('where bytes from 100000 were asked for') as string,
    });
  });

  it('a file of another commit', async () => {
    hub.fault = ({ path }) => (path === `resolve ${WEIGHTS}` ? { headers: { 'x-repo-commit': commitId(9) } } : null);
    expect(await failure()).toMatchObject({ code: 'CONFLICT', found: `a file of commit ${commitId(9)}` });
  });
});

describe('a repository that cannot be had is refused in words:', () => {
  it('one that does not exist', async () => {
    expect(await failure({ repository: 'acme/nothing' })).toMatchObject({
      code: 'NOT_FOUND',
      exitCode: 2,
      message: 'The hub knows no such repository.',
    });
  });

  it('a revision that does not exist', async () => {
    expect(await failure({ revision: 'v9' })).toMatchObject({ code: 'NOT_FOUND', found: `${REPOSITORY}@v9` });
  });

  it('a private one, without and with a wrong token; the right one opens it', async () => {
    hub.isPrivate = true;
    expect(await failure()).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('HF_TOKEN') as string });
    const refused = await failure({ settings: { token: 'hf_wrong' } });
    expect(refused).toMatchObject({ code: 'BAD_INPUT', message: 'The hub does not accept the token.' });
    expect(JSON.stringify(refused.toRecord())).not.toContain('hf_wrong');
    await download({ settings: { token: TOKEN } });
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('a gated one', async () => {
    const body = JSON.stringify({ error: 'Access to model acme/tiny-llama is restricted.' });
    for (const status of [401, 403]) {
      hub.fault = ({ path }) =>
        path.startsWith('resolve ') ? { status, headers: { 'x-error-code': 'GatedRepo', 'content-type': 'application/json' }, body } : null;
      expect(await failure()).toMatchObject({
        code: 'BAD_INPUT',
        exitCode: 2,
        message: expect.stringContaining('gated') as string,
        hint: expect.stringMatching(
          new RegExp(`Open ${hub.endpoint}/${REPOSITORY} in a browser, accept the licence there, then pass a token`),
        ) as string,
      });
    }
  });

  it('a hub that has enough of us, which says how long to wait', async () => {
    hub.apiFault = (_, times) => (times <= 2 ? { status: 429, headers: { 'retry-after': '0' } } : null);
    await download();
    hub.apiFault = () => ({ status: 429, headers: { 'retry-after': '3600' } });
    expect(await failure()).toMatchObject({
      code: 'NETWORK',
      message: 'The hub asks for fewer requests.',
      hint: expect.stringContaining('token') as string,
    });
  });

  it('a hub with a problem', async () => {
    hub.apiFault = () => ({ status: 503, body: '<html>\u001b[31mUnavailable</html>' });
    expect(await failure()).toMatchObject({ code: 'NETWORK', message: 'The hub has a problem.', found: `${REPOSITORY}, status 503` });
  });

  it.each([
    ['<html>sign in</html>', 'text/html'],
    ['{}', 'application/json'],
    ['{"sha": "../../etc"}', 'application/json'],
    ['[]', 'application/json'],
  ])('what is no hub: %s', async (body, type) => {
    hub.apiFault = () => ({ status: 200, headers: { 'content-type': type }, body });
    expect(await failure()).toMatchObject({ code: 'NETWORK', message: 'The answer is not that of a hub.' });
  });

  it('an answer without end', async () => {
    hub.apiFault = () => ({ status: 200, body: `"${'x'.repeat(17 * 2 ** 20)}"` });
    expect(await failure()).toMatchObject({ code: 'CORRUPT', message: 'The hub answers with more than a hub says.' });
  });
});

describe('the token', () => {
  it('goes to the hub and to no other address', async () => {
    await download({ settings: { token: TOKEN } });
    const by = (server: string): Set<string | undefined> =>
      new Set(hub.served.filter((each) => each.server === server).map(({ authorization }) => authorization));
    expect(by('hub')).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(by('storage')).toEqual(new Set([undefined]));
  });

  it('is not in anything that is written', async () => {
    await download({ settings: { token: TOKEN } });
    for (const name of await folder.list()) {
      if (!name.endsWith('/')) expect(await readFile(join(folder.path, name), 'utf8'), name).not.toContain(TOKEN);
    }
  });
});

describe('a redirect', () => {
  it.each(['http://example.invalid/blob', 'ftp://127.0.0.1/blob', 'file:///etc/passwd', 'http://127.0.0.2:1/blob'])(
    'to %s is not followed',
    async (location) => {
      hub.redirect = () => location;
      expect(await failure()).toMatchObject({ code: 'CORRUPT', found: expect.stringContaining('leads to') as string });
    },
  );

  it('in a circle ends', async () => {
    hub.redirect = (path) => `/${REPOSITORY}/resolve/${commitId(1)}/${path}`;
    expect(await failure()).toMatchObject({ code: 'CORRUPT', message: 'The hub redirects without end.' });
  });
});

describe('a name that leads elsewhere is refused before anything is fetched:', () => {
  const index = (shard: string): Record<string, Buffer> => ({
    'config.json': Buffer.from('{}'),
    'model.safetensors.index.json': Buffer.from(JSON.stringify({ weight_map: { a: shard } })),
  });

  it.each([
    '../evil.safetensors',
    '/etc/evil.safetensors',
    'a/../../evil.safetensors',
    '..\\evil.safetensors',
    'C:\\evil.safetensors',
    '%2e%2e/evil.safetensors',
    'a//b.safetensors',
    'nul\u0000.safetensors',
  ])('a shard %j', async (name) => {
    hub.commits[0]!.files = { ...index(name), [name]: bytes(100) };
    expect(await failure()).toMatchObject({ code: 'CORRUPT', found: JSON.stringify(name) });
    expect(hub.bytesOf(name)).toBe(0);
    expect((await folder.list()).filter((each) => each.includes('evil') || each.includes('nul'))).toEqual([]);
  });

  it.each(['../evil.gguf', 'a/..\\..\\evil.gguf', '/evil.gguf'])('a GGUF file %j', async (name) => {
    hub.commits[0]!.files = { [name]: bytes(100) };
    expect(await failure()).toMatchObject({ code: 'CORRUPT' });
    expect(await failure({ file: name })).toMatchObject({ code: 'CORRUPT' });
  });

  it('an index that names what is not there, or is no index', async () => {
    hub.commits[0]!.files = index('model-00001-of-00001.safetensors');
    expect(await failure()).toMatchObject({ code: 'CORRUPT', found: 'no model-00001-of-00001.safetensors' });
    hub.commits.push({ id: commitId(2), files: { ...index(''), 'model.safetensors.index.json': Buffer.from('[]') } });
    expect(await failure()).toMatchObject({ code: 'CORRUPT', message: 'The index of the weights cannot be read.' });
  });
});

describe('a listing that is not possible is refused:', () => {
  it('a model larger than the disk', async () => {
    hub.lie = (entries) => entries.map((entry) => (entry.path === WEIGHTS ? { ...entry, lfs: { ...entry.lfs!, size: 10 ** 15 } } : entry));
    expect(await failure()).toMatchObject({ code: 'NO_SPACE', allowed: expect.stringContaining('at least 2000000') as string });
    expect(hub.bytesOf(WEIGHTS)).toBe(0);
  });

  it('a size, a hash or a tokenizer that cannot be', async () => {
    for (const [change, code] of [
      [{ size: -1 }, 'NETWORK'],
      [{ size: 1.5 }, 'NETWORK'],
      [{ oid: 'main' }, 'NETWORK'],
      [{ size: 10 ** 12 }, 'CORRUPT'],
    ] as const) {
      hub.lie = (entries) => entries.map((entry) => (entry.path === 'tokenizer.json' ? { ...entry, ...change } : entry));
      expect(await failure(), JSON.stringify(change)).toMatchObject({ code });
    }
  });

  it('files without number', async () => {
    hub.lie = () => Array.from({ length: 20_001 }, (_, number) => ({ type: 'file', path: `${number}`, size: 1, oid: commitId(1) }));
    expect(await failure()).toMatchObject({ code: 'UNSUPPORTED', found: 'more than 20000' });
  });
});

describe('a repository of GGUF files', () => {
  beforeEach(() => {
    hub.commits[0]!.files = {
      'README.md': Buffer.from('# GGUF'),
      'tiny.Q4_0.gguf': bytes(400, 11),
      'tiny.Q8_0.gguf': bytes(800, 12),
      'big/tiny.F32-00001-of-00002.gguf': bytes(900, 13),
      'big/tiny.F32-00002-of-00002.gguf': bytes(700, 14),
      'mmproj-tiny.gguf': bytes(50, 15),
    };
  });

  it('with several is refused with the choices', async () => {
    expect(await failure()).toMatchObject({
      code: 'BAD_INPUT',
      exitCode: 2,
      allowed: 'tiny.Q4_0.gguf (0.0 MB), tiny.Q8_0.gguf (0.0 MB), big/tiny.F32-00001-of-00002.gguf (0.0 MB)',
      hint: 'Name one: --file tiny.Q4_0.gguf',
    });
    expect(await failure({ file: 'tiny.gguf' })).toMatchObject({
      code: 'NOT_FOUND',
      allowed: expect.stringContaining('tiny.Q8_0.gguf') as string,
    });
    expect(await failure({ file: 'README.md' })).toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('gives the one that is named', async () => {
    const model = await download({ file: 'tiny.Q8_0.gguf' });
    expect(model.path).toBe(join(files(), 'tiny.Q8_0.gguf'));
    expect(await present()).toEqual(['README.md', 'tiny.Q8_0.gguf']);
  });

  it('gives all parts of one that is named by any of them, and its first is what is imported', async () => {
    const model = await download({ file: 'big/tiny.F32-00002-of-00002.gguf' });
    expect(model.path).toBe(join(files(), 'big', 'tiny.F32-00001-of-00002.gguf'));
    expect(await present()).toEqual(['README.md', 'big', 'big/tiny.F32-00001-of-00002.gguf', 'big/tiny.F32-00002-of-00002.gguf']);
  });

  it('that lacks a part is refused', async () => {
    delete hub.commits[0]!.files['big/tiny.F32-00002-of-00002.gguf'];
    expect(await failure({ file: 'big/tiny.F32-00001-of-00002.gguf' })).toMatchObject({
      code: 'CORRUPT',
      found: expect.stringContaining('1 of 2 parts') as string,
    });
  });

  it('with one gives that', async () => {
    hub.commits[0]!.files = { 'config.json': Buffer.from('{}'), 'only.gguf': bytes(100, 1) };
    expect((await download()).path).toBe(join(files(), 'only.gguf'));
  });

  it('and none of them is refused with what is there', async () => {
    hub.commits[0]!.files = { 'config.json': Buffer.from('{}'), 'pytorch_model.bin': bytes(10) };
    expect(await failure()).toMatchObject({
      code: 'UNSUPPORTED',
      found: 'config.json, pytorch_model.bin',
      hint: expect.stringContaining('safetensors') as string,
    });
  });
});

describe('a download that is stopped', () => {
  it('ends at once, keeps what has arrived, and goes on from there', async () => {
    const controller = new AbortController();
    hub.fault = ({ path, times }) => (path === WEIGHTS && times === 1 ? { stallAfter: 150_000 } : null);
    const stop = ({ bytesDone }: DownloadProgress): void => {
      if (bytesDone >= 150_000) controller.abort();
    };
    const startedAt = performance.now();
    expect(await failure({ signal: controller.signal, onProgress: stop })).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
    expect(performance.now() - startedAt).toBeLessThan(4000);
    const { size } = await stat(join(files(), `${WEIGHTS}.incomplete`));
    expect(size).toBeGreaterThan(100_000);
    await download();
    expect(hub.rangesOf(WEIGHTS)).toEqual([undefined, `bytes=${size}-`]);
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('before it began asks nothing', async () => {
    expect(await failure({ signal: AbortSignal.abort() })).toMatchObject({ code: 'INTERRUPTED' });
    expect(hub.served).toEqual([]);
  });
});

/** Lays a repository into a cache as the Python client does: blobs named by their hashes, and links to them. */
async function fillCache(contents: Record<string, Buffer>, commit: string): Promise<string> {
  const cache = join(folder.path, 'cache');
  const repository = join(cache, `models--${REPOSITORY.replace('/', '--')}`);
  for (const each of ['blobs', 'refs', `snapshots/${commit}`]) await mkdir(join(repository, each), { recursive: true });
  await writeFile(join(repository, 'refs', 'main'), commit);
  for (const [name, content] of Object.entries(contents)) {
    const isLarge = name.endsWith('.safetensors');
    const hash = createHash(isLarge ? 'sha256' : 'sha1');
    const blob = (isLarge ? hash : hash.update(`blob ${content.length}\0`)).update(content).digest('hex');
    await writeFile(join(repository, 'blobs', blob), content);
    await symlink(`../../blobs/${blob}`, join(repository, 'snapshots', commit, name));
  }
  return cache;
}

describe("the Python client's cache", () => {
  it('is asked before the network', async () => {
    const cacheDirectory = await fillCache({ [WEIGHTS]: WHOLE[WEIGHTS], 'config.json': WHOLE['config.json'] }, commitId(1));
    await download({ settings: { cacheDirectory } });
    expect(hub.bytesOf(WEIGHTS) + hub.bytesOf('config.json')).toBe(0);
    expect(hub.bytesOf('tokenizer.json')).toBe(5000);
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('of another commit still gives files that are the same, and no others', async () => {
    const cacheDirectory = await fillCache({ [WEIGHTS]: WHOLE[WEIGHTS], 'tokenizer.json': bytes(5000, 50) }, commitId(7));
    await download({ settings: { cacheDirectory } });
    expect(hub.bytesOf(WEIGHTS)).toBe(0);
    expect(hub.bytesOf('tokenizer.json')).toBe(5000);
    expect((await content('tokenizer.json')).equals(WHOLE['tokenizer.json'])).toBe(true);
  });

  it('that is damaged is not trusted', async () => {
    const cacheDirectory = await fillCache({ [WEIGHTS]: WHOLE[WEIGHTS] }, commitId(1));
    const blobs = join(cacheDirectory, `models--${REPOSITORY.replace('/', '--')}`, 'blobs');
    await writeFile(join(blobs, (await readdir(blobs))[0]!), bytes(300_000, 3));
    await download({ settings: { cacheDirectory } });
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
    expect(hub.bytesOf(WEIGHTS)).toBe(300_000);
  });
});

describe('offline', () => {
  const offline = (changes: Partial<HubSettings> = {}): Changes => ({
    settings: { isOffline: true, endpoint: 'http://127.0.0.1:9', ...changes },
  });

  it('a complete download is used as it is', async () => {
    const online = await download();
    hub.served.length = 0;
    expect(await download(offline())).toEqual(online);
    expect(hub.served).toEqual([]);
  });

  it('the cache is used where it has the whole model', async () => {
    const wanted = Object.fromEntries(NEEDED.map((name) => [name, WHOLE[name as keyof typeof WHOLE]]));
    const cacheDirectory = await fillCache({ ...wanted, 'notes.txt': Buffer.from('x') }, commitId(3));
    const model = await download(offline({ cacheDirectory }));
    expect(model).toMatchObject({ path: files(), source: `${REPOSITORY}@${commitId(3).slice(0, 12)} (hub)` });
    expect(await present()).toEqual([...NEEDED].sort());
    expect((await content(WEIGHTS)).equals(WHOLE[WEIGHTS])).toBe(true);
  });

  it('a link out of the cache is not followed', async () => {
    const cacheDirectory = await fillCache({ 'config.json': WHOLE['config.json'] }, commitId(3));
    const secret = await folder.write('secret.safetensors', bytes(10));
    await symlink(secret, join(cacheDirectory, `models--${REPOSITORY.replace('/', '--')}`, 'snapshots', commitId(3), WEIGHTS));
    expect(await failure(offline({ cacheDirectory }))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('what is missing is named', async () => {
    expect(await failure(offline())).toMatchObject({
      code: 'NOT_FOUND',
      exitCode: 2,
      found: 'nothing of it',
      allowed: expect.stringContaining(`${REPOSITORY}@main`) as string,
      hint: expect.stringContaining('--offline') as string,
    });
    hub.fault = ({ path, times }) => (path !== WEIGHTS ? null : times === 1 ? { dropAfter: 120_000 } : { status: 500 });
    await failure();
    expect(await failure(offline())).toMatchObject({ found: `a download that lacks ${WEIGHTS} (120000 of 300000 bytes are there)` });
    const cacheDirectory = await fillCache({ 'config.json': WHOLE['config.json'], 'tokenizer.json': WHOLE['tokenizer.json'] }, commitId(3));
    expect(await failure(offline({ cacheDirectory }))).toMatchObject({
      code: 'NOT_FOUND',
      found: expect.stringContaining('config.json, tokenizer.json') as string,
    });
  });
});
