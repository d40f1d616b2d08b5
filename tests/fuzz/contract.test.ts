import { createORPCClient, isDefinedError, ORPCError } from '@orpc/client';
import { RPCLink as PortLink } from '@orpc/client/message-port';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { servePort } from '../../main/electron/rpc.ts';
import { openStore } from '../../main/store/open-store.ts';
import { PathGrants } from '../../main/studio/path-grants.ts';
import { createRouter } from '../../main/studio/router.ts';
import { errorRecordSchema } from '../../shared/contract/errors.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { PortStandIn } from '../electron/harness/stand-in-objects.ts';
import { callsOfContract } from '../support/contract-calls.ts';
import { fastEngine } from '../support/engines.ts';
import { valueFor } from '../support/hostile-values.ts';
import { REPOSITORY, TOKEN } from '../support/hub-server.ts';
import { FUZZ_CASES, FUZZ_SEED } from '../support/mutate.ts';
import { type OwnNetwork, startOwnNetwork } from '../support/own-network.ts';
import { type Client, connectClient, openSocket, startTinyServer, type TinyServer } from '../support/web-client.ts';
import { writeTinyModel } from '../support/workspace.ts';

/**
 * Every call of the contract with seeded hostile values, as a page that was taken over would make them, over both transports, and messages that are
 * no calls. Nothing ends, every answer is one that the contract has, nothing that the user has not chosen is read or written, and nothing
 * outside this machine is asked.
 */

const SECRET = 'd3c0y-s3cr3t-that-nobody-chose';
/** Of each call, over each transport. */
const ROUNDS = Math.max(2, Math.ceil(FUZZ_CASES / 200));
/** A call that answers by events, or trains, is left off after so long: that is one of the things that pages do. */
const LEFT_OFF_MS = 250;
const ANSWER_MS = 20_000;
/** Names with which calls get to fetch something, which is served by this machine: see {@link startOwnNetwork}. */
const FETCHED: Readonly<Record<string, readonly string[]>> = {
  downloads: [
    ...[`hub:${REPOSITORY}`, `hub:${REPOSITORY}@main`, `hub:${REPOSITORY}@gone`, 'hub:acme/absent', `hub:${REPOSITORY}@../../x`],
    ...['catalogue:base', 'catalogue:smollm2-135m-instruct', 'catalogue:../base', 'hub:../..', 'hub:http://192.0.2.1/x'],
    ...['acme--tiny-llama@main', 'model.safetensors', '../model.safetensors', TOKEN],
  ],
  engines: ['tensorflow-cpu', 'tensorflow-cpu', 'Apache-2.0', 'Apache-2.0', '../packs'],
};

type Call = (input: unknown, options: { signal: AbortSignal }) => Promise<unknown>;

/** What deletes comes last, or there would soon be nothing to get at. */
const deletes = ({ name }: { name: string }): boolean => /\.(remove|purge)$/.test(name);
const all = callsOfContract();
const calls = [...all.filter((call) => !deletes(call)), ...all.filter(deletes)];
let web: TinyServer;
let network: OwnNetwork;
let outside: string;
let traps: string[];
let before: string;

beforeAll(async () => {
  network = await withTemporaryModel(startOwnNetwork);
  web = await startTinyServer({ limits: { callsAtOnce: 1e6, malformedMessages: Infinity }, enginePacks: network.enginePacks });
  outside = join(web.directory, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'secret.txt'), `${SECRET}\n`.repeat(20));
  await writeFile(join(outside, 'secret.jsonl'), `${JSON.stringify({ text: SECRET, prompt: SECRET, answer: SECRET })}\n`.repeat(20));
  await symlink(outside, join(web.home, 'exports-link'));
  traps = [
    // More than once what would be seen to be read or written.
    ...['secret.txt', 'secret.jsonl', 'secret.jsonl', 'secret.jsonl', '', 'new', 'new', 'new.gguf'].map((name) => join(outside, name)),
    join(web.home, 'exports', '..', '..', 'outside', 'secret.jsonl'),
    join(web.home, 'exports-link', 'secret.jsonl'),
    web.sources.newText,
    web.sources.model,
    join(web.home, 'strata.db'),
    '/proc/self/environ',
    '../outside/secret.jsonl',
    `file://${join(outside, 'secret.jsonl')}`,
  ];
  before = await treeOf(web.directory);
});
afterAll(async () => {
  await web.remove();
  await network.close();
});

/** Gives work the files of a small model. */
async function withTemporaryModel<Result>(work: (files: Record<string, Buffer>) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'strata-hub-'));
  await writeTinyModel(directory);
  const names = await readdir(directory);
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name))] as const));
  await rm(directory, { recursive: true });
  return work(Object.fromEntries(files));
}

/** Names and contents of all that lies outside the workspace. */
async function treeOf(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(directory, { recursive: true, withFileTypes: true }))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(web.home))
    .sort();
  for (const path of names) hash.update(`${path}\n`).update(await readFile(path).catch(() => ''));
  return hash.digest('hex');
}

function overPort(): { client: Client; close: () => void } {
  const { port1, port2 } = new MessageChannel();
  const [host, page] = [new PortStandIn(port1), new PortStandIn(port2)];
  servePort(createRouter(web.studio, new PathGrants(web.home)), host as never);
  page.start();
  return { client: createORPCClient<Client>(new PortLink({ port: page as never })), close: () => page.close() };
}

async function overSocket(): Promise<{ client: Client; close: () => void }> {
  const { client, socket } = await connectClient(web);
  return { client, close: () => socket.terminate() };
}

/** A model, two datasets and a suite are there, whatever was deleted. @returns what they are called, and what is in the workspace beside them. */
async function makeWhole(): Promise<string[]> {
  const { models, datasets, suites, runs } = web.studio;
  if (!models.list().some(({ name }) => name === 'tiny')) await models.import({ path: web.sources.model, name: 'tiny' });
  for (const [name, path] of [
    ['code', web.sources.newText],
    ['stories', web.sources.oldText],
  ] as const) {
    if (!datasets.list().some((each) => each.name === name)) await datasets.import({ paths: [path], name });
  }
  if (suites.list().length === 0) {
    await suites.save({ name: 'measures', parts: [{ name: 'held out', source: { dataset: 'code' }, options: { kind: 'text' } }] });
  }
  const made = [...models.list(), ...datasets.list(), ...suites.list(), ...runs.list()].flatMap(({ id, name }) => [id, name]);
  return ['tiny', 'tiny', 'code', 'code', 'stories', 'stories', 'even', 'top', fastEngine, fastEngine, 'none', ...made.slice(0, 20)];
}

function callOf(client: Client, name: string): Call {
  return name.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], client) as Call;
}

/** What a call answers, all its events if it has some; null where it was left off. */
async function answerTo(call: Call, input: unknown): Promise<unknown> {
  const leave = new AbortController();
  const timer = setTimeout(() => leave.abort(), LEFT_OFF_MS);
  const answered = (async (): Promise<unknown> => {
    try {
      const answer = await call(input, { signal: leave.signal });
      const isStream = typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
      return isStream ? await Array.fromAsync(answer as AsyncIterable<unknown>) : answer;
    } catch (error) {
      if (leave.signal.aborted) return null;
      throw error;
    }
  })();
  const late = new Promise<never>((_resolve, reject) => setTimeout(() => reject(new Error('no answer')), ANSWER_MS).unref());
  return Promise.race([answered, late]).finally(() => clearTimeout(timer));
}

/** The studio answers, its database is whole, its trainer works, and nothing else was touched. */
async function isWhole(client: Client): Promise<void> {
  expect(await client.workspace.info()).toMatchObject({ home: web.home });
  const store = openStore(join(web.home, 'strata.db'));
  expect(store.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(store.pragma('foreign_key_check')).toEqual([]);
  store.close();
  expect(await treeOf(web.directory), 'what lies outside the workspace').toBe(before);
  expect(network.foreign, 'connections to elsewhere').toEqual([]);
  expect((await network.made()).filter((path) => !/^engine(\/(packs|pack-tensorflow-cpu\.json)|$)/.test(path))).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  const model = (await client.models.list()).find(({ id }) => id === web.model.id) ?? (await client.workspace.addSamples()).model;
  expect(await client.text.generate({ model: model.id, prompt: 'a', maxTokens: 2, engine: fastEngine })).toHaveProperty('text');
}

it('every input that is a path refuses what nobody chose, before anything looks at it', async () => {
  const { client, close } = await overSocket();
  const path = join(outside, 'secret.jsonl');
  const part = { source: { file: path }, options: { kind: 'text' as const } };
  const asked = [
    client.models.import({ path }),
    client.models.export({ model: 'tiny', format: 'gguf', destination: join(outside, 'new.gguf') }),
    client.datasets.inspect({ paths: [web.home, path] }),
    client.datasets.imports.start({ paths: [path] }),
    client.datasets.check({ datasets: ['code'], evaluations: ['stories', path] }),
    client.suites.inspect({ source: { file: path } }),
    client.suites.save({ name: 'x', parts: [part] }),
    client.suites.save({ name: 'x', parts: [{ ...part, source: { dataset: 'code' }, examples: { file: path } }] }),
    client.suites.score({ model: 'tiny', part }),
    client.text.evaluate({ model: 'tiny', files: [path] }),
    client.engines.packs.install({ pack: 'tensorflow-cpu', licence: 'Apache-2.0', path }),
  ];
  for (const [index, answer] of (await Promise.allSettled(asked)).entries()) {
    expect(answer, `call ${index}`).toMatchObject({ reason: { data: { message: 'You have not chosen that file or folder.' } } });
  }
  expect(await treeOf(web.directory)).toBe(before);
  close();
});

it('what is fetched ends as a model, as an engine that was tested, or as a failure that says why; and comes from this machine', async () => {
  const { client, close } = await overSocket();
  const fetched = async (source: string): Promise<unknown> => {
    const { id } = await client.downloads.start({ source, name: `from ${source}` });
    return (await Array.fromAsync(await client.downloads.watch({ download: id }))).at(-1);
  };
  expect(await fetched(`hub:${REPOSITORY}`)).toMatchObject({ state: 'done', error: null });
  expect(await fetched('hub:acme/absent')).toMatchObject({ state: 'failed', error: { code: 'NOT_FOUND' } });
  expect(await fetched('catalogue:smollm2-135m-instruct')).toMatchObject({
    state: 'failed',
    error: { code: expect.stringMatching(/NETWORK|UNSUPPORTED/) as string }, // the index has nothing, or there is no pip
  });
  await client.engines.packs.install({ pack: 'tensorflow-cpu', licence: 'Apache-2.0' });
  const pack = (await Array.fromAsync(await client.engines.packs.watch({ pack: 'tensorflow-cpu' }))).at(-1);
  expect(pack).toMatchObject(
    fastEngine === 'tensorflow-cpu' ? { state: 'installed', error: null } : { state: 'failed', error: { code: 'ENGINE' } },
  );
  expect(network.asked.filter((path) => path.startsWith('/packs/')).length).toBeGreaterThan(1); // it was cut, and gone on with
  await isWhole(client);
  close();
});

describe.each([
  ['a WebSocket', overSocket],
  ["the desktop's port", () => Promise.resolve(overPort())],
])('over %s', (where, connect) => {
  it(
    'hostile values end nothing, read nothing and write nothing that was not chosen, and are answered as the contract says',
    async () => {
      let { client, close } = await connect();
      const counts = { answered: 0, refused: 0 };
      network.hub.fault = ({ times }) => [null, { truncateTo: 100 }, { status: 403 }, { dropAfter: 50 }][times % 4]!;
      for (let round = 0; round < ROUNDS; round++) {
        const names = await makeWhole();
        for (const [index, { name, input }] of calls.entries()) {
          const seed = FUZZ_SEED + (round * calls.length + index) * 2 + (where === 'a WebSocket' ? 0 : 1);
          const random = randomStream(seed);
          const value = valueFor(input, {
            random,
            names: FETCHED[name.split('.')[0]!] ?? names,
            traps,
            hostility: [0, 0.1, 0.3][Math.floor(random() * 3)]!,
          });
          const text = `seed ${seed}, ${name}`;
          const told = await answerTo(callOf(client, name), value).then(
            (answer) => {
              counts.answered++;
              return JSON.stringify(answer) ?? '';
            },
            (error: unknown) => {
              counts.refused++;
              return refusalOf(error, text);
            },
          );
          expect(told.includes(SECRET), `${text}: the answer holds what nobody chose`).toBe(false);
        }
        close(); // and comes again, as a page that is loaded anew
        ({ client, close } = await connect());
      }
      await isWhole(client);
      close();
      expect(counts.refused).toBeGreaterThan(calls.length);
      expect(counts.answered).toBeGreaterThan(calls.length / 4);
    },
    60_000 + ROUNDS * calls.length * 1000,
  );
});

/** Every failure is the contract's own, and none a fault of Strata. */
function refusalOf(error: unknown, text: string): string {
  // What cannot be written as a message is refused by the page's own side.
  if (!(error instanceof ORPCError)) {
    expect(String(error), text).toMatch(/serialize|clone|BigInt|Invalid time value|stack size/i);
    return '';
  }
  expect(isDefinedError(error), `${text}: ${error.code} ${error.message}`).toBe(true);
  const record = errorRecordSchema.parse(error.data);
  expect(record.code, `${text}: ${record.message} ${record.found ?? ''}`).not.toMatch(/INTERNAL|CRASHED/);
  return JSON.stringify(record);
}

it('messages that are no calls end nothing', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined); // the library tells what it cannot read
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const random = randomStream(FUZZ_SEED);
  const texts = [
    '{"i":"1","p":{"u":"/workspace/info","b":{}}}',
    '{"i":2,"t":2}',
    '{"i":"3","p":{"u":"/runs/watch","b":{"json":{"run":"x"}}}}',
  ];
  for (let round = 0; round < 20; round++) {
    const socket = await openSocket(web.port, `/rpc?token=${web.token}`);
    const { port1, port2 } = new MessageChannel();
    const page = new PortStandIn(port2);
    servePort(createRouter(web.studio), new PortStandIn(port1) as never);
    for (let time = 0; time < 20; time++) {
      const bytes = Buffer.from(texts[Math.floor(random() * texts.length)]!);
      for (let change = 0; change < 3; change++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      socket.send(random() < 0.5 ? bytes : bytes.toString());
      page.postMessage(random() < 0.5 ? bytes.toString() : random() < 0.5 ? new Uint8Array(bytes) : { i: bytes.toString(), p: null });
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.terminate();
    page.close();
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  process.off('unhandledRejection', note);
  logged.mockRestore();
  expect(unhandled.map(String)).toEqual([]);
  const { client, close } = await overSocket();
  await isWhole(client);
  close();
});
