import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Writes bytes into a file of their own, which `release` deletes; nothing is left where they cannot be read to their end.
 * @param folder where, by default the system's folder for temporary files.
 * @throws the bytes' own error, or the system's (a full disk).
 */
export async function temporaryCopy(
  bytes: AsyncIterable<Uint8Array>,
  folder: string = tmpdir(),
): Promise<{ path: string; release(): Promise<void> }> {
  const directory = await mkdtemp(join(folder, 'strata-member-'));
  const path = join(directory, 'member');
  const release = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const file = await open(path, 'wx');
    try {
      for await (const chunk of bytes) await file.writeFile(chunk);
    } finally {
      await file.close();
    }
    return { path, release };
  } catch (error) {
    await release();
    throw error;
  }
}
