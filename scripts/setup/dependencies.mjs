import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { withLock } from './lock.mjs';
import { findNode24, nodePackageName, projectRoot } from './paths.mjs';
import { secondsSince, SetupProblem } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** What `npm ci` fetches and unpacks on Linux x64, measured; most of it is Node 24, Electron's tools and the TypeScript compiler. */
const SIZE_TEXT = 'about 290 MB to fetch, 840 MB on disk';

/**
 * Installs exactly what the lock file says, without any package's install script.
 * @param {import('./report.mjs').Report} report
 * @param {{ root?: string }} [options]
 * @returns {Promise<{ executable: string, headers: string }>} the Node that runs the product
 * @throws {SetupProblem} when it cannot be done: nothing works without the dependencies
 */
export async function ensureDependencies(report, { root = projectRoot } = {}) {
  if (isInstalled(root)) {
    report.alreadyDone('npm dependencies are those of the lock file');
  } else {
    await withLock(
      join(root, '.cache', 'setup.lock'),
      () => report.start('Waiting for another set-up of this checkout'),
      async () => {
        if (!isInstalled(root)) await install(root, report);
      },
    );
  }
  const node = findNode24(root);
  if (node) return node;
  throw new SetupProblem(`Strata runs on Node 24, and there is no package with it for ${process.platform} ${process.arch}.`, [
    'Install Node 24 or later and run this command again.',
  ]);
}

/**
 * Whether node_modules holds what package-lock.json asks for. The answer of a full comparison is kept as a stamp.
 * @param {string} root @returns {boolean}
 */
export function isInstalled(root) {
  const stampPath = join(root, 'node_modules', '.strata-lock-sha256');
  const lockText = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lockText).digest('hex');
  try {
    if (readFileSync(stampPath, 'utf8') === wanted) return true;
  } catch {
    // no stamp: compare
  }
  if (!hasAllPackages(root, JSON.parse(lockText.toString()).packages)) return false;
  writeFileSync(stampPath, wanted);
  return true;
}

/** @param {string} root @param {Record<string, { integrity?: string, optional?: boolean }>} wanted */
function hasAllPackages(root, wanted) {
  try {
    // npm writes this file last, so it does not exist after an interrupted installation.
    const { packages } = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'));
    return Object.entries(wanted).every(([path, { integrity, optional }]) => {
      if (path === '') return true;
      const isNeeded = !optional || path === `node_modules/${nodePackageName()}`;
      return packages[path]?.integrity === integrity ? existsSync(join(root, path)) || !isNeeded : !isNeeded && !packages[path];
    });
  } catch {
    return false;
  }
}

/** @param {string} root @param {import('./report.mjs').Report} report */
async function install(root, report) {
  const packages = Object.values(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages);
  const count = packages.filter((each) => !each.optional).length - 1;
  const startedAt = Date.now();
  report.start(`Installing npm dependencies from the lock file: ${count} packages, ${SIZE_TEXT}`);
  const { command, args } = npmCommand();
  let fetched = 0;
  const { exitCode, output, isMissing } = await runCommand(
    command,
    [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=http'],
    {
      cwd: root,
      // npm would otherwise take settings of the `npm run` around this script for its own.
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command)/.test(name))),
      onOutput: (text) => {
        fetched += text.match(/\.tgz /g)?.length ?? 0;
        report.progress(fetched < count ? `${fetched} of about ${count} packages` : 'unpacking');
      },
    },
  );
  if (exitCode !== 0) {
    const errors = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line) && !/log of this run/.test(line));
    throw new SetupProblem(isMissing ? 'npm was not found.' : 'npm could not install the dependencies:', [
      ...lastLines((errors.length > 0 ? errors.slice(0, 4) : lastLines(output)).join('\n')).map((each) => `  ${each}`),
      'Check the network connection and run the command again: what was fetched is kept in npm’s cache.',
    ]);
  }
  if (!isInstalled(root)) {
    throw new SetupProblem('npm ended well, but node_modules is not what the lock file says.', [
      'Delete node_modules and run the command again.',
    ]);
  }
  report.done(`installed in ${secondsSince(startedAt)}`);
}

/** npm as the running `npm run` knows it, else the one beside the running Node, else the one in PATH. */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running && basename(running) === 'npm-cli.js' && existsSync(running)) return { command: process.execPath, args: [running] };
  const folder = dirname(process.execPath);
  for (const each of [
    join(folder, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ]) {
    if (existsSync(each)) return { command: process.execPath, args: [each] };
  }
  return { command: 'npm', args: [] };
}
