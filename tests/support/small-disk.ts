import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk in memory that is easily filled. Unmount it in every case. */
export interface SmallDisk {
  readonly path: string;
  /** From now on nothing can be written to it. */
  makeReadOnly(): void;
  unmount(): void;
}

/** @param size as mount's option takes it, such as `64k`. */
export function mountSmallDisk(size: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'strata-disk-'));
  const run = (command: string, ...values: string[]): void => void execFileSync(command, values, { stdio: 'ignore' });
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path);
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  return {
    path,
    makeReadOnly: () => run('mount', '-o', 'remount,ro', path),
    unmount: () => {
      run('umount', path);
      rmdirSync(path);
    },
  };
}

/** Mounting needs Linux and its root user; elsewhere tests that fill a disk are skipped. */
export const canMountDisks = ((): boolean => {
  try {
    mountSmallDisk('16k').unmount();
    return true;
  } catch {
    return false;
  }
})();
