import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StrataError } from '../../../shared/errors.ts';

/** Where exports are written: into the user's own folders, so nothing there is overwritten, and nothing half-written stays. */

/** Where an export lies until it is complete: beside the user's own files, so it has a name that none of them has. */
export function unfinishedExport(destination: string): string {
  return `${resolve(destination)}.${randomUUID()}.partial`;
}

/**
 * Makes a folder that is either complete under its name or not there, with the folders above it. When `write` fails, everything that was
 * made is taken away again.
 * @param partial where it is written at first.
 * @param write fills `partial`; what it returns is returned.
 * @throws StrataError BAD_INPUT when the destination is a file or a folder with something in it.
 */
export async function writeExportFolder<Result>(destination: string, partial: string, write: () => Promise<Result>): Promise<Result> {
  const path = resolve(destination);
  await refuseOccupied(path);
  const made = await makeFolder(partial);
  try {
    const result = await write();
    // An empty folder makes room; one that was filled meanwhile does not.
    await rmdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(partial, path);
    return result;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Innermost first; one that somebody else put something into meanwhile stays.
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/**
 * Makes a file that is either complete under its name or not there, with the folders above it. When `write` fails, everything that was made
 * is taken away again.
 * @param partial a folder where it is written at first.
 * @param write makes the file of that name in `partial`.
 * @throws StrataError BAD_INPUT when something is at the destination.
 */
export async function writeExportFile<Result>(
  destination: string,
  partial: string,
  write: () => Promise<{ written: string; result: Result }>,
): Promise<Result> {
  const path = resolve(destination);
  await refuseExisting(path);
  const made = await makeFolder(partial);
  try {
    const { written, result } = await write();
    await refuseExisting(path); // renaming would replace what came meanwhile
    await rename(join(partial, written), path);
    await rm(partial, { recursive: true, force: true });
    return result;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    // Innermost first; one that somebody else put something into meanwhile stays.
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

async function refuseExisting(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error; // a file stands where a folder of the path should be
  });
  if (!info) return;
  throw new StrataError('BAD_INPUT', 'Something is at the destination already; nothing was overwritten.', {
    found: info.isDirectory() ? `a folder at ${path}` : `a file at ${path}`,
    allowed: 'the name of a file that does not exist yet, such as model.gguf',
    hint: 'Choose another name, or move away what is there.',
  });
}

/**
 * Makes a folder where the user asked for it, one level after the other: Node's own recursion never ends in places such as /proc.
 * @returns the folders that were not there, outermost first.
 */
export async function makeFolder(path: string): Promise<string[]> {
  const parent = dirname(path);
  const made = (await stat(parent).catch(() => null)) ? [] : await makeFolder(parent);
  try {
    await mkdir(path);
    return [...made, path];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return made;
    for (const folder of made.reverse()) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** @throws StrataError BAD_INPUT when something stands at a path where a folder is to be made. */
export async function refuseOccupied(path: string): Promise<void> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error; // a file stands where a folder of the path should be
  });
  if (!info) return;
  const entries = info.isDirectory() ? (await readdir(path)).length : null;
  if (entries === 0) return;
  throw new StrataError('BAD_INPUT', 'The destination is not empty; nothing was overwritten.', {
    found: entries === null ? `a file at ${path}` : `${path} with ${entries} ${entries === 1 ? 'entry' : 'entries'}`,
    allowed: 'a folder that does not exist yet, or an empty one',
    hint: 'Choose another folder, or move away what is there.',
  });
}

/** Bytes of the files directly in a folder. */
export async function folderBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isFile()) bytes += (await stat(join(directory, entry.name))).size;
  }
  return bytes;
}
