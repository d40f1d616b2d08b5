import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StrataError } from '../../shared/errors.ts';

/** Longer than any step and checkpoint take; then the process of that number is some other program. */
const WAIT_LIMIT_MS = 10 * 60_000;
const WAIT_INTERVAL_MS = 100;

/**
 * Makes this process the only trainer in a run's folder. A trainer whose studio was killed still ends its step and saves a
 * checkpoint; if the run is resumed meanwhile, the new trainer waits for it, or the two would mix their checkpoints.
 * @param onWait called once when there is somebody to wait for.
 * @returns what gives the folder free again; an empty one is removed.
 * @throws StrataError CONFLICT when the other does not end.
 */
export async function lockRun(runDirectory: string, onWait: () => void, waitLimitMs = WAIT_LIMIT_MS): Promise<() => Promise<void>> {
  const path = join(runDirectory, 'trainer.pid');
  const release = async (): Promise<void> => {
    await rm(path, { force: true });
    await rmdir(runDirectory).catch(() => undefined); // it holds a checkpoint
  };
  await mkdir(runDirectory, { recursive: true });
  const deadline = Date.now() + waitLimitMs;
  for (let hasWaited = false; ; hasWaited = true) {
    const sign = await readFile(path, 'utf8').catch(() => '');
    const owner = Number(sign.split(' ')[0]);
    if (owner === 0 || owner === process.pid || !(await isSameProcess(owner, sign))) break; // free, or left behind by one that was killed
    if (Date.now() > deadline) {
      throw new StrataError('CONFLICT', 'Another trainer still works on this run.', {
        found: `process ${owner}, according to ${path}`,
        hint: 'Wait until it has ended. If that process is no trainer, delete the file and resume the run.',
      });
    }
    if (!hasWaited) onWait();
    await delay(WAIT_INTERVAL_MS);
  }
  try {
    await writeFile(path, await signOf(process.pid));
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

/**
 * A process in a way that no later one shares: its id and, where the system tells it (Linux), when it was started. Ids are given again:
 * after a restart of a container, the next trainer or its studio easily has that of the last.
 */
export async function signOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // proc_pid_stat(5): field 22; fields are counted after the name, which may hold spaces.
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return started === undefined ? String(pid) : `${pid} ${started}`;
}

/** Whether the process of that id lives and is the one that left the sign. */
export async function isSameProcess(pid: number, sign: string): Promise<boolean> {
  return isAlive(pid) && (!sign.includes(' ') || sign === (await signOf(pid)));
}

/** Whether there is a process of that id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it lives, but is somebody else's
  }
}
