import { mkdir, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import type { ContractRouterClient } from '@orpc/contract';
import { WebSocket as Socket } from 'ws';
import { startServer, type WebServer, type WebServerOptions } from '../../main/web/server.ts';
import type { Contract } from '../../shared/contract/contract.ts';
import { openTinyStudio, type TinyOptions, type TinyStudio } from './workspace.ts';

/** The web host over a real studio, as a browser, another program or an attacker reaches it. */

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface TinyServer extends TinyStudio {
  server: WebServer;
  port: number;
  token: string;
  /** Folder that is served, with an index.html, assets/app.js and icon.svg. */
  pages: string;
}

export async function startTinyServer({
  enginePacks,
  ...options
}: Pick<WebServerOptions, 'allowPaths' | 'limits' | 'log'> & TinyOptions = {}): Promise<TinyServer> {
  const tiny = await openTinyStudio({ ...(enginePacks && { enginePacks }) });
  const pages = join(tiny.directory, 'pages');
  await mkdir(join(pages, 'assets'), { recursive: true });
  await writeFile(join(pages, 'index.html'), '<!doctype html><title>Strata</title>');
  await writeFile(join(pages, 'assets', 'app.js'), 'export {};');
  await writeFile(join(pages, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  const server = await startServer({ studio: tiny.studio, port: 0, pages, ...options });
  const { port, hash } = new URL(server.url);
  const token = new URLSearchParams(hash.slice(1)).get('token')!;
  const remove = async (): Promise<void> => {
    await server.close();
    await tiny.remove();
  };
  return { ...tiny, server, port: Number(port), token, pages, remove };
}

/** One request whose path goes out exactly as it is written: a browser or fetch would tidy it up first. */
export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((settle, fail) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => settle({ status: response.statusCode!, headers: response.headers, body: text }));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

/** A WebSocket that is open, or an error with the answer's status. */
export function openSocket(port: number, path: string, headers: Record<string, string> = {}): Promise<Socket> {
  return new Promise((settle, fail) => {
    const socket = new Socket(`ws://127.0.0.1:${port}${path}`, { headers });
    socket.once('open', () => settle(socket));
    socket.once('error', fail);
  });
}

export type Client = ContractRouterClient<Contract>;

/** A client of the contract over a socket, as the pages make it. */
export async function connectClient({ port, token }: Pick<TinyServer, 'port' | 'token'>): Promise<{ client: Client; socket: Socket }> {
  const socket = await openSocket(port, `/rpc?token=${token}`);
  return { client: createORPCClient<Client>(new RPCLink({ websocket: socket as unknown as WebSocket })), socket };
}
