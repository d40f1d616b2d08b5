import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../main/web/server.ts';
import { type Answer, ask, connectClient, startTinyServer, type TinyServer } from '../support/web-client.ts';
import { codeDocuments, writeTinyModel } from '../support/workspace.ts';

let web: TinyServer;
beforeAll(async () => {
  web = await startTinyServer();
});
afterAll(() => web.remove());

const BATCH = '0b9c2f3e-1111-4222-8333-444455556666';

function upload(name: string, body: string | Buffer, { batch = BATCH, token = web.token } = {}): Promise<Answer> {
  const query = new URLSearchParams({ batch, name });
  return ask(web.port, `/upload?${query.toString()}`, { method: 'POST', headers: { 'x-strata-token': token }, body });
}

function placeOf(answer: Answer): { path: string; root: string } {
  expect(answer).toMatchObject({ status: 200 });
  return JSON.parse(answer.body) as { path: string; root: string };
}

describe('an upload', () => {
  test('lies in the workspace under its name, byte for byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
    const { path, root } = placeOf(await upload('Größe 大.bin', bytes));
    expect(path.startsWith(join(web.home, 'uploads'))).toBe(true);
    expect(path.endsWith('/Größe 大.bin')).toBe(true);
    expect(root).toBe(path);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test('of a folder keeps its structure, and all its files have one root', async () => {
    const batch = 'a-folder-dropped';
    const first = placeOf(await upload('corpus/a/one.txt', 'one', { batch }));
    const second = placeOf(await upload('corpus/a/b/two.txt', 'two', { batch }));
    expect(second.root).toBe(first.root);
    expect(first.path).toBe(join(first.root, 'a/one.txt'));
    expect((await readdir(first.root, { recursive: true })).sort()).toEqual(['a', 'a/b', 'a/b/two.txt', 'a/one.txt']);
  });

  test('is called in failures as it was sent, not by where it lies', async () => {
    const { root } = placeOf(await upload('a corpus/one.txt', 'one'));
    const { client, socket } = await connectClient(web);
    const failure = client.suites.inspect({ source: { file: root } });
    await expect(failure).rejects.toMatchObject({ data: { message: 'a corpus is no file.' } });
    const { body } = await upload('a corpus/one.txt/inside.txt', 'two');
    expect(body).toContain('one.txt');
    expect(body).not.toContain(web.home);
    socket.terminate();
  });

  test('that is empty is an empty file', async () => {
    const { path } = placeOf(await upload('nothing.txt', ''));
    expect((await stat(path)).size).toBe(0);
  });

  test.each([
    ['.. first', '../evil.txt'],
    ['.. inside', 'a/../../evil.txt'],
    ['a backslash', 'a\\..\\..\\evil.txt'],
    ['a zero byte', 'evil.txt\0.jpg'],
    ['only dots', '.'],
    ['nothing', ''],
    ['only slashes', '///'],
    ['thirteen parts', 'a/'.repeat(12) + 'b.txt'],
    ['a part no disk can hold', `${'ü'.repeat(128)}.txt`],
  ])('whose name has %s is refused and leaves nothing', async (_what, name) => {
    const before = await everything();
    const { status, body } = await upload(name, 'evil');
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({ error: expect.stringContaining('name') as string });
    expect(await everything()).toEqual(before);
  });

  test('whose name is an absolute path stays in the workspace all the same', async () => {
    const { path } = placeOf(await upload('/etc/strata-test.txt', 'text'));
    expect(path.startsWith(join(web.home, 'uploads'))).toBe(true);
    await expect(stat('/etc/strata-test.txt')).rejects.toThrow('ENOENT');
  });

  test.each(['', '../..', 'short', 'with/slash', 'x'.repeat(65)])('of the batch "%s" is refused', async (batch) => {
    expect(await upload('a.txt', 'a', { batch })).toMatchObject({ status: 400 });
  });

  test.each([undefined, '', 'wrong'])('with the token %s is refused and leaves nothing', async (token) => {
    const before = await everything();
    const headers: Record<string, string> = token === undefined ? {} : { 'x-strata-token': token };
    expect(await ask(web.port, `/upload?batch=${BATCH}&name=a.txt`, { method: 'POST', headers, body: 'a' })).toMatchObject({ status: 401 });
    expect(await ask(web.port, `/upload?batch=${BATCH}&name=a.txt`, { method: 'PUT', headers, body: 'a' })).toMatchObject({ status: 405 });
    expect(await everything()).toEqual(before);
  });

  test('that is broken off leaves nothing', async () => {
    const before = await everything();
    const sent = httpRequest({
      port: web.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/upload?batch=broken-off&name=folder/half.txt',
      headers: { 'x-strata-token': web.token, 'content-length': 1_000_000 },
    });
    sent.on('error', () => undefined);
    sent.write('the first half');
    await expect.poll(everything).toContainEqual(expect.stringContaining('half.txt.partial'));
    sent.destroy();
    await expect.poll(everything).toEqual(before);
  });

  test('that cannot be stored is answered, not cut off', async () => {
    await upload('file.txt', 'a file');
    const large = Buffer.alloc(5_000_000, 'x');
    const { status, body } = await upload('file.txt/inside.txt', large);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({ error: expect.stringContaining('file.txt') as string });
    expect(await readFile(placeOf(await upload('file.txt', 'again')).path, 'utf8')).toBe('again');
  });

  test('larger than any file is refused before it is sent', async () => {
    const sent = httpRequest({
      port: web.port,
      host: '127.0.0.1',
      method: 'POST',
      path: `/upload?batch=${BATCH}&name=huge.bin`,
      headers: { 'x-strata-token': web.token, 'content-length': 200 * 1024 ** 3 },
    });
    sent.on('error', () => undefined);
    sent.flushHeaders();
    const [response] = (await once(sent, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(400);
    sent.destroy();
  });
});

test('uploaded text and an uploaded model folder can be imported, and go with the server', async () => {
  const server = await startServer({ studio: web.studio, port: 0, pages: web.pages });
  const { port: portText, hash } = new URL(server.url);
  const [port, token] = [Number(portText), new URLSearchParams(hash.slice(1)).get('token')!];
  const send = async (name: string, body: string | Buffer): Promise<{ root: string; path: string }> =>
    placeOf(
      await ask(port, `/upload?${new URLSearchParams({ batch: BATCH, name }).toString()}`, {
        method: 'POST',
        headers: { 'x-strata-token': token },
        body,
      }),
    );
  const { client, socket } = await connectClient({ port, token });

  const text = await send(
    'uploaded.jsonl',
    codeDocuments(20)
      .map((document) => JSON.stringify({ text: document }))
      .join('\n'),
  );
  const { id } = await client.datasets.imports.start({ paths: [text.root] });
  const shown = await Array.fromAsync(await client.datasets.imports.watch({ import: id }));
  const { dataset } = shown.at(-1)!;
  expect(await client.datasets.list()).toContainEqual(expect.objectContaining({ id: dataset, name: 'uploaded', documents: 20 }));

  const folder = join(web.directory, 'sent model');
  await writeTinyModel(folder);
  let root = '';
  for (const name of await readdir(folder)) ({ root } = await send(`sent model/${name}`, await readFile(join(folder, name))));
  expect(await client.models.import({ path: root })).toMatchObject({ name: 'sent model', blocks: 4 });

  socket.close();
  await server.close();
  await expect(stat(root)).rejects.toThrow('ENOENT');
  const later = web.studio.imports.start({ newVersionOf: dataset! });
  await expect(later).rejects.toMatchObject({ code: 'NOT_FOUND', found: 'uploaded.jsonl', message: /browser sent are gone/ });
});

test('what a killed server left behind goes at a later start, what another one has just received stays', async () => {
  const [old, fresh] = [join(web.home, 'uploads', 'left-behind'), join(web.home, 'uploads', 'of another server')];
  for (const each of [old, fresh]) {
    await mkdir(each, { recursive: true });
    await writeFile(join(each, 'file.txt'), 'text');
  }
  const twoDaysAgo = new Date(Date.now() - 2 * 24 * 3_600_000);
  await utimes(old, twoDaysAgo, twoDaysAgo);
  const server = await startServer({ studio: web.studio, port: 0, pages: web.pages });
  await expect(stat(old)).rejects.toThrow('ENOENT');
  expect(await readFile(join(fresh, 'file.txt'), 'utf8')).toBe('text');
  await server.close();
});

/** Every path below the workspace's uploads. */
async function everything(): Promise<string[]> {
  return (await readdir(join(web.home, 'uploads'), { recursive: true }).catch(() => [])).sort();
}
