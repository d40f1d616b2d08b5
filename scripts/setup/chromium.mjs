import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lastLines, runCommand } from './run-command.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge'];
const MAC_APPLICATION = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * A Chromium for the browser tests: STRATA_CHROMIUM, else one in PATH.
 * @param {NodeJS.ProcessEnv} [environment] @returns {string | null}
 */
export function findChromium(environment = process.env) {
  const given = environment.STRATA_CHROMIUM;
  if (given) return existsSync(given) ? given : null;
  const folders = (environment.PATH ?? '').split(delimiter).filter(Boolean);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  return found ?? (existsSync(MAC_APPLICATION) ? MAC_APPLICATION : null);
}

/**
 * Installs Debian's Chromium where it is missing and this process may install it.
 * @param {import('./report.mjs').Report} report
 * @returns {Promise<{ executable: string } | { problem: string }>} `problem` says why the browser tests cannot run
 */
export async function ensureChromium(report) {
  const present = findChromium();
  if (present) return { executable: present };
  const advice = 'Install Chromium, or name one with STRATA_CHROMIUM.';
  if (process.env.STRATA_CHROMIUM) return { problem: `STRATA_CHROMIUM names ${process.env.STRATA_CHROMIUM}, which does not exist.` };
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { problem: `No Chromium was found, and only root may install one. ${advice}` };
  report.start("Installing Debian's Chromium for the browser tests: about 110 MB to fetch, 400 MB on disk");
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const onOutput = (/** @type {string} */ text) => report.progress(lastLines(text, 1)[0] ?? '');
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { exitCode, output, isMissing } = await runCommand('apt-get', args, { env, onOutput });
    if (isMissing) return { problem: `No Chromium was found, and there is no apt-get here to install it. ${advice}` };
    if (exitCode !== 0 && args[0] === 'install')
      return { problem: `apt-get could not install Chromium: ${lastLines(output, 2).join(' ')} ${advice}` };
  }
  const executable = findChromium();
  return executable ? { executable } : { problem: `apt-get installed no Chromium that could be found. ${advice}` };
}
