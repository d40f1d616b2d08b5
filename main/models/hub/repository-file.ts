import { createHash, type Hash } from 'node:crypto';
import { join } from 'node:path';
import { StrataError } from '../../../shared/errors.ts';

/** What a file's content must be: a sha256 of a large file (LFS), or the id that git gives to a small one. */
export interface ContentHash {
  kind: 'sha256' | 'git';
  hex: string;
}

/** A file of a repository, as its listing says. */
export interface RepositoryFile {
  /** From the root of the repository, with slashes. */
  path: string;
  size: number;
  /** Null only for files of the Python client's cache where that does not tell it. */
  hash: ContentHash | null;
}

/**
 * Refuses a name that would lie anywhere but below the folder it is written to, on any system: names come from whoever made the repository.
 * @throws StrataError CORRUPT.
 */
export function checkRepositoryPath(path: string): void {
  const isPossible =
    path.length > 0 &&
    path.length <= 512 &&
    !/[\\:*?"<>|%\p{Cc}]/u.test(path) &&
    path
      .split('/')
      .every((part) => part !== '' && part !== '.' && part !== '..' && !/[. ]$/.test(part) && !/\.incomplete(\.json)?$/.test(part));
  if (isPossible) return;
  throw new StrataError('CORRUPT', 'A file of the repository has a name that is not possible.', {
    found: JSON.stringify(path.slice(0, 200)),
    allowed: 'names of files and folders below the repository, without .., backslashes, colons or % escapes',
    hint: 'Do not use this repository, or ask its owner to rename the file.',
  });
}

/** Where a file of a repository lies below a folder. */
export function placeOf(directory: string, path: string): string {
  checkRepositoryPath(path);
  return join(directory, ...path.split('/'));
}

/** A hash to be fed with a file's content in order. */
export function startHash({ kind }: ContentHash, size: number): Hash {
  // git hash-object: a header with the size, then the content.
  return kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}
