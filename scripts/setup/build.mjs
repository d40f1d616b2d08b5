import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './paths.mjs';
import { secondsSince, SetupProblem } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/**
 * What vite builds: where its configuration lies, what it reads, what it makes.
 * @typedef {{ title: string, config: string, sources: string[], output: string }} Bundle
 */

/** @type {Bundle} */
export const RENDERER = {
  title: "the studio's pages",
  config: 'renderer/vite.config.ts',
  sources: ['renderer', 'shared', 'package-lock.json'],
  output: 'dist/renderer',
};
/** @type {Bundle} */
export const ELECTRON = {
  title: 'the desktop host',
  config: 'main/electron/vite.config.ts',
  sources: ['main', 'shared', 'package-lock.json'],
  output: 'dist/electron',
};

/**
 * Builds a bundle unless the last build was made from the same sources.
 * @param {import('./report.mjs').Report} report @param {string} node Node 24 @param {Bundle} bundle @param {{ root?: string }} [options]
 * @throws {SetupProblem} when the build fails
 */
export async function ensureBundle(report, node, bundle, { root = projectRoot } = {}) {
  if (!existsSync(join(root, bundle.config))) return report.alreadyDone(`${bundle.config} is not there: nothing to build`);
  const stampPath = join(root, `${bundle.output}.sources-sha256`);
  const wanted = fingerprint(root, bundle.sources);
  if (existsSync(join(root, bundle.output)) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === wanted) {
    return report.alreadyDone(`${bundle.output} is up to date`);
  }
  const startedAt = Date.now();
  report.start(`Building ${bundle.title}: about 10 seconds`);
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const env = { ...process.env, NO_COLOR: '1' };
  const { exitCode, output } = await runCommand(node, [vite, 'build', '--config', bundle.config, '--logLevel', 'warn'], { cwd: root, env });
  // The cause comes first, the bundler's own stack last.
  if (exitCode !== 0) throw new SetupProblem(`${bundle.title} could not be built:`, lastLines(output, Infinity).slice(0, 12));
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampPath, wanted);
  report.done(`built in ${secondsSince(startedAt)}`);
}

/**
 * Changes when a source is edited, added or removed. Sizes and times, not contents: this runs before every command.
 * @param {string} root @param {readonly string[]} sources files and folders @returns {string}
 */
export function fingerprint(root, sources) {
  const hash = createHash('sha256');
  for (const source of sources) {
    const path = join(root, source);
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
    const paths = isFolder ? readdirSync(path, { recursive: true }).map((name) => join(path, String(name))) : [path];
    for (const each of paths.sort()) {
      const found = statSync(each, { throwIfNoEntry: false });
      if (found?.isFile()) hash.update(`${each.slice(root.length)} ${found.size} ${found.mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}
