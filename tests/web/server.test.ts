import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startServer } from '../../main/web/server.ts';
import { ask, connectClient, openSocket, startTinyServer, type TinyServer } from '../support/web-client.ts';

let web: TinyServer;
beforeAll(async () => {
  web = await startTinyServer();
});
afterAll(() => web.remove());

/** The server still answers: what came before did not end it. */
async function answers(): Promise<void> {
  expect(await ask(web.port, '/')).toMatchObject({ status: 200 });
  const { client, socket } = await connectClient(web);
  expect(await client.workspace.info()).toMatchObject({ home: web.home });
  socket.close();
}

describe('who may come in', () => {
  test('only this machine: other addresses of it are not listened on', async () => {
    expect(web.server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}$/);
    const others = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    for (const { address, internal, family } of others.filter((each) => !each.internal && each.family === 'IPv4')) {
      const [error] = (await once(connect(web.port, address), 'error')) as [NodeJS.ErrnoException];
      expect(error.code, `${address} ${family} ${internal}`).toBe('ECONNREFUSED');
    }
  });

  test('every start has its own token', async () => {
    const second = await startServer({ studio: web.studio, port: 0, pages: web.pages });
    expect(new URL(second.url).hash).not.toBe(new URL(web.server.url).hash);
    await second.close();
  });

  const foreignHosts = [
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    '0.0.0.0:PORT',
    'localhost.evil.example:PORT',
  ];
  test.each(foreignHosts)('a request under the name %s is refused (DNS rebinding)', async (host) => {
    const headers = { host: host.replace('PORT', `${web.port}`) };
    expect(await ask(web.port, '/', { headers })).toMatchObject({ status: 403, body: expect.stringContaining('strata serve') as string });
    await expect(openSocket(web.port, `/rpc?token=${web.token}`, headers)).rejects.toThrow('401');
  });

  test.each(['http://evil.example', 'https://127.0.0.1:PORT', 'http://127.0.0.1:1', 'null', 'file://'])(
    'a page from %s is refused, even with the token',
    async (origin) => {
      const headers = { origin: origin.replace('PORT', `${web.port}`), 'x-strata-token': web.token };
      expect(await ask(web.port, '/', { headers })).toMatchObject({ status: 403 });
      expect(await ask(web.port, '/upload?batch=12345678&name=a.txt', { method: 'POST', headers, body: 'a' })).toMatchObject({
        status: 403,
      });
      await expect(openSocket(web.port, `/rpc?token=${web.token}`, headers)).rejects.toThrow('401');
    },
  );

  test.each(['http://127.0.0.1', 'http://localhost'])('our own page, opened as %s, may call', async (origin) => {
    const name = `${new URL(origin).hostname}:${web.port}`;
    const socket = await openSocket(web.port, `/rpc?token=${web.token}`, { host: name, origin: `${origin}:${web.port}` });
    socket.close();
    expect(await ask(web.port, '/', { headers: { host: name } })).toMatchObject({ status: 200 });
  });

  test.each(['/rpc', '/rpc?token=', '/rpc?token=wrong', '/rpc?token=TOKENx', '/elsewhere?token=TOKEN', '/?token=TOKEN'])(
    'no calls at %s',
    async (path) => {
      await expect(openSocket(web.port, path.replace('TOKEN', web.token))).rejects.toThrow('401');
    },
  );
});

describe('what does not end the studio', () => {
  test.each(['GET // HTTP/1.1', 'GET http:// HTTP/1.1', 'GET //[ HTTP/1.1'])('the request "%s", also as an upgrade', async (line) => {
    const host = `Host: 127.0.0.1:${web.port}\r\n`;
    expect(await raw(`${line}\r\n${host}Connection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 40[04]/);
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
    expect(await raw(`${line}\r\n${host}${upgrade}\r\n`)).toMatch(/^HTTP\/1\.1 401/);
    await answers();
  });

  test('no HTTP at all', async () => {
    expect(await raw('HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/);
    await answers();
  });

  test('a message larger than any call: its connection is closed', async () => {
    const socket = await openSocket(web.port, `/rpc?token=${web.token}`);
    socket.send('x'.repeat(2 * 1024 * 1024));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
    await answers();
  });

  test('messages that are no calls: told once, in one line; a connection that goes on so is closed', async () => {
    const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined); // where the library would print what it cannot read
    const told: string[] = [];
    const other = await startTinyServer({ limits: { malformedMessages: 7 }, log: (line) => void told.push(line) });
    const { client, socket } = await connectClient(other);
    const closed = once(socket, 'close');
    socket.send('{"i":"x","p":{"u":"/nothing"}}'); // a call of what there is not
    for (const message of ['', 'hello', '{}', '[]', '{"i":"1","p":{"u":7}}', Buffer.from([0, 255, 254])]) socket.send(message);
    expect(await client.workspace.info()).toMatchObject({ home: other.home });
    socket.send('the seventh');
    expect(await closed).toMatchObject([1008, expect.anything()]);
    expect(told).toEqual(['A message that is no call was left unread.']);
    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
    await other.remove();
  });

  test('a peer that vanishes in the middle of an answer', async () => {
    const { client, socket } = await connectClient(web);
    const list = client.models.list();
    socket.terminate();
    await expect(list).rejects.toThrow();
    await answers();
  });

  test('a peer that resets its connection during the handshake', async () => {
    const peer = connect(web.port, '127.0.0.1');
    await once(peer, 'connect');
    peer.write(`GET /rpc HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    peer.resetAndDestroy();
    await answers();
  });
});

describe('closing', () => {
  test('ends pages, calls and peers that keep their half open, and then the port is free', async () => {
    const server = await startServer({ studio: web.studio, port: 0, pages: web.pages });
    const { port, hash } = new URL(server.url);
    const socket = await openSocket(Number(port), `/rpc?${hash.slice(1)}`);
    const idle = connect(Number(port), '127.0.0.1');
    const refused = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    refused.write(`GET /rpc HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    refused.resume();
    await Promise.all([once(idle, 'connect'), once(refused, 'end')]);
    const ends = [once(socket, 'close'), once(idle, 'close')];
    await server.close();
    await Promise.all(ends);
    refused.destroy();
    const again = await startServer({ studio: web.studio, port: Number(port), pages: web.pages });
    await again.close();
  });

  test('a port that is taken is refused with what to do', async () => {
    await expect(startServer({ studio: web.studio, port: web.port, pages: web.pages })).rejects.toMatchObject({
      code: 'CONFLICT',
      found: expect.stringContaining(`${web.port}`) as string,
      hint: expect.stringContaining('--port') as string,
    });
  });
});

/** Sends bytes as they are and gives all that comes back. */
async function raw(text: string): Promise<string> {
  const socket = connect(web.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}
