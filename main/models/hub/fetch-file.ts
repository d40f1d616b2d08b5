import type { Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { StrataError } from '../../../shared/errors.ts';
import { syncDirectory } from '../atomic-file.ts';
import { type HubConnection, lostConnection } from './hub-connection.ts';
import { type ContentHash, placeOf, type RepositoryFile, startHash } from './repository-file.ts';
import { NetworkError, type RetryLimits, throwIfCancelled, withRetries } from './retry.ts';

/** A file that is on its way: NAME.incomplete, with this beside it in NAME.incomplete.json. */
const partSchema = z.object({ etag: z.string(), commit: z.string(), size: z.int().min(0) });

const READ_BYTES = 1 << 20;

export interface FetchFileOptions {
  repository: string;
  commit: string;
  /** Folder that the file is written to, under its name in the repository. */
  directory: string;
  limits: RetryLimits;
  signal: AbortSignal;
  /** How much of the file is there now; less than before when it had to begin again. */
  onBytes: (have: number) => void;
  /** What is being waited for, in words. */
  onWait: (text: string) => void;
}

/**
 * Fetches one file, going on from the bytes that an earlier attempt left. It appears under its name only when its size and hash are those
 * that the repository lists; what arrived wrong is deleted.
 * @throws StrataError CORRUPT for a wrong content, NETWORK when the connection cannot be kept, INTERRUPTED when the signal is aborted.
 */
export async function fetchFile(connection: HubConnection, file: RepositoryFile, options: FetchFileOptions): Promise<void> {
  const target = placeOf(options.directory, file.path);
  if ((await sizeOf(target)) === file.size) return options.onBytes(file.size); // it was checked before it got its name
  if (!file.hash)
    throw new StrataError('CORRUPT', 'The hub lists a file without saying what its content is.', {
      found: file.path,
      allowed: 'a size and a hash for every file',
      hint: 'Another hub may be at that address: check HF_ENDPOINT, or try again later.',
    });
  const part = await openPart(target, file, file.hash, options.commit, options.signal);
  let { have } = part;
  try {
    options.onBytes(have);
    let reported = have;
    const hasProgress = (): boolean => {
      const isMore = have > reported;
      reported = have;
      return isMore;
    };
    const fetchRest = async (): Promise<void> => {
      if (have === file.size) return;
      const restart = async (): Promise<void> => {
        await part.handle.truncate(0);
        part.hash = startHash(file.hash!, file.size);
        have = 0;
      };
      for await (const chunk of bytesFrom(connection, file, have, options, restart)) {
        for (let written = 0; written < chunk.length;) {
          written += (await part.handle.write(chunk, written, chunk.length - written, have + written)).bytesWritten;
        }
        part.hash.update(chunk);
        have += chunk.length;
        options.onBytes(have);
      }
    };
    await withRetries(fetchRest, options.limits, { signal: options.signal, hasProgress, onWait: options.onWait });
    const found = part.hash.digest('hex');
    if (found !== file.hash.hex) {
      await deletePart(target);
      throw new StrataError('CORRUPT', 'A downloaded file is not what the repository lists; it was deleted.', {
        found: `${file.path} with ${nameOf(file.hash)} ${found}`,
        allowed: `${nameOf(file.hash)} ${file.hash.hex}`,
        hint: 'Start the download again. If it happens again, something between this machine and the hub changes files.',
      });
    }
    await part.handle.sync();
  } finally {
    await part.handle.close();
  }
  await rename(`${target}.incomplete`, target);
  await rm(`${target}.incomplete.json`, { force: true });
  await syncDirectory(dirname(target));
}

/** How much of a file is there, complete or not; zero where the part belongs to another content. */
export async function bytesPresent(directory: string, file: RepositoryFile): Promise<number> {
  const target = placeOf(directory, file.path);
  if ((await sizeOf(target)) === file.size) return file.size;
  const state = await readPart(target);
  if (!state || !file.hash || state.etag !== file.hash.hex || state.size !== file.size) return 0;
  return Math.min((await sizeOf(`${target}.incomplete`)) ?? 0, file.size);
}

/** Opens what is there of a file, or begins it. What is there is read once, for the hash goes over all of it. */
async function openPart(
  target: string,
  file: RepositoryFile,
  contentHash: ContentHash,
  commit: string,
  signal: AbortSignal,
): Promise<{ handle: FileHandle; hash: Hash; have: number }> {
  const path = `${target}.incomplete`;
  await mkdir(dirname(target), { recursive: true });
  const have = await bytesPresent(dirname(target), { ...file, path: target.slice(dirname(target).length + 1) });
  if (have === 0) {
    await deletePart(target);
    const state: z.infer<typeof partSchema> = { etag: contentHash.hex, commit, size: file.size };
    await writeFile(`${path}.json`, `${JSON.stringify(state)}\n`);
  }
  const handle = await open(path, have === 0 ? 'w+' : 'r+');
  try {
    const hash = startHash(contentHash, file.size);
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(have, 1)));
    for (let at = 0; at < have;) {
      throwIfCancelled(signal);
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, have - at), at);
      if (bytesRead === 0)
        throw new StrataError('CORRUPT', 'A file changes while it is being read.', {
          found: path,
          allowed: 'a file that nobody else writes to',
          hint: 'Is another program fetching the same model? Wait until it has ended, then start it again.',
        });
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return { handle, hash, have };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The bytes of a file from a position to its end.
 * @param restart called when the server begins at the first byte, whatever was asked for.
 */
async function* bytesFrom(
  connection: HubConnection,
  file: RepositoryFile,
  begin: number,
  { repository, commit, signal, limits }: FetchFileOptions,
  restart: () => Promise<void>,
): AsyncGenerator<Uint8Array, void> {
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const url = new URL(`${connection.endpoint}/${repository}/resolve/${commit}/${path}`);
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), limits.stallMs);
  const keepAlive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), limits.stallMs);
  };
  try {
    const response = await connection.get(url, {
      headers: begin > 0 ? { range: `bytes=${begin}-` } : {},
      signal: AbortSignal.any([signal, stalled.signal]),
      commit,
    });
    let at = response.status === 206 ? begin : 0;
    checkExtent(response, file, begin);
    if (begin > 0 && at === 0) await restart();
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      keepAlive();
      at += chunk.length;
      if (at > file.size) throw wrongSize(file, `more than ${file.size} bytes`);
      yield chunk;
    }
    if (at < file.size) {
      throw new NetworkError('The connection ended before the file did.', {
        found: `${at} of ${file.size} bytes of ${file.path}`,
        allowed: `all ${file.size}`,
        hint: 'What has arrived is kept: start the download again to go on from there.',
      });
    }
  } catch (error) {
    throw lostConnection(stalled.signal.aborted ? new Error(`nothing arrived for ${limits.stallMs / 1000} s`) : error, url.host);
  } finally {
    clearTimeout(timer);
  }
}

/** What the headers say of the answer's place in the file must be what was asked for. */
function checkExtent(response: Response, file: RepositoryFile, begin: number): void {
  if (response.status === 206) {
    const range = response.headers.get('content-range') ?? '';
    if (begin === 0 && range === '') return;
    const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range);
    if (match && Number(match[1]) === begin && Number(match[2]) < file.size && (match[3] === '*' || Number(match[3]) === file.size)) return;
    throw wrongSize(file, `a part "${range.slice(0, 80)}" where bytes from ${begin} were asked for`);
  }
  const length = response.headers.get('content-length');
  if (length !== null && !response.headers.has('content-encoding') && Number(length) !== file.size)
    throw wrongSize(file, `${length} bytes`);
}

function wrongSize(file: RepositoryFile, found: string): StrataError {
  return new StrataError('CORRUPT', 'The hub sends a file of another size than it lists.', {
    found: `${file.path}: ${found}`,
    allowed: `${file.size} bytes`,
    hint: 'Start the download again later. If it happens again, something between this machine and the hub changes files.',
  });
}

async function readPart(target: string): Promise<z.infer<typeof partSchema> | null> {
  try {
    return partSchema.parse(JSON.parse(await readFile(`${target}.incomplete.json`, 'utf8')));
  } catch {
    return null; // none, or half written: the file begins again
  }
}

async function deletePart(target: string): Promise<void> {
  await rm(`${target}.incomplete`, { force: true });
  await rm(`${target}.incomplete.json`, { force: true });
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() ? found.size : null;
}

function nameOf({ kind }: ContentHash): string {
  return kind === 'sha256' ? 'sha256' : 'git id';
}
