import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './paths.mjs';
import { lastLines, runCommand } from './run-command.mjs';

const INSTALL_TIMEOUT_MS = 180_000;
const EXECUTABLES = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' };

/**
 * Electron's executable. It is not part of the npm package: its own installer fetches it, which is tried once.
 * @param {import('./report.mjs').Report} report @param {string} node Node 24
 * @param {{ root?: string, environment?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ executable: string } | { problem: string }>} `problem` says why there is none and how to get it
 */
export async function findElectron(report, node, { root = projectRoot, environment = process.env } = {}) {
  const name = EXECUTABLES[/** @type {'darwin' | 'win32'} */ (process.platform)] ?? 'electron';
  const given = environment.ELECTRON_OVERRIDE_DIST_PATH;
  if (given) {
    const executable = join(given, name);
    return existsSync(executable) ? { executable } : { problem: `ELECTRON_OVERRIDE_DIST_PATH names ${given}, where there is no ${name}.` };
  }
  const folder = join(root, 'node_modules', 'electron');
  const executable = join(folder, 'dist', name);
  // Electron's installer writes path.txt last.
  const isInstalled = () => existsSync(join(folder, 'path.txt')) && existsSync(executable);
  if (isInstalled()) return { executable };
  const advice = '"npx install-electron --no" fetches it, ELECTRON_OVERRIDE_DIST_PATH names a folder that has it.';
  const triedPath = join(folder, '.strata-install-tried');
  if (existsSync(triedPath)) return { problem: `Electron could not be fetched earlier (${readFileSync(triedPath, 'utf8')}). ${advice}` };
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  report.start(`Fetching Electron ${version} with its own installer: about 120 MB, at most ${INSTALL_TIMEOUT_MS / 60_000} minutes`);
  const { output, timedOut } = await runCommand(node, [join(folder, 'install.js')], { cwd: root, timeoutMs: INSTALL_TIMEOUT_MS });
  if (isInstalled()) {
    report.done('fetched');
    rmSync(triedPath, { force: true });
    return { executable };
  }
  const message = lastLines(output, 50)
    .find((each) => /error|ENOTFOUND|ECONN|status/i.test(each))
    ?.trim();
  const reason = timedOut ? 'it took too long' : (message ?? 'its installer failed');
  writeFileSync(triedPath, reason);
  return { problem: `Electron could not be fetched (${reason}). ${advice}` };
}

/**
 * Why no window can be opened here, or null. Chromium's sandbox, which the desktop studio never switches off, refuses root.
 * @param {{ platform?: NodeJS.Platform, environment?: NodeJS.ProcessEnv, userId?: number }} [machine] @returns {string | null}
 */
export function whyNoWindow({ platform = process.platform, environment = process.env, userId = process.getuid?.() } = {}) {
  if (platform !== 'linux') return null;
  if (!environment.DISPLAY && !environment.WAYLAND_DISPLAY) return 'There is no display here.';
  return userId === 0 ? "Electron's sandbox does not run as root." : null;
}
