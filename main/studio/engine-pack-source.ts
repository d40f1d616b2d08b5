import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { StrataError } from '../../shared/errors.ts';
import type { EnginePack } from '../engine/engine-pack.ts';
import { fetchWheel, findPip } from '../models/catalogue/python-packages.ts';
import { type DownloadProgress, ProgressMeter } from '../models/hub/progress-meter.ts';
import { NetworkError, RETRY_LIMITS, throwIfCancelled, withRetries } from '../models/hub/retry.ts';

/**
 * Where the archive of an engine pack comes from: the package index that the machine's pip uses, a server that has the file under its
 * name, or this machine's disk. None of them is trusted: the hash that comes with Strata decides.
 */
export type PackSource = { pip: true } | { address: string } | { path: string };

const LOOK_INTERVAL_MS = 250;
const SPARE_BYTES = 64 * 2 ** 20;

interface ObtainOptions {
  signal: AbortSignal;
  onProgress: (progress: DownloadProgress) => void;
  onChecking: () => void;
}

/** pip, unless STRATA_ENGINE_SOURCE names a folder or the address of one. */
export function defaultSource(environment: NodeJS.ProcessEnv = process.env): PackSource {
  const named = environment.STRATA_ENGINE_SOURCE;
  return named ? parseSource(named) : { pip: true };
}

/** An address, or a path on this machine. */
export function parseSource(text: string): PackSource {
  return /^https?:\/\//i.test(text) ? { address: text } : { path: text };
}

export function describeSource({ archive, version }: EnginePack, source: PackSource): string {
  if ('address' in source) return `${archive.file} from ${source.address}`;
  return 'path' in source
    ? `${archive.file} in ${source.path}`
    : `The Python package ${archive.package} ${version}, fetched with this machine's pip`;
}

/**
 * The checked archive. What arrived before, whole or (from a server) in part, is used.
 * @param work a folder of its own
 * @returns `isOurs` when it lies in `work` and is not needed afterwards
 * @throws StrataError NO_SPACE, NETWORK, CORRUPT for another hash (the file is deleted, unless it is the user's own), INTERRUPTED
 */
export async function obtainArchive(
  pack: EnginePack,
  source: PackSource,
  work: string,
  options: ObtainOptions,
): Promise<{ path: string; isOurs: boolean }> {
  await mkdir(work, { recursive: true });
  const isOurs = !('path' in source);
  await checkFreeSpace(work, pack.unpackedBytes + (isOurs ? (pack.archive.bytes ?? 0) : 0));
  const meter = new ProgressMeter(options.onProgress);
  if (pack.archive.bytes !== null) meter.setTotal(pack.archive.bytes);
  try {
    const path = isOurs ? join(work, pack.archive.file) : await localArchive(pack, source.path);
    if (isOurs && !(await isFile(path))) {
      if ('pip' in source) await fetchWithPip(pack, work, path, meter, options.signal);
      else await fetchFrom(source.address, pack, path, meter, options.signal);
    }
    options.onChecking();
    meter.setActivity('Checking the archive');
    const found = await sha256Of(path, options.signal);
    if (found === pack.archive.sha256) return { path, isOurs };
    if (isOurs) await rm(path, { force: true });
    throw new StrataError('CORRUPT', `The archive is not the one that was published${isOurs ? '; it was deleted' : ''}.`, {
      found: `sha256 ${found}`,
      allowed: `sha256 ${pack.archive.sha256}`,
      hint: isOurs ? 'Install it again. If it happens again, the source serves another file.' : `Choose the file ${pack.archive.file}.`,
    });
  } catch (error) {
    throwIfCancelled(options.signal);
    throw error;
  } finally {
    meter.close();
  }
}

async function localArchive({ archive }: EnginePack, path: string): Promise<string> {
  const candidate = (await stat(path)).isDirectory() ? join(path, archive.file) : path;
  if (await isFile(candidate)) return candidate;
  throw new StrataError('NOT_FOUND', 'The archive of the engine pack is not there.', {
    found: candidate,
    allowed: archive.file,
    hint: 'Choose the file, or the folder that it lies in.',
  });
}

async function fetchWithPip(
  { archive, version }: EnginePack,
  work: string,
  path: string,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  meter.setActivity('Looking for pip');
  const pip = await findPip(signal);
  throwIfCancelled(signal);
  if (!pip) {
    throw new StrataError('UNSUPPORTED', 'Neither pip nor uv is on this machine, which fetch this pack.', {
      found: 'no python3 with pip, no pip3, no uv',
      allowed: `Python 3 with pip, uv, or the file ${archive.file}`,
      hint: 'Install one, or get the file elsewhere and install the pack from it.',
    });
  }
  const [folder, temporary] = [join(work, 'wheel'), join(work, 'pip')];
  for (const each of [folder, temporary]) {
    await rm(each, { recursive: true, force: true });
    await mkdir(each, { recursive: true });
  }
  const requirement = `${archive.package}==${version}`;
  meter.setActivity(`Fetching ${requirement} with pip`);
  const look = async (): Promise<void> => {
    const bytes = await folderBytes([folder, temporary]);
    if (!signal.aborted) meter.setFile(archive.file, Math.min(bytes, archive.bytes ?? bytes), true);
  };
  const timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
  try {
    // The wheel for one named Python: the library in it is the same for all, and any Python's pip can fetch it.
    const python = ['--implementation', 'cp', '--abi', `cp${archive.pythonVersion}`, '--python-version', archive.pythonVersion];
    const failure = await fetchWheel(pip, requirement, folder, temporary, signal, [...python, '--platform', archive.pipPlatform]);
    throwIfCancelled(signal);
    const name = failure === null ? (await readdir(folder)).find((each) => each.endsWith('.whl')) : undefined;
    if (name !== undefined) return await rename(join(folder, name), path);
    throw new StrataError('NETWORK', 'pip could not fetch the package.', {
      found: `${requirement}: ${failure ?? 'no wheel'}`,
      allowed: 'a package index that has it',
      hint: 'Check the network, and the proxy or package index that pip uses; then install it again.',
    });
  } finally {
    clearInterval(timer);
    for (const each of [folder, temporary]) await rm(each, { recursive: true, force: true });
  }
}

/** Goes on where an earlier attempt ended, if the server can. */
async function fetchFrom(address: string, { archive }: EnginePack, path: string, meter: ProgressMeter, signal: AbortSignal): Promise<void> {
  const partial = `${path}.incomplete`;
  const url = new URL(archive.file, address.endsWith('/') ? address : `${address}/`);
  meter.setActivity(`Fetching ${archive.file} from ${url.host}`);
  let before = await sizeOf(partial);
  const hasProgress = async (): Promise<void> => void (before = await sizeOf(partial));
  await withRetries(() => fetchRest(url, partial, archive.bytes, meter, signal).finally(hasProgress), RETRY_LIMITS, {
    signal,
    hasProgress: () => before > 0,
    onWait: (text) => meter.setWaiting(text),
  });
  await rename(partial, path);
}

async function fetchRest(url: URL, partial: string, wanted: number | null, meter: ProgressMeter, signal: AbortSignal): Promise<void> {
  const have = await sizeOf(partial);
  if (wanted !== null && have === wanted) return;
  try {
    const response = await fetch(url, { headers: have > 0 ? { range: `bytes=${have}-` } : {}, signal });
    if (!response.ok || response.body === null) {
      if (response.status === 416) await rm(partial, { force: true });
      const isPassing = response.status >= 500 || response.status === 429 || response.status === 416;
      throw new (isPassing ? NetworkError : PermanentFailure)(`The server answered ${response.status}.`, {
        found: url.href,
        allowed: 'the file',
        hint: 'Is STRATA_ENGINE_SOURCE right?',
      });
    }
    const begin = response.status === 206 ? have : 0;
    let at = begin;
    const count = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        at += chunk.length;
        if (wanted !== null && at > wanted)
          throw new PermanentFailure('The server sends more than the file.', {
            found: `more than ${wanted} bytes`,
            allowed: `${wanted} bytes`,
          });
        meter.setFile(url.pathname, at, true);
        yield chunk;
      }
    };
    await pipeline(response.body, count, createWriteStream(partial, { flags: begin > 0 ? 'a' : 'w' }), { signal });
    if (wanted !== null && at < wanted)
      throw new NetworkError('The connection ended before the file did.', { found: `${at} of ${wanted} bytes` });
  } catch (error) {
    const isOfDisk =
      error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EFBIG'].includes(String(error.code));
    if (error instanceof StrataError || isOfDisk) throw error;
    throw new NetworkError('The connection was lost.', {
      found: `${url.host}: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}

/** What trying again would not change. */
class PermanentFailure extends StrataError {
  constructor(message: string, details: ConstructorParameters<typeof StrataError>[2]) {
    super('NETWORK', message, details);
  }
}

async function checkFreeSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= neededBytes + SPARE_BYTES) return;
  throw new StrataError('NO_SPACE', 'There is not enough space for the engine pack.', {
    found: `${Math.round((bavail * bsize) / 1e6)} MB free in ${folder}`,
    allowed: `${Math.round((neededBytes + SPARE_BYTES) / 1e6)} MB`,
    hint: 'Free some space, or set STRATA_ENGINE_DIR to a folder on another disk.',
  });
}

async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(
    createReadStream(path, { highWaterMark: 1 << 20 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) hash.update(chunk);
    },
    { signal },
  );
  return hash.digest('hex');
}

async function folderBytes(folders: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const folder of folders)
    for (const name of await readdir(folder, { recursive: true }).catch(() => [])) bytes += await sizeOf(join(folder, name));
  return bytes;
}

/** Zero where there is no such file. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? found.size : 0;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}
