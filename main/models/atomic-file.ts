import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Node reads, writes and hashes less than 2 GiB at a time: more ends the process. */
export const MAX_TRANSFER_BYTES = 2 ** 30;

/**
 * Writes a file that is either complete under its name or not there: to a temporary name beside it, flushed to the disk, then
 * renamed, and the rename flushed too. On failure nothing is left behind.
 */
export async function writeAtomically(path: string, write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'w');
  try {
    await write(async (bytes) => {
      for (let written = 0; written < bytes.length;)
        written += (await file.write(bytes, written, Math.min(bytes.length - written, MAX_TRANSFER_BYTES))).bytesWritten;
    });
    await file.sync();
    await file.close();
    await rename(partial, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await file.close().catch(() => undefined); // already closed when the rename failed
    await rm(partial, { force: true });
    throw error;
  }
}

/** {@link writeAtomically} for a text that is at hand. */
export async function writeTextAtomically(path: string, text: string): Promise<void> {
  await writeAtomically(path, (append) => append(Buffer.from(text)));
}

/** Errors of systems that know no flushing of folders: Windows, and some network disks. */
const CANNOT_SYNC = ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'ENOSYS'];

/** Flushes a folder's names to the disk: until then a power cut may undo what was made, renamed or removed in it. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    if (!CANNOT_SYNC.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
