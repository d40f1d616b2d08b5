import { mkdir, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StrataError } from '../../../shared/errors.ts';
import { addShards, chooseFiles, type ChosenFiles } from './choose-files.ts';
import { readClientCache, takeFromCache } from './client-cache.ts';
import { type DownloadState, filesOf, readDownloadState, writeDownloadState } from './download-state.ts';
import { bytesPresent, fetchFile } from './fetch-file.ts';
import { HubConnection } from './hub-connection.ts';
import type { HubReference } from './hub-reference.ts';
import type { HubSettings } from './hub-settings.ts';
import { type DownloadProgress, ProgressMeter } from './progress-meter.ts';
import { checkRepositoryPath, placeOf, type RepositoryFile } from './repository-file.ts';
import { NetworkError, RETRY_LIMITS, type RetryLimits, throwIfCancelled, withRetries } from './retry.ts';

/** Files that are fetched at a time. */
const PARALLEL = 3;
/** More files than any model has: a listing without end is not read to it. */
const MOST_FILES = 20_000;
/** Kept free beside what is written. */
const SPARE_BYTES = 64 * 2 ** 20;

export interface DownloadRequest extends HubReference {
  /** A GGUF file, for a repository that holds several models. */
  file?: string;
  /** The download's own folder: see download-state.ts. */
  directory: string;
  settings: HubSettings;
  limits?: RetryLimits;
}

export interface DownloadOptions {
  signal: AbortSignal;
  onProgress: (progress: DownloadProgress) => void;
  /** Something that the user should know although it is no failure. */
  onNotice: (text: string) => void;
}

export interface DownloadedModel {
  /** What to import: a folder, or a GGUF file. */
  path: string;
  /** Where it came from, for the model's card. */
  source: string;
  bytes: number;
}

/**
 * Downloads what the model of a repository needs, at one commit. What an earlier attempt left is gone on with; files that the Python client's
 * cache has are taken from there. Everything was checked against the sizes and hashes of the repository's listing.
 * @throws StrataError: NETWORK and INTERRUPTED keep what has arrived.
 */
export async function downloadModel(request: DownloadRequest, options: DownloadOptions): Promise<DownloadedModel> {
  await mkdir(filesOf(request.directory), { recursive: true });
  const meter = new ProgressMeter(options.onProgress);
  const work = request.settings.isOffline ? takeOffline(request, meter) : download(request, meter, options);
  const state = await work.finally(() => meter.close());
  const files = filesOf(request.directory);
  return {
    path: state.gguf === null ? files : placeOf(files, state.gguf),
    source: `${request.repository}@${state.commit.slice(0, 12)} (hub)`,
    bytes: totalOf(state.files),
  };
}

async function download(request: DownloadRequest, meter: ProgressMeter, { signal, onNotice }: DownloadOptions): Promise<DownloadState> {
  const { settings, repository, revision, directory, limits = RETRY_LIMITS } = request;
  const { HUB_URL } = await client();
  const connection = new HubConnection({
    endpoint: settings.endpoint ?? HUB_URL,
    token: settings.token,
    repository,
    revision,
    stallMs: limits.stallMs,
  });
  const onWait = (text: string): void => meter.setWaiting(text);
  const ask = <Result>(work: () => Promise<Result>): Promise<Result> =>
    withRetries(() => asAnswer(work, signal), limits, { signal, onWait });

  meter.setActivity(`Looking at ${repository}`);
  const commit = await ask(() => findCommit(connection, request, signal));
  const before = await readDownloadState(directory);
  if (before && before.commit !== '' && before.commit !== commit) {
    onNotice(
      `${repository}@${revision} was changed since this download began (${before.commit.slice(0, 12)}, now ${commit.slice(0, 12)}): files that are the same are kept, others fetched anew.`,
    );
  }
  const listing = await ask(() => listRepository(connection, repository, commit, signal));
  const fetchOne = (file: RepositoryFile, stop: AbortSignal): Promise<void> =>
    obtain(connection, file, { request, commit, limits, signal: stop, meter, onWait });
  const chosen = await withShards(chooseFiles(listing, request.file), listing, directory, async (index) => {
    await forgetUnlessSame(directory, before, index);
    await fetchOne(index, signal);
  });
  const state: DownloadState = {
    schemaVersion: 1,
    repository,
    revision,
    file: request.file ?? null,
    commit,
    files: chosen.files,
    gguf: chosen.gguf?.path ?? null,
  };
  await tidy(directory, before, chosen.files);
  await writeDownloadState(directory, state);
  await checkFreeSpace(directory, chosen.files);
  meter.setTotal(totalOf(chosen.files));
  meter.setActivity(`Fetching ${chosen.files.length} files of ${repository}`);
  await allOf(chosen.files, signal, fetchOne);
  return state;
}

/** Large, and needed by nothing else: loaded with the first download. */
function client(): Promise<typeof import('@huggingface/hub')> {
  return import('@huggingface/hub');
}

/** The client reads answers as JSON and looks no closer: what is none is no hub's. */
async function asAnswer<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throwIfCancelled(signal);
    if (error instanceof StrataError) throw error;
    if (error instanceof SyntaxError || error instanceof z.ZodError || error instanceof TypeError || error instanceof RangeError) {
      const found =
        error instanceof z.ZodError ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : error.message;
      throw new StrataError('NETWORK', 'The answer is not that of a hub.', {
        found: found.slice(0, 300),
        hint: 'Is HF_ENDPOINT the address of a hub? A network that asks for a sign-in page answers so, too.',
        cause: error,
        allowed: 'what a Hugging Face hub says of a repository',
      });
    }
    throw new NetworkError('The connection was lost.', {
      found: error instanceof Error ? error.message : String(error),
      allowed: 'a connection to the hub',
      hint: 'Start it again: what has arrived is kept.',
      cause: error,
    });
  }
}

const hexSchema = (length: number): z.ZodType<string> => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`));
const commitSchema = hexSchema(40);
const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0),
  oid: z.string().optional(),
  lfs: z.object({ oid: z.string(), size: z.int().min(0) }).optional(),
});

async function findCommit(connection: HubConnection, { repository, revision }: HubReference, signal: AbortSignal): Promise<string> {
  const { modelInfo } = await client();
  const info = await modelInfo({
    name: repository,
    revision,
    hubUrl: connection.endpoint,
    additionalFields: ['sha'],
    fetch: connection.fetchFor(signal),
  });
  return commitSchema.parse(info.sha);
}

async function listRepository(
  connection: HubConnection,
  repository: string,
  commit: string,
  signal: AbortSignal,
): Promise<RepositoryFile[]> {
  const { listFiles } = await client();
  const files: RepositoryFile[] = [];
  const entries = listFiles({
    repo: { type: 'model', name: repository },
    recursive: true,
    revision: commit,
    hubUrl: connection.endpoint,
    fetch: connection.fetchFor(signal),
  });
  let seen = 0;
  for await (const entry of entries) {
    if (++seen > MOST_FILES) {
      throw new StrataError('UNSUPPORTED', 'The repository has too many files for one model.', {
        found: `more than ${MOST_FILES}`,
        allowed: `up to ${MOST_FILES} files`,
        hint: 'Choose a repository that holds one model.',
      });
    }
    if (entry.type !== 'file') continue;
    const { path, size, oid, lfs } = entrySchema.parse(entry);
    const hash = lfs
      ? { kind: 'sha256' as const, hex: hexSchema(64).parse(lfs.oid.replace(/^sha256:/, '')) }
      : { kind: 'git' as const, hex: hexSchema(40).parse(oid) };
    files.push({ path, size: lfs?.size ?? size, hash });
  }
  return files;
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Completes a choice whose weights are named in an index, which has to be fetched first. Every name is checked. */
async function withShards(
  chosen: ChosenFiles,
  listing: readonly RepositoryFile[],
  directory: string,
  fetchIndex: (index: RepositoryFile) => Promise<void>,
): Promise<ChosenFiles> {
  let complete = chosen;
  if (chosen.index) {
    await fetchIndex(chosen.index);
    const text = await readFile(placeOf(filesOf(directory), chosen.index.path), 'utf8');
    complete = addShards(chosen, listing, parseIndex(text, chosen.index.path));
  }
  const places = new Set<string>();
  for (const { path } of complete.files) {
    checkRepositoryPath(path);
    if (places.has(path.toLowerCase())) {
      throw new StrataError('CORRUPT', 'Two files of the repository would lie in one place.', {
        found: path,
        allowed: 'names that differ in more than large and small letters',
        hint: 'Try another revision, or another repository of the same model.',
      });
    }
    places.add(path.toLowerCase());
  }
  return complete;
}

function parseIndex(text: string, path: string): Record<string, string> {
  try {
    return indexSchema.parse(JSON.parse(text)).weight_map;
  } catch (error) {
    throw new StrataError('CORRUPT', 'The index of the weights cannot be read.', {
      found: path,
      allowed: 'JSON with a weight_map of names of tensors to names of files',
      cause: error,
      hint: 'Try another revision, or another repository of the same model.',
    });
  }
}

interface Obtaining {
  request: DownloadRequest;
  commit: string;
  limits: RetryLimits;
  signal: AbortSignal;
  meter: ProgressMeter;
  onWait: (text: string) => void;
}

/** A file that is there, else from the cache, else from the hub. */
async function obtain(
  connection: HubConnection,
  file: RepositoryFile,
  { request, commit, limits, signal, meter, onWait }: Obtaining,
): Promise<void> {
  const files = filesOf(request.directory);
  const have = await bytesPresent(files, file);
  meter.setFile(file.path, have, false);
  if (have === file.size && (await isThere(files, file))) return;
  const source = { repository: request.repository, revision: request.revision, commit };
  if (have === 0 && (await takeFromCache(request.settings.cacheDirectory, source, file, files))) {
    return meter.setFile(file.path, file.size, false);
  }
  const onBytes = (now: number): void => meter.setFile(file.path, now, now > have);
  await fetchFile(connection, file, { repository: request.repository, commit, directory: files, limits, signal, onBytes, onWait });
}

/** Does work for all files, a few at a time; the first failure stops the others, which are waited for. */
async function allOf(
  files: readonly RepositoryFile[],
  signal: AbortSignal,
  work: (file: RepositoryFile, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const waiting = [...files];
  let failure: { error: unknown } | null = null;
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file && !failure; file = waiting.shift()) {
      try {
        await work(file, either);
      } catch (error) {
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  throwIfCancelled(signal);
  if (failure) throw (failure as { error: unknown }).error;
}

/** Deletes a complete file unless an earlier attempt checked it against the same hash. The index of the weights is looked at before the rest. */
async function forgetUnlessSame(directory: string, before: DownloadState | null, file: RepositoryFile): Promise<void> {
  const isSame = before?.files.some(({ path, hash }) => path === file.path && hash !== null && hash.hex === file.hash?.hex) ?? false;
  if (!isSame) await rm(placeOf(filesOf(directory), file.path), { force: true });
}

/** Deletes what lies in the folder and is not wanted, or not known to be what is wanted; a part says itself what it belongs to. */
async function tidy(directory: string, before: DownloadState | null, wanted: readonly RepositoryFile[]): Promise<void> {
  for (const file of wanted) if (!file.path.endsWith('.index.json')) await forgetUnlessSame(directory, before, file);
  const kept = new Set(
    wanted.map(({ path }) => placeOf(filesOf(directory), path)).flatMap((path) => [path, `${path}.incomplete`, `${path}.incomplete.json`]),
  );
  for (const entry of await readdir(filesOf(directory), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !kept.has(path)) await rm(path, { force: true });
  }
}

/** What is missing, and the model in the workspace beside it, must fit. */
async function checkFreeSpace(directory: string, files: readonly RepositoryFile[]): Promise<void> {
  const present = await presentBytes(directory, files);
  const needed = totalOf(files) - present + totalOf(files) + SPARE_BYTES;
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new StrataError('NO_SPACE', 'The disk has no room for this model.', {
    found: `${gigabytes(free)} free in ${directory}`,
    allowed: `at least ${gigabytes(needed)}: ${gigabytes(totalOf(files) - present)} to fetch, and as much as the model has for its place in the workspace`,
    hint: 'Free some space, or use a workspace on another disk (--home).',
  });
}

async function presentBytes(directory: string, files: readonly RepositoryFile[]): Promise<number> {
  let present = 0;
  for (const file of files) present += await bytesPresent(filesOf(directory), file);
  return present;
}

/** What is on this machine already: an own download that is complete, else the Python client's cache. */
async function takeOffline(request: DownloadRequest, meter: ProgressMeter): Promise<DownloadState> {
  const { directory, settings, repository, revision } = request;
  const own = await readDownloadState(directory);
  const missing = own ? await missingFiles(directory, own.files) : [];
  if (own && own.files.length > 0 && missing.length === 0) return own;
  meter.setActivity(`Looking for ${repository} on this machine`);
  const cached = await readClientCache(settings.cacheDirectory, request);
  if (!cached) throw notHere(request, missing.length > 0 ? `a download that lacks ${missing.join(', ')}` : 'nothing of it');
  const source = { repository, revision, commit: cached.commit };
  const take = async (file: RepositoryFile): Promise<void> => {
    if (!(await isThere(filesOf(directory), file)) && !(await takeFromCache(settings.cacheDirectory, source, file, filesOf(directory)))) {
      throw notHere(request, `a damaged ${file.path} in ${settings.cacheDirectory}`);
    }
    meter.setFile(file.path, file.size, false);
  };
  let chosen: ChosenFiles;
  try {
    chosen = await withShards(chooseFiles(cached.files, request.file), cached.files, directory, async (index) => {
      await forgetUnlessSame(directory, own, index);
      await take(index);
    });
  } catch (error) {
    if (!(error instanceof StrataError) || error.code === 'BAD_INPUT') throw error;
    throw notHere(request, `in ${settings.cacheDirectory}: ${[error.message, error.found].filter(Boolean).join(' ')}`);
  }
  await tidy(directory, own, chosen.files);
  meter.setTotal(totalOf(chosen.files));
  for (const file of chosen.files) await take(file);
  const state: DownloadState = {
    schemaVersion: 1,
    repository,
    revision,
    file: request.file ?? null,
    commit: cached.commit,
    files: chosen.files,
    gguf: chosen.gguf?.path ?? null,
  };
  await writeDownloadState(directory, state);
  return state;
}

/** Of a download, the files that are not there yet, with what is missing of them. */
async function missingFiles(directory: string, files: readonly RepositoryFile[]): Promise<string[]> {
  const missing: string[] = [];
  for (const file of files) {
    if (await isThere(filesOf(directory), file)) continue;
    const have = await bytesPresent(filesOf(directory), file);
    missing.push(`${file.path} (${have} of ${file.size} bytes are there)`);
  }
  return missing;
}

function notHere({ repository, revision, settings }: DownloadRequest, found: string): StrataError {
  return new StrataError('NOT_FOUND', 'The model is not on this machine, and nothing may be fetched.', {
    found,
    allowed: `a complete download of ${repository}@${revision}, or one of the Python client in ${settings.cacheDirectory}`,
    hint: 'Leave --offline (or HF_HUB_OFFLINE) out once to fetch it.',
  });
}

async function isThere(files: string, { path, size }: RepositoryFile): Promise<boolean> {
  return (await stat(placeOf(files, path)).catch(() => null))?.size === size;
}

function totalOf(files: readonly RepositoryFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function gigabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
