import { constants, copyFile, mkdir, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { HubReference } from './hub-reference.ts';
import { type ContentHash, placeOf, type RepositoryFile, startHash } from './repository-file.ts';

/**
 * The Python client's cache (huggingface_hub, "Understand caching"): models--ORG--NAME/ with refs/REVISION that names a commit,
 * snapshots/COMMIT/ with links, and blobs/ whose names are the hashes of what is in them.
 */

const COMMIT = /^[0-9a-f]{40}$/;

/** A repository as far as it was downloaded before by another program. */
export interface CachedRepository {
  commit: string;
  files: RepositoryFile[];
}

/** What the cache has of a repository at a revision; null when nothing. Names of files that only link out of it do not count. */
export async function readClientCache(cacheDirectory: string, { repository, revision }: HubReference): Promise<CachedRepository | null> {
  const folder = folderOf(cacheDirectory, repository);
  const named = await readFile(join(folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '');
  const commit = COMMIT.test(named.trim()) ? named.trim() : COMMIT.test(revision) ? revision : null;
  if (commit === null) return null;
  const snapshot = join(folder, 'snapshots', commit);
  const names = await readdir(snapshot, { recursive: true }).catch(() => null);
  if (!names) return null;
  const files: RepositoryFile[] = [];
  for (const name of names) {
    const found = await cachedFile(folder, join(snapshot, name));
    if (found) files.push({ path: name.split(sep).join('/'), ...found });
  }
  return { commit, files };
}

/**
 * Copies a file out of the cache, where it is there with the right content, to its place in a folder.
 * @returns whether it is there now.
 */
export async function takeFromCache(
  cacheDirectory: string,
  source: HubReference & { commit: string },
  file: RepositoryFile,
  directory: string,
): Promise<boolean> {
  const folder = folderOf(cacheDirectory, source.repository);
  const candidates = [
    placeOf(join(folder, 'snapshots', source.commit), file.path),
    ...(file.hash ? [join(folder, 'blobs', file.hash.hex)] : []),
  ];
  for (const candidate of candidates) {
    const found = await cachedFile(folder, candidate);
    if (found?.size !== file.size) continue;
    const target = placeOf(directory, file.path);
    const partial = `${target}.copy`;
    await mkdir(dirname(target), { recursive: true });
    try {
      await copyFile(await realpath(candidate), partial, constants.COPYFILE_FICLONE);
      if (file.hash && (await hashOf(partial, file.hash, file.size)) !== file.hash.hex) continue; // damaged: the hub has it whole
      await rename(partial, target);
      return true;
    } finally {
      await rm(partial, { force: true });
    }
  }
  return false;
}

function folderOf(cacheDirectory: string, repository: string): string {
  return join(cacheDirectory, `models--${repository.replace('/', '--')}`);
}

/** Size of a file of the cache, and what its blob's name says of its content; null when it is none, or links to elsewhere. */
async function cachedFile(folder: string, path: string): Promise<{ size: number; hash: ContentHash | null } | null> {
  try {
    const real = await realpath(path);
    const within = relative(await realpath(folder), real);
    if (within.startsWith('..') || within === real) return null;
    const found = await stat(real);
    if (!found.isFile()) return null;
    return { size: found.size, hash: basename(dirname(real)) === 'blobs' ? hashNamed(basename(real)) : null };
  } catch {
    return null;
  }
}

function hashNamed(name: string): ContentHash | null {
  if (/^[0-9a-f]{64}$/.test(name)) return { kind: 'sha256', hex: name };
  return /^[0-9a-f]{40}$/.test(name) ? { kind: 'git', hex: name } : null;
}

async function hashOf(path: string, kind: ContentHash, size: number): Promise<string> {
  const hash = startHash(kind, size);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) hash.update(chunk);
  });
  return hash.digest('hex');
}
