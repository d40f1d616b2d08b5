import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A hub of one repository on this machine, with the endpoints that the real one has: what a revision is, what is in it, and its files; large
 * ones (LFS) are redirected to a storage on another port. It can be told to behave as badly as networks and servers do.
 */

export const REPOSITORY = 'acme/tiny-llama';
export const TOKEN = 'hf_localTestToken';

export interface Commit {
  id: string;
  files: Record<string, Buffer>;
}

/** What a server does with one request for a file instead of answering well. */
export interface Fault {
  /** The connection is cut after so many bytes of the body. */
  dropAfter?: number;
  /** The body ends in good order after so many bytes, without a length. */
  truncateTo?: number;
  /** Nothing more is sent after so many bytes, and the connection stays open. */
  stallAfter?: number;
  status?: number;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** Sends the whole file, whatever part was asked for. */
  ignoreRange?: boolean;
}

export interface FileRequest {
  path: string;
  /** First byte that is asked for. */
  begin: number;
  /** How often this file has been asked for, this time included. */
  times: number;
}

export interface Served {
  server: 'hub' | 'storage';
  url: string;
  /** Name of the file, or null for a question about the repository. */
  path: string | null;
  range: string | undefined;
  authorization: string | undefined;
  /** Bytes of the body that were sent. */
  bytes: number;
}

export interface HubServer {
  readonly endpoint: string;
  /** Every request, in the order of arrival. */
  readonly served: Served[];
  /** The last one is what `main` names; add one to change the repository. */
  readonly commits: Commit[];
  /** Whether a request for a file goes wrong. */
  fault: (request: FileRequest) => Fault | null;
  /** Whether a question about the repository goes wrong. */
  apiFault: (url: string, times: number) => Fault | null;
  /** Entries that one page of a listing has. */
  pageSize: number;
  /** Changes what the listing says. */
  lie: (entries: ListedEntry[]) => ListedEntry[];
  /** Where large files are redirected to instead of the storage. */
  redirect: ((path: string) => string) | null;
  /** Only requests with {@link TOKEN} are answered. */
  isPrivate: boolean;
  /** Bytes of a file that were sent in all. */
  bytesOf(path: string): number;
  /** Ranges that were asked for of a file. */
  rangesOf(path: string): (string | undefined)[];
  close(): Promise<void>;
}

export interface ListedEntry {
  type: string;
  path: string;
  size: number;
  oid?: string;
  lfs?: { oid: string; size: number; pointerSize: number };
}

export async function startHubServer(files: Record<string, Buffer>): Promise<HubServer> {
  const served: Served[] = [];
  const commits: Commit[] = [{ id: commitId(1), files }];
  const asked = new Map<string, number>();
  const countOf = (key: string): number => {
    asked.set(key, (asked.get(key) ?? 0) + 1);
    return asked.get(key)!;
  };
  const hub: Omit<HubServer, 'endpoint' | 'close'> = {
    served,
    commits,
    fault: () => null,
    apiFault: () => null,
    pageSize: 1000,
    lie: (entries) => entries,
    redirect: null,
    isPrivate: false,
    bytesOf: (path) => served.filter((each) => each.path === path).reduce((sum, { bytes }) => sum + bytes, 0),
    rangesOf: (path) => served.filter((each) => each.path === path && isContent(each)).map(({ range }) => range),
  };
  const isContent = ({ server, path }: Served): boolean => server === 'storage' || !isLarge(path ?? '');

  function note(request: IncomingMessage, server: Served['server'], path: string | null): Served {
    const { range, authorization } = request.headers;
    const entry: Served = { server, url: request.url ?? '', path, range, authorization, bytes: 0 };
    served.push(entry);
    return entry;
  }

  function sendFile(
    request: IncomingMessage,
    response: ServerResponse,
    entry: Served,
    content: Buffer,
    headers: Record<string, string>,
  ): void {
    const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const fault = hub.fault({ path: entry.path!, begin, times: countOf(entry.path!) }) ?? {};
    if (fault.status !== undefined) return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    const isPart = request.headers.range !== undefined && !fault.ignoreRange;
    const whole = fault.body === undefined ? content : Buffer.from(fault.body);
    if (isPart && begin >= whole.length) return void response.writeHead(416).end();
    const body = isPart ? whole.subarray(begin) : whole;
    const extent = isPart
      ? { 'content-range': `bytes ${begin}-${whole.length - 1}/${whole.length}` }
      : fault.truncateTo === undefined
        ? { 'content-length': String(whole.length) }
        : {};
    response.writeHead(isPart ? 206 : 200, { ...headers, ...extent, ...fault.headers });
    const sent = body.subarray(0, fault.dropAfter ?? fault.truncateTo ?? fault.stallAfter ?? body.length);
    entry.bytes += sent.length;
    if (fault.stallAfter !== undefined) return void response.write(sent);
    if (fault.dropAfter === undefined) return void response.end(sent);
    response.write(sent, () => setTimeout(() => response.destroy(), 20)); // what was written shall arrive first
  }

  const storage = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://storage').searchParams.get('name')!);
    const id = new URL(request.url!, 'http://storage').searchParams.get('commit')!;
    const content = commits.find((commit) => commit.id === id)!.files[path]!;
    sendFile(request, response, note(request, 'storage', path), content, { etag: '"storage"' });
  });

  const front = createServer((request, response) => {
    const url = new URL(request.url!, 'http://hub');
    const [, , ...rest] = url.pathname.split('/');
    const file = new RegExp(`^/${REPOSITORY}/resolve/([^/]+)/(.+)$`).exec(url.pathname);
    const entry = note(request, 'hub', file ? decodeURIComponent(file[2]!) : null);
    if (hub.isPrivate && request.headers.authorization !== `Bearer ${TOKEN}`) {
      return json(response, 401, { error: 'Invalid username or password.' }, { 'x-error-code': 'RepoNotFound' });
    }
    if (file) {
      const commit = commits.find(({ id }) => id === file[1]);
      const content = commit?.files[entry.path!];
      if (!commit || !content) return json(response, 404, { error: 'Entry not found' }, { 'x-error-code': 'EntryNotFound' });
      const headers = { 'x-repo-commit': commit.id, etag: `"${hashOf(content)}"` };
      if (!isLarge(entry.path!)) return sendFile(request, response, entry, content, headers);
      const fault = hub.fault({ path: `resolve ${entry.path!}`, begin: 0, times: countOf(`resolve ${entry.path!}`) });
      if (fault?.status !== undefined) return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
      const { port } = storage.address() as AddressInfo;
      const query = new URLSearchParams({ name: entry.path!, commit: commit.id });
      // As the hub says of a file that lies elsewhere.
      Object.assign(headers, { 'x-linked-size': String(content.length), 'x-linked-etag': `"${sha256Of(content)}"` });
      const location = hub.redirect?.(entry.path!) ?? `http://127.0.0.1:${port}/blob?${query.toString()}`;
      return void response.writeHead(302, { ...headers, ...fault?.headers, location }).end();
    }
    const fault = hub.apiFault(url.pathname, countOf(url.pathname));
    if (fault?.status !== undefined) return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '');
    if (fault?.dropAfter !== undefined) return void response.destroy();
    if (rest.slice(0, 3).join('/') !== `models/${REPOSITORY}`) {
      return json(response, 404, { error: 'Repository not found' }, { 'x-error-code': 'RepoNotFound' });
    }
    const [kind, named = ''] = rest.slice(3);
    const revision = decodeURIComponent(named);
    const commit = revision === 'main' ? commits.at(-1) : commits.find(({ id }) => id === revision);
    if (!commit) return json(response, 404, { error: `Invalid rev id: ${revision}` }, { 'x-error-code': 'RevisionNotFound' });
    if (kind === 'revision') {
      const about = { private: hub.isPrivate, gated: false, likes: 0, downloads: 0, lastModified: '2026-01-01T00:00:00.000Z' };
      const siblings = Object.keys(commit.files).map((rfilename) => ({ rfilename }));
      return json(response, 200, { _id: '1', id: REPOSITORY, sha: commit.id, siblings, ...about });
    }
    const entries = hub.lie(listingOf(commit));
    const begin = Number(url.searchParams.get('cursor') ?? 0);
    const page = entries.slice(begin, begin + hub.pageSize);
    const { port } = front.address() as AddressInfo;
    const next = `http://127.0.0.1:${port}${url.pathname}?recursive=true&cursor=${begin + hub.pageSize}`;
    json(response, 200, page, begin + hub.pageSize < entries.length ? { link: `<${next}>; rel="next"` } : {});
  });

  await Promise.all([front, storage].map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  return Object.assign(hub, {
    endpoint: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    close: async () => {
      await Promise.all([front, storage].map(close));
    },
  });
}

/** A commit's id that tells its number. */
export function commitId(number: number): string {
  return String(number).padStart(40, '0');
}

export function sha256Of(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function hashOf(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

function isLarge(path: string): boolean {
  return /\.(safetensors|gguf|bin)$/.test(path);
}

function listingOf({ files }: Commit): ListedEntry[] {
  return Object.entries(files).map(([path, content]) => ({
    type: 'file',
    path,
    size: content.length,
    oid: hashOf(content),
    ...(isLarge(path) && { lfs: { oid: sha256Of(content), size: content.length, pointerSize: 134 } }),
  }));
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(body));
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
