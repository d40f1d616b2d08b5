import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { EnginePackOptions } from '../../main/studio/engines.ts';
import { type HubServer, startHubServer } from './hub-server.ts';
import { zipOf } from './zip.ts';

/**
 * All that Strata fetches from elsewhere, served by this machine: a hub, a server with an engine pack, and a package index that has nothing
 * for pip. A connection to anywhere else is refused and noted.
 */
export interface OwnNetwork {
  hub: HubServer;
  /** For a studio: a pack of a few bytes, and a folder of its own to install it in. */
  enginePacks: EnginePackOptions;
  /** Paths that were asked for of the server with the pack and the index. */
  asked: string[];
  /** Where a connection was tried that does not lead to this machine. */
  foreign: string[];
  /** Files outside the workspace that installing or downloading made. */
  made(): Promise<string[]>;
  close(): Promise<void>;
}

const FILE = 'tensorflow_cpu-1.0-cp311-cp311-any.whl';
const LIBRARY = 'tensorflow/libtf.so.2';

/** @param files of the hub's repository */
export async function startOwnNetwork(files: Record<string, Buffer>): Promise<OwnNetwork> {
  const folder = await mkdtemp(join(tmpdir(), 'strata-network-'));
  const hub = await startHubServer(files);
  const archive = zipOf({ [LIBRARY]: Buffer.from('library '.repeat(4000)) });
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.url!);
    if (!request.url!.endsWith(FILE)) return void response.writeHead(404).end();
    // Cut in the middle; the rest is then asked for.
    const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const body = archive.subarray(begin, begin === 0 ? Math.ceil(archive.length / 2) : undefined);
    response.writeHead(begin > 0 ? 206 : 200).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const environment = {
    ...{ HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hub'), HF_HUB_CACHE: '', HF_TOKEN: '', HF_TOKEN_PATH: '', HF_HUB_OFFLINE: '' },
    ...{ PIP_INDEX_URL: `${address}/simple/`, PIP_EXTRA_INDEX_URL: '', PIP_FIND_LINKS: '', PIP_CONFIG_FILE: devNull, PIP_RETRIES: '0' },
    ...{ STRATA_ENGINE_SOURCE: `${address}/packs`, UV_OFFLINE: '1', NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' },
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const foreign: string[] = [];
  const guard = refuseForeign(foreign);
  const addonPath = join(folder, 'binding.cjs');
  await writeFile(addonPath, 'module.exports = {};');
  const known = { bytes: archive.length, sha256: createHash('sha256').update(archive).digest('hex') };
  return {
    hub,
    asked,
    foreign,
    enginePacks: {
      directory: join(folder, 'engine'),
      addonPath,
      packs: [
        {
          ...{ id: 'tensorflow-cpu', engine: 'tensorflow-cpu', title: 'TensorFlow', version: '1.0', licence: 'Apache-2.0' },
          platform: `${process.platform}-${process.arch}`,
          archive: { file: FILE, package: 'tensorflow-cpu', pipPlatform: 'any', pythonVersion: '311', ...known },
          members: [LIBRARY],
          unpackedBytes: 100_000,
        },
      ],
    },
    made: async () => (await readdir(folder, { recursive: true })).filter((name) => name !== 'binding.cjs').sort(),
    close: async () => {
      guard.mockRestore();
      vi.unstubAllEnvs();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await hub.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Every connection of this process passes here, also those of fetch and TLS. */
function refuseForeign(foreign: string[]): { mockRestore(): void } {
  const connect = Socket.prototype.connect as (this: Socket, ...values: unknown[]) => Socket;
  return vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...values: unknown[]) {
    const [first] = (Array.isArray(values[0]) ? values[0] : values) as [{ host?: string; path?: string } | number | string, unknown];
    const host =
      typeof first === 'object' ? first.host : typeof first === 'number' && typeof values[1] === 'string' ? values[1] : undefined;
    if (host === undefined || /^(127\.|localhost$|::1$)/.test(host)) return connect.apply(this, values);
    foreign.push(host);
    return this.destroy(new Error(`${host} is not this machine`));
  });
}
