/**
 * Preloaded into the program that launch.mjs starts: ends it when its launcher is gone without a word (killed, or its window
 * lost), because a program in a group of its own would otherwise go on unseen.
 */
const CHECK_INTERVAL_MS = 1_000;
const parent = Number(process.env.STRATA_PARENT_PID);
delete process.env.STRATA_PARENT_PID;
if (parent) {
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, CHECK_INTERVAL_MS).unref();
}
