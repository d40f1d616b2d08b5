import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RPCHandler } from '@orpc/server/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { namedAsSent } from '../studio/context.ts';
import { PathGrants } from '../studio/path-grants.ts';
import { createRouter } from '../studio/router.ts';
import type { Studio } from '../studio/studio.ts';
import { isLocal, type Refusal, refuseToken, refuseUpgrade } from './door.ts';
import { CallRate, WEB_LIMITS, type WebLimits, WrongTokens } from './limits.ts';
import { MalformedNotes, onlyCalls } from './messages.ts';
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

/** A page that finds no place is to come back then. */
const FULL_RETRY_SECONDS = 5;

export interface WebServerOptions {
  studio: Studio;
  /** 0 takes a free one. */
  port: number;
  /** Folder of the built pages. */
  pages: string;
  /** Folders of this machine in which pages may name paths that were typed by hand; none unless said. */
  allowPaths?: readonly string[];
  limits?: Partial<WebLimits>;
  /** For what the user may want to know: one line each; nobody unless said. */
  log?: (line: string) => void;
}

/**
 * The studio over HTTP and a WebSocket, on the loopback address only. Every call and upload needs the token that is made anew
 * at each start; requests under another host name (DNS rebinding) or from another page's origin are refused. Pages name what they have uploaded,
 * and what lies in folders that were allowed at the start.
 */
export async function startServer(options: WebServerOptions): Promise<WebServer> {
  const { studio, pages } = options;
  const limits = { ...WEB_LIMITS, ...options.limits };
  const malformed = new MalformedNotes(options.log ?? (() => undefined));
  const wrongTokens = new WrongTokens(limits.wrongTokens);
  const token = randomBytes(24).toString('base64url');
  const grants = new PathGrants(studio.home, {
    typed: options.allowPaths ?? [],
    hint: 'Drop it on the page or choose it there, or start the studio with: strata serve --allow-paths FOLDER',
  });
  const rpc = new RPCHandler(createRouter(studio, grants));
  const uploads = new Uploads(studio.home);
  await uploads.sweep();
  let origin = '';

  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, toStrataError(error), studio.home);
    });
  });
  server.requestTimeout = 0; // a large model takes its time through a tunnel; headers still have a minute
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isLocal(request)) return send(response, 403, { error: 'Open the studio by the address that strata serve prints.' });
    const url = URL.parse(request.url ?? '/', origin);
    if (!url) return send(response, 400, { error: 'That is not an address.' });
    if (request.method === 'POST' && url.pathname === '/upload') {
      const refusal = refuseToken(request.headers['x-strata-token'], token, wrongTokens);
      if (refusal) return sendRefusal(response, refusal);
      const place = await uploads.receive(request, url);
      await grants.grant([uploads.folder], 'read');
      return send(response, 200, place);
    }
    return servePage(request, response, url.pathname, pages);
  };

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    // The other end going away, or sending what is no message, is its own affair: an error nobody hears would end the studio.
    socket.on('error', () => undefined);
    const url = URL.parse(request.url ?? '/', origin);
    if (!isLocal(request) || url?.pathname !== '/rpc') return refuseUpgrade(socket, { status: 401 });
    const refusal = refuseToken(url.searchParams.get('token'), token, wrongTokens);
    if (refusal) return refuseUpgrade(socket, refusal);
    if (sockets.clients.size >= limits.connections) {
      return refuseUpgrade(socket, { status: 503, retryAfterSeconds: FULL_RETRY_SECONDS });
    }
    sockets.handleUpgrade(request, socket, head, (peer) => {
      peer.on('error', () => undefined);
      slowDown(peer, limits);
      void rpc.upgrade(onlyCalls(peer, limits.malformedMessages, malformed));
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

/** Stops reading a connection that calls faster than it may, for as long as that takes. */
function slowDown(peer: WebSocket, limits: WebLimits): void {
  const rate = new CallRate(limits);
  let pause: NodeJS.Timeout | undefined;
  peer.on('message', () => {
    const waitMs = rate.take();
    if (waitMs === 0) return;
    clearTimeout(pause);
    peer.pause();
    pause = setTimeout(() => peer.resume(), waitMs);
  });
  peer.on('close', () => clearTimeout(pause));
}

function sendRefusal(response: ServerResponse, { status, retryAfterSeconds }: Refusal): void {
  if (retryAfterSeconds === undefined) return send(response, status, { error: 'The token is missing or wrong.' });
  response.setHeader('retry-after', retryAfterSeconds);
  send(response, status, { error: `There were too many wrong tokens. Try again in ${retryAfterSeconds} seconds.` });
}

/** One sentence for the page, with what was found; the status tells the user's mistakes from ours. */
function sendError(response: ServerResponse, error: StrataError, home: string): void {
  const status = error.exitCode === 2 ? 400 : error.code === 'NO_SPACE' ? 507 : 500;
  const { message, found } = namedAsSent(error.toRecord(), home);
  send(response, status, { error: [message, found].filter(Boolean).join(' ') });
}

function portIsTaken(port: number, cause: unknown): StrataError {
  return new StrataError('CONFLICT', 'Another program has that port.', {
    found: `port ${port} of 127.0.0.1 is in use`,
    hint: 'Leave --port out to take a free one, or name another.',
    cause,
  });
}
