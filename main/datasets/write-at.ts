import type { FileHandle } from 'node:fs/promises';

/** Writes all bytes at a position: a disk that fills up takes a part of what it is given before it refuses the rest. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
