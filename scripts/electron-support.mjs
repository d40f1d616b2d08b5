#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from './setup/paths.mjs';
import { lastLines, runCommand } from './setup/run-command.mjs';

/**
 * `npm run electron-support`: whether Electron's makers still mend the version of package.json, item 16 of docs/security-electron.md. Asks npm's
 * registry for the newest one, so it is no part of `npm test`; to be run before each release. Ends with 0 when it is mended, 1 when it is not, 2
 * when nobody answered.
 */

/** Electron's makers mend this many of the newest major versions. */
const MENDED_MAJORS = 3;
const LIMIT_MS = 60_000;
const EXACT = /^(\d+)\.(\d+)\.(\d+)$/;

/** The version of Electron that package.json names. */
export function ownElectron() {
  /** @type {{ devDependencies: Record<string, string> }} */
  const { devDependencies } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  return devDependencies.electron ?? '';
}

/**
 * @param {string} own @param {string} newest
 * @returns {{ isMended: boolean, words: string }}
 */
export function judgeElectron(own, newest) {
  const [ours, latest] = [EXACT.exec(own), EXACT.exec(newest)];
  if (!ours) return { isMended: false, words: `package.json names Electron "${own}", which is no exact version.` };
  if (!latest) throw new Error(`"${newest}" is no version.`);
  const behind = Number(latest[1]) - Number(ours[1]);
  if (behind >= MENDED_MAJORS)
    return { isMended: false, words: `Electron ${own} is no longer mended: the newest is ${newest}, and ${MENDED_MAJORS} majors are.` };
  const isNewest = own === newest || behind < 0;
  return { isMended: true, words: `Electron ${own} is mended.${isNewest ? '' : ` The newest is ${newest}.`}` };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { stdout, output, exitCode } = await runCommand('npm', ['view', 'electron', 'version'], { cwd: projectRoot, timeoutMs: LIMIT_MS });
  const newest = stdout.trim();
  if (exitCode !== 0 || !EXACT.test(newest)) {
    process.stderr.write(`The newest version of Electron could not be asked for: ${lastLines(output).join(' ')}\n`);
    process.exitCode = 2;
  } else {
    const { isMended, words } = judgeElectron(ownElectron(), newest);
    process.stdout.write(`${words}\n`);
    process.exitCode = isMended ? 0 : 1;
  }
}
