import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type WebServer } from '../../main/web/server.ts';
import { type Client, connectClient, startTinyServer, type TinyServer } from '../support/web-client.ts';
import { openStudioAt } from '../support/workspace.ts';
import type { Studio } from '../../main/studio/studio.ts';

/** Two windows on one studio, and a second studio with a window of its own on the same workspace: whoever asks, there is one state. */

let web: TinyServer;
let other: Studio;
let otherServer: WebServer;
const clients: Client[] = [];
const sockets: { terminate(): void }[] = [];

beforeAll(async () => {
  web = await startTinyServer();
  const allowPaths = [web.directory];
  const second = await startServer({ studio: web.studio, port: 0, pages: web.pages, allowPaths });
  other = openStudioAt(web.home);
  otherServer = await startServer({ studio: other, port: 0, pages: web.pages, allowPaths });
  const closeSecond = { terminate: (): void => void second.close() };
  for (const { url } of [second, second, otherServer]) {
    const { client, socket } = await connectClient({
      port: Number(new URL(url).port),
      token: new URLSearchParams(new URL(url).hash.slice(1)).get('token')!,
    });
    clients.push(client);
    sockets.push(socket);
  }
  sockets.push(closeSecond);
});
afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await otherServer.close();
  await other.close();
  await web.remove();
});

/** How many of some calls were done, and the codes of the others. */
async function outcomes(calls: Promise<unknown>[]): Promise<{ done: number; refused: string[] }> {
  const settled = await Promise.allSettled(calls);
  const refused = settled.flatMap((each) => (each.status === 'rejected' ? [(each.reason as { data: { code: string } }).data.code] : []));
  return { done: settled.length - refused.length, refused };
}

describe('the same call from two windows at once', () => {
  it('imports a model once', async () => {
    const [first, second] = clients as [Client, Client];
    const request = { path: web.sources.model, name: 'twice' };
    const made = await Promise.all([first.models.import(request), second.models.import(request)]);
    expect(made[0].id).toBe(made[1].id);
    expect((await first.models.list()).filter(({ name }) => name.startsWith('twice'))).toHaveLength(1);
    // Later it is another one, for the first is done.
    expect((await first.models.import(request)).name).toBe('twice 2');
  });

  it('imports a dataset once, whoever lets go of it', async () => {
    const [first, second] = clients as [Client, Client];
    const request = { paths: [web.sources.newText], name: 'once' };
    const [one, two, three] = await Promise.all([
      first.datasets.imports.start(request),
      second.datasets.imports.start(request),
      first.datasets.imports.start({ ...request, name: 'another' }),
    ]);
    expect(two.id).toBe(one.id);
    expect(three.id).not.toBe(one.id);
    for (const { id } of [one, three]) await Array.fromAsync(await second.datasets.imports.watch({ import: id }));
    const names = (await first.datasets.list()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('once'))).toEqual(['once']);
  });

  it('writes an export once; the other one is told that it goes on, and nothing half-written stays', async () => {
    const [first, second] = clients as [Client, Client];
    const request = { model: 'tiny', format: 'huggingface' as const, destination: join(web.home, 'exports', 'both') };
    const whole = async (client: Client): Promise<unknown> => Array.fromAsync(await client.models.export(request));
    expect(await outcomes([whole(first), whole(second)])).toEqual({ done: 1, refused: ['CONFLICT'] });
    expect(await readdir(join(web.home, 'exports'))).toEqual(['both']);
  });
});

describe.each([
  ['two windows', [0, 1]],
  ['two programs on one workspace', [0, 2]],
])('from %s', (_what, [a, b]) => {
  it('a model, a dataset and a suite are deleted once, and are gone for both', async () => {
    const [first, second] = [clients[a!]!, clients[b!]!];
    const model = await first.models.import({ path: web.sources.model, name: 'short-lived' });
    const suite = await first.suites.save({ name: 'short-lived', parts: [{ source: { dataset: 'code' }, options: { kind: 'text' } }] });
    for (const remove of [
      (client: Client) => client.models.remove({ model: model.id }),
      (client: Client) => client.suites.remove({ suite: suite.id }),
    ]) {
      expect(await outcomes([remove(first), remove(second)])).toEqual({ done: 1, refused: ['NOT_FOUND'] });
    }
    for (const client of [first, second]) {
      expect((await client.models.list()).map(({ id }) => id)).not.toContain(model.id);
      expect((await client.suites.list()).map(({ id }) => id)).not.toContain(suite.id);
    }
  });

  it('what one imports, the other sees at once', async () => {
    const [first, second] = [clients[a!]!, clients[b!]!];
    const model = await first.models.import({ path: web.sources.model, name: 'seen' });
    expect(await second.models.show({ model: model.id })).toEqual(model);
    await second.models.remove({ model: model.id });
    await expect(first.models.show({ model: model.id })).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
  });
});
