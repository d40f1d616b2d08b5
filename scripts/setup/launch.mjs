import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './paths.mjs';

/** A second Ctrl-C within this time is the same key press, arriving by another way. */
const SAME_SIGNAL_MS = 500;
const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']);

/**
 * Runs Node 24 on a program as if it were this process: same working directory, streams, signals and exit code.
 *
 * A terminal sends Ctrl-C to every process of the foreground group, and npm passes it on once more; a program that saves its work on the
 * first and gives up on the second must get exactly one. So the child has a group of its own and hears signals from here only.
 * @param {string} node @param {readonly string[]} args @param {{ preload?: boolean, cwd?: string }} [options]
 *   `preload` false for a program that is not plain Node and so cannot be told to end with this process
 * @returns {Promise<number>} the exit code; 128 + n when signal n ended the program
 */
export function launch(node, args, { preload = true, cwd } = {}) {
  const hasGroups = process.platform !== 'win32'; // Windows gives a detached child another console window
  const followParent = preload && hasGroups ? ['--import', new URL('./follow-parent.mjs', import.meta.url).href] : [];
  // Compiled code is kept between commands: it is half of the time that a short one takes.
  const compiled = preload && !process.env.NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE: join(projectRoot, '.cache', 'compiled') } : {};
  const env = { ...process.env, ...compiled, STRATA_PARENT_PID: String(process.pid) };
  const child = spawn(node, [...followParent, ...args], { stdio: 'inherit', detached: hasGroups, env, cwd });
  const lastSentAt = new Map();
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!hasGroups) return; // the console has told the child already
      const now = Date.now();
      if (now - (lastSentAt.get(signal) ?? -Infinity) < SAME_SIGNAL_MS) return;
      lastSentAt.set(signal, now);
      child.kill(signal);
    });
  }
  if (hasGroups) {
    process.on('SIGWINCH', () => child.kill('SIGWINCH'));
    process.on('SIGTSTP', () => {
      child.kill('SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    });
    process.on('SIGCONT', () => child.kill('SIGCONT'));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 1)));
  });
}
