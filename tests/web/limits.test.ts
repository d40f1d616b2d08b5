import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CallRate, WrongTokens } from '../../main/web/limits.ts';
import { ask, connectClient, openSocket, startTinyServer, type TinyServer } from '../support/web-client.ts';

describe('wrong tokens', () => {
  it('are free at first, then shut the door for twice as long each; one that is asked again counts once; all is forgotten', () => {
    let now = 0;
    const wrong = new WrongTokens(3, () => now);
    for (const token of ['a', 'b', 'c', 'a', 'a', 'b', 'c']) wrong.note(token);
    expect(wrong.secondsShut).toBe(0);
    const shut = ['d', 'e', 'f', 'g', 'h', 'i', 'j', 'k'].map((token) => {
      wrong.note(token);
      return wrong.secondsShut;
    });
    expect(shut).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    now += 59_500;
    expect(wrong.secondsShut).toBe(1);
    now += 600_000;
    wrong.note('l');
    expect(wrong.secondsShut).toBe(0);
  });
});

describe('the rate of calls', () => {
  it('lets many through at once, and then makes the next ones wait for as long as the rate says', () => {
    let now = 0;
    const rate = new CallRate({ callsAtOnce: 3, callsPerSecond: 10 }, () => now);
    expect([rate.take(), rate.take(), rate.take()]).toEqual([0, 0, 0]);
    expect(rate.take()).toBe(100);
    expect(rate.take()).toBe(200);
    now += 1000; // back to three, and no more
    expect([rate.take(), rate.take(), rate.take()]).toEqual([0, 0, 0]);
    expect(rate.take()).toBeCloseTo(100);
  });
});

describe('a server', () => {
  let web: TinyServer;
  beforeAll(async () => {
    web = await startTinyServer({ limits: { wrongTokens: 2, connections: 2, callsAtOnce: 20, callsPerSecond: 20 } });
  });
  afterAll(() => web.remove());

  it('has a place for so many pages, and one again when a page goes', async () => {
    const [first, second] = [await connectClient(web), await connectClient(web)];
    await expect(openSocket(web.port, `/rpc?token=${web.token}`)).rejects.toThrow('503');
    const closed = once(first.socket, 'close');
    first.socket.close();
    await closed;
    const third = await connectClient(web);
    expect(await third.client.workspace.info()).toMatchObject({ home: web.home });
    for (const { socket } of [second, third]) socket.terminate();
  });

  it('answers every call of a page that calls too fast, later', async () => {
    const { client, socket } = await connectClient(web);
    const began = performance.now();
    await Promise.all(Array.from({ length: 40 }, () => client.queue.list()));
    await client.queue.list();
    expect(performance.now() - began).toBeGreaterThan(900); // 21 calls beyond the first 20, at 20 a second
    socket.terminate();
  });

  it('does not look at tokens for a while after some were wrong, at the right one neither, and says for how long', async () => {
    const { client, socket } = await connectClient(web);
    // A page of an earlier start asks with its old token again and again.
    for (let time = 0; time < 5; time++) await expect(openSocket(web.port, '/rpc?token=old')).rejects.toThrow('401');
    const upload = (token: string): ReturnType<typeof ask> =>
      ask(web.port, '/upload?batch=12345678&name=a.txt', { method: 'POST', headers: { 'x-strata-token': token }, body: 'a' });
    expect(await upload('guess')).toMatchObject({ status: 401 });
    expect(await upload('another guess')).toMatchObject({ status: 401 });
    const refused = await upload(web.token);
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(refused.body).toContain('Try again in 1 seconds');
    await expect(openSocket(web.port, `/rpc?token=${web.token}`)).rejects.toThrow('429');
    expect(await client.workspace.info()).toMatchObject({ home: web.home }); // who was in stays in
    await new Promise((resolve) => setTimeout(resolve, 1050));
    expect(await upload(web.token)).toMatchObject({ status: 200 });
    socket.terminate();
  });
});

describe('through a tunnel, which ends at another port', () => {
  let web: TinyServer;
  const pipes: Socket[] = [];
  const tunnel = createServer((near) => {
    const far = connect(web.port, '127.0.0.1');
    pipes.push(near, far);
    near.pipe(far).pipe(near);
    for (const each of [near, far]) each.on('error', () => undefined);
  });
  let port: number;
  beforeAll(async () => {
    web = await startTinyServer();
    await new Promise<void>((resolve) => tunnel.listen(0, '127.0.0.1', resolve));
    ({ port } = tunnel.address() as { port: number });
  });
  afterAll(async () => {
    for (const each of pipes) each.destroy();
    await new Promise((resolve) => tunnel.close(resolve));
    await web.remove();
  });

  it.each(['127.0.0.1', 'localhost', '[::1]'])('opened as %s, pages and calls are there', async (name) => {
    const host = `${name}:${port}`;
    expect(await ask(port, '/', { headers: { host } })).toMatchObject({ status: 200 });
    const socket = await openSocket(port, `/rpc?token=${web.token}`, { host, origin: `http://${host}` });
    socket.terminate();
  });

  it("another program's page on this machine, or a name that only means it, is refused as before", async () => {
    const strangers: Record<string, string>[] = [
      { host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${web.port}` },
      { host: `localhost:${port}`, origin: `http://127.0.0.1:${port}` },
      { host: `evil.example:${port}` },
    ];
    for (const headers of strangers) {
      expect(await ask(port, '/', { headers })).toMatchObject({ status: 403 });
      await expect(openSocket(port, `/rpc?token=${web.token}`, headers)).rejects.toThrow('401');
    }
  });

  it('a page that loses its connection in the middle of a call connects anew and sees one state', async () => {
    const first = await connectClient({ port, token: web.token });
    const renamed = first.client.suites.list().catch(() => 'lost');
    for (const each of pipes) each.destroy();
    await renamed;
    await expect(first.client.workspace.info()).rejects.toThrow();
    const again = await connectClient({ port, token: web.token });
    expect(await again.client.models.list()).toEqual([web.model]);
    again.socket.terminate();
  });
});
