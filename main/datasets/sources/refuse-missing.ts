import { stat } from 'node:fs/promises';
import { StrataError } from '../../../shared/errors.ts';
import { READABLE } from '../readers/formats.ts';

/**
 * A path that was given and is not there is a slip: nothing is imported, rather than less than was meant.
 * @throws StrataError NOT_FOUND.
 */
export async function refuseMissing(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
      throw new StrataError('NOT_FOUND', 'There is no such file or folder; nothing was imported.', {
        found: path,
        allowed: READABLE,
        hint: 'Check its spelling, or connect the disk that it is on.',
      });
    });
  }
}
