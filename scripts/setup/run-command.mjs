import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';

/** Output kept of a command that fails: enough for its last message. */
const KEPT_OUTPUT_CHARACTERS = 20_000;

/**
 * Runs a command to its end, never throwing: a missing program is a result like any other.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, onOutput?: (text: string) => void }} [options]
 * @returns {Promise<{ exitCode: number | null, stdout: string, output: string, isMissing: boolean, timedOut: boolean }>}
 *   `output` is stdout and stderr as they came, cut to its last part.
 */
export function runCommand(command, args, { cwd, env = process.env, timeoutMs, onOutput } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let stdout = '';
    let output = '';
    let timedOut = false;
    const timer = timeoutMs && setTimeout(() => ((timedOut = true), child.kill('SIGKILL')), timeoutMs);
    const collect = (/** @type {string} */ text) => {
      output = (output + text).slice(-KEPT_OUTPUT_CHARACTERS);
      onOutput?.(text);
    };
    child.stdout.setEncoding('utf8').on('data', (text) => ((stdout = (stdout + text).slice(-KEPT_OUTPUT_CHARACTERS)), collect(text)));
    child.stderr.setEncoding('utf8').on('data', collect);
    child.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      clearTimeout(timer || undefined);
      resolve({ exitCode: null, stdout, output: output + error.message, isMissing: error.code === 'ENOENT', timedOut });
    });
    child.on('close', (exitCode) => {
      clearTimeout(timer || undefined);
      resolve({ exitCode, stdout, output, isMissing: false, timedOut });
    });
  });
}

/** @param {string} output @param {number} [count] @returns {string[]} its last lines that say something, without colours */
export function lastLines(output, count = 4) {
  return stripVTControlCharacters(output)
    .split(/[\r\n]+/)
    .map((each) => each.trimEnd())
    .filter(Boolean)
    .slice(-count);
}
