import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RPCHandler } from '@orpc/server/ws';
import { WebSocketServer } from 'ws';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { createRouter } from '../studio/router.ts';
import type { Studio } from '../studio/studio.ts';
import { servePage } from './pages.ts';
import { send } from './send.ts';
import { Uploads } from './uploads.ts';

export interface WebServer {
  /** Address with the access token in its fragment, which browsers do not send. */
  url: string;
  close(): Promise<void>;
}

/** Calls are small; files come by upload. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/**
 * The studio over HTTP and a WebSocket, on the loopback address only. Every call and upload needs the token that is made anew
 * at each start; requests under another host name (DNS rebinding) or from another page's origin are refused.
 */
export async function startServer(options: { studio: Studio; port: number; pages: string }): Promise<WebServer> {
  const { studio, pages } = options;
  const token = randomBytes(24).toString('base64url');
  const rpc = new RPCHandler(createRouter(studio));
  const uploads = new Uploads(studio.home);
  await uploads.sweep();
  let origin = '';

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, toStrataError(error));
    });
  });
  server.requestTimeout = 0; // a large model takes its time through a tunnel; headers still have a minute
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isLocal(request, origin)) return send(response, 403, { error: 'Open the studio by the address that strata serve prints.' });
    const url = URL.parse(request.url ?? '/', origin);
    if (!url) return send(response, 400, { error: 'That is not an address.' });
    if (request.method === 'POST' && url.pathname === '/upload') {
      if (!isToken(request.headers['x-strata-token'], token)) return send(response, 401, { error: 'The token is missing or wrong.' });
      return uploads.receive(request, response, url);
    }
    return servePage(request, response, url.pathname, pages);
  };

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    // The other end going away, or sending what is no message, is its own affair: an error nobody hears would end the studio.
    socket.on('error', () => undefined);
    const url = URL.parse(request.url ?? '/', origin);
    if (!isLocal(request, origin) || url?.pathname !== '/rpc' || !isToken(url.searchParams.get('token'), token)) {
      // Destroyed, because a peer that keeps its half of the connection open would keep the server from closing.
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n', () => socket.destroy());
      return;
    }
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peer.on('error', () => undefined);
      void rpc.upgrade(peer);
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? portIsTaken(options.port, error) : error));
    server.listen(options.port, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/#token=${token}`,
    close: async () => {
      for (const peer of sockets.clients) peer.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await uploads.close();
    },
  };
}

/** One sentence for the page, with what was found; the status tells the user's mistakes from ours. */
function sendError(response: ServerResponse, error: StrataError): void {
  const status = error.exitCode === 2 ? 400 : error.code === 'NO_SPACE' ? 507 : 500;
  send(response, status, { error: [error.message, error.found].filter(Boolean).join(' ') });
}

function portIsTaken(port: number, cause: unknown): StrataError {
  return new StrataError('CONFLICT', 'Another program has that port.', {
    found: `port ${port} of 127.0.0.1 is in use`,
    hint: 'Leave --port out to take a free one, or name another.',
    cause,
  });
}

/** The Host header must name us, and a page's Origin must be ours. */
function isLocal(request: IncomingMessage, origin: string): boolean {
  const { port } = new URL(origin);
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(request.headers.host ?? '')) return false;
  const from = request.headers.origin;
  return from === undefined || hosts.some((host) => from === `http://${host}`);
}

function isToken(given: unknown, token: string): boolean {
  if (typeof given !== 'string') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
