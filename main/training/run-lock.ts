import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StrataError } from '../../shared/errors.ts';
import { livesStill, signOf } from './process-sign.ts';

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
  const deadline = performance.now() + waitLimitMs;
  for (let hasWaited = false; ; hasWaited = true) {
    const sign = await readFile(path, 'utf8').catch(() => '');
    const owner = Number(sign.split(' ')[0]);
    if (owner === 0 || owner === process.pid || !livesStill(sign)) break; // free, or left behind by one that was killed
    if (performance.now() > deadline) {
      throw new StrataError('CONFLICT', 'Another trainer still works on this run.', {
        found: `process ${owner}, according to ${path}`,
        hint: 'Wait until it has ended. If that process is no trainer, delete the file and resume the run.',
      });
    }
    if (!hasWaited) onWait();
    await delay(WAIT_INTERVAL_MS);
  }
  try {
    await writeFile(path, signOf(process.pid));
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}
