import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { livesStill, signOf } from '../training/process-sign.ts';

/** Folders that one program at a time may work in hold the sign of its process. */

export const OWNER_FILE = 'owner.pid';

/** Folders that this process works in, for several studios in one process. */
const ours = new Set<string>();

/** Makes this process the owner of a folder, which {@link isClaimed} must have said is free. Returns what gives it free again. */
export async function claim(directory: string): Promise<() => Promise<void>> {
  const path = resolve(directory);
  ours.add(path);
  const owner = join(path, OWNER_FILE);
  try {
    await mkdir(path, { recursive: true });
    await writeFile(owner, signOf(process.pid));
  } catch (error) {
    ours.delete(path);
    throw error;
  }
  return async () => {
    ours.delete(path);
    await rm(owner, { force: true });
  };
}

/** Whether somebody works in the folder now: another process, or another studio of this one. */
export async function isClaimed(directory: string): Promise<boolean> {
  if (ours.has(resolve(directory))) return true;
  const sign = await readFile(join(directory, OWNER_FILE), 'utf8').catch(() => '');
  return livesStill(sign) && sign !== signOf(process.pid);
}
