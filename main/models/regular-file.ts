import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { StrataError } from '../../shared/errors.ts';

/** Files of models come from strangers: a pipe would be waited for without end, and a link may lead to what is none of theirs. */

/**
 * Opens a file for reading, and nothing else: neither a folder, nor a pipe, a socket or a device, none of which is waited for.
 * @throws StrataError BAD_INPUT, saying what lies there instead of a file.
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  refuseIrregular(path, await stat(path)); // before it is opened: opening a device may do something
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    refuseIrregular(path, await file.stat()); // what was there a moment ago may have been replaced
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Looks at a file of a model's folder before it is read: it must be a file, in the folder itself or, in a folder of Hugging Face's cache,
 * in the store that the cache's links lead to.
 * @returns the file's size, or null when there is none of that name.
 * @throws StrataError BAD_INPUT for anything else than a file, a link out of the folder, or more than `maxBytes`; NOT_FOUND for a link to
 * nothing.
 */
export async function sizeOfFile(directory: string, name: string, maxBytes = Number.MAX_SAFE_INTEGER): Promise<number | null> {
  const path = join(directory, name);
  const entry = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!entry) return null;
  if (entry.isSymbolicLink()) await refuseLinkOutside(directory, path);
  const found = entry.isSymbolicLink() ? await stat(path) : entry;
  refuseIrregular(path, found);
  if (found.size > maxBytes) {
    throw new StrataError('CORRUPT', `${name} is larger than such a file can be.`, {
      found: `${found.size} bytes`,
      allowed: `up to ${maxBytes} bytes`,
      hint: `${name} must be the one that was saved with the model: download or copy it again.`,
    });
  }
  return found.size;
}

/** The text of a small file of a model's folder, null when there is none: see {@link sizeOfFile}. */
export async function readTextFile(directory: string, name: string, maxBytes: number): Promise<string | null> {
  return (await sizeOfFile(directory, name, maxBytes)) === null ? null : readFile(join(directory, name), 'utf8');
}

function refuseIrregular(path: string, found: Stats): void {
  if (found.isFile()) return;
  throw new StrataError('BAD_INPUT', `${path} is not a file.`, {
    found: kindOf(found),
    allowed: 'a file',
    hint: 'Put the file itself there.',
  });
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

async function refuseLinkOutside(directory: string, path: string): Promise<void> {
  const root = await realpath(directory);
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    throw new StrataError('CORRUPT', `${path} is a link to a file that is not there.`, {
      found: error.code === 'ELOOP' ? 'links that lead to each other' : error.message,
      hint: 'Download the model again.',
      cause: error,
      allowed: 'a file, or a link to one',
    });
  });
  const store = cacheStore(root);
  if (target.startsWith(root + sep) || (store !== null && target.startsWith(store + sep))) return;
  throw new StrataError('BAD_INPUT', `${path} is a link out of the model's folder.`, {
    found: `a link to ${target}`,
    allowed: store === null ? 'files of the folder itself' : `files of the folder itself and of ${store}`,
    hint: 'If the file belongs to the model, put a copy of it in the place of the link.',
  });
}

/** In Hugging Face's cache the files of `models--OWNER--NAME/snapshots/REVISION` are links into `models--OWNER--NAME/blobs`. */
function cacheStore(root: string): string | null {
  const [snapshots, model] = [dirname(root), dirname(dirname(root))];
  return basename(snapshots) === 'snapshots' && basename(model).startsWith('models--') ? join(model, 'blobs') : null;
}
