import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { SourceFile } from '../source-file.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { explain } from './explain.ts';

/** Bytes read at once: large enough that a call costs nothing beside them. */
const CHUNK_BYTES = 256 * 1024;

/**
 * A file on the disk. Its name keeps compression endings: `unpacked` takes them off.
 * @param bytes its size where it is known.
 * @param onBytes hears how many bytes were read, each time.
 */
export function diskFile(path: string, bytes: number | null = null, onBytes: (bytes: number) => void = () => undefined): SourceFile {
  return {
    path,
    name: basename(path),
    bytes,
    open: () => bytesOf(path, onBytes, bytes !== null),
    onDisk: () => inPlace(path, bytes !== null),
  };
}

async function* bytesOf(path: string, onBytes: (bytes: number) => void, wasFound: boolean): AsyncIterable<Uint8Array> {
  const file = await openRegular(path, wasFound);
  try {
    const before = await file.stat();
    let read = 0;
    for (;;) {
      const { buffer, bytesRead } = await readChunk(file);
      if (bytesRead === 0) break;
      read += bytesRead;
      onBytes(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
    if (read !== before.size) throw new UnreadableFile(CHANGED);
    await refuseChanged(path, before);
  } finally {
    await file.close();
  }
}

/** A file that something still writes to may have been read half old, half new. */
const CHANGED = 'The file changed while it was read. Import it again when nothing writes to it.';

/** A pipe or a device would be read without end, or never answer. */
async function openRegular(path: string, wasFound: boolean): Promise<FileHandle> {
  await statRegular(path, wasFound);
  try {
    return await open(path, 'r');
  } catch (error) {
    throw explain(error);
  }
}

async function statRegular(path: string, wasFound: boolean): Promise<Stats> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (error) {
    if (wasFound && (error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UnreadableFile('The file vanished after it was found, before it could be read.');
    throw explain(error);
  }
  if (found.isDirectory()) throw new UnreadableFile('It is not a file.');
  if (!found.isFile()) throw new UnreadableFile('It is not an ordinary file but a pipe, a socket or a device.');
  return found;
}

async function readChunk(file: FileHandle): Promise<{ buffer: Buffer; bytesRead: number }> {
  try {
    // A new one each time: readers keep parts of what they were given.
    return await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
  } catch (error) {
    throw explain(error);
  }
}

async function refuseChanged(path: string, before: Stats): Promise<void> {
  const after = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UnreadableFile('The file vanished while it was read.');
    throw explain(error);
  });
  const isSame = after.size === before.size && after.mtimeMs === before.mtimeMs && after.ino === before.ino;
  if (!isSame) throw new UnreadableFile(CHANGED);
}

async function inPlace(path: string, wasFound: boolean): Promise<{ path: string; release(): Promise<void> }> {
  const before = await statRegular(path, wasFound);
  return { path, release: () => refuseChanged(path, before) };
}
