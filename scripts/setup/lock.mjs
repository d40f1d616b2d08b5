import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';

const REFRESH_MS = 5_000;
/** A lock not refreshed for this long belongs to a set-up that died (or to a machine that is gone). */
const STALE_MS = 60_000;

/**
 * Runs `work` while holding a lock file, so that two set-ups (two checkouts share one engine folder) never build at once.
 * @template T
 * @param {string} path @param {() => void} onWait called once when somebody else holds the lock @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, onWait, work) {
  await mkdir(dirname(path), { recursive: true });
  for (let hasWaited = false; !(await tryLock(path)); hasWaited = true) {
    if (!hasWaited) onWait();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const timer = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), REFRESH_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await rm(path, { force: true });
  }
}

/** @param {string} path @returns {Promise<boolean>} */
async function tryLock(path) {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
  }
  try {
    const [{ mtimeMs }, owner] = await Promise.all([stat(path), readFile(path, 'utf8')]);
    const isHeld = Date.now() - mtimeMs <= STALE_MS && (!owner || isAlive(Number(owner)));
    if (isHeld) return false;
    await rm(path, { force: true });
  } catch {
    // it was released meanwhile
  }
  return tryLock(path);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
