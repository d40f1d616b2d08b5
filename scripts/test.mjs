#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureChromium } from './setup/chromium.mjs';
import { findElectron, whyNoWindow } from './setup/electron-binary.mjs';
import { projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';
import { createReport, secondsSince } from './setup/report.mjs';
import { describeFailedTests } from './tests/failed-tests.mjs';

/**
 * `npm test`: sets up what is missing, then runs every check there is and ends with one summary. A failing check does not hide the others.
 *
 *   --quick          without the browser tests ("npm run check")
 *   --only KIND      types, lint, unit, browser, speed (of the pages), electron, which says why where there is no Electron, or what runs only
 *                    when it is asked for: torture, which kills a hundred trainers, and fuzz, which gives every reader 20,000 damaged files
 *                    (the unit tests give it 1,000)
 *   PATH...          only the tests whose path contains one of these
 * @typedef {'types' | 'lint' | 'unit' | 'browser' | 'speed' | 'electron' | 'torture' | 'fuzz'} Kind
 * @typedef {{ kind: Kind, name: string, tool: string, args: string[] }} Check
 */

const VITEST = 'vitest/vitest.mjs';
/** @type {ReadonlySet<Kind>} */
const NEED_BROWSER = new Set(['browser', 'speed']);
/** @type {ReadonlySet<Kind>} */
const NEED_WINDOW = new Set([...NEED_BROWSER, 'electron']);

/** @param {string[]} filters @returns {Check[]} */
function allChecks(filters) {
  return [
    // The longest first: two of these run at once.
    { kind: 'lint', name: 'ESLint: pages', tool: 'eslint/bin/eslint.js', args: ['--max-warnings', '0', 'renderer'] },
    {
      kind: 'lint',
      name: 'ESLint: all else',
      tool: 'eslint/bin/eslint.js',
      args: ['--max-warnings', '0', '--ignore-pattern', 'renderer/', '.'],
    },
    { kind: 'types', name: 'TypeScript: Node side', tool: 'typescript/bin/tsc', args: ['-p', 'tsconfig.node.json'] },
    {
      kind: 'types',
      name: 'TypeScript and Svelte: pages',
      tool: 'svelte-check/bin/svelte-check',
      args: ['--tsconfig', './tsconfig.web.json', '--fail-on-warnings', '--output', 'human'],
    },
    {
      kind: 'lint',
      name: 'Arrows between the rooms',
      tool: 'dependency-cruiser/bin/dependency-cruiser.mjs',
      args: ['--config', '.dependency-cruiser.cjs', 'main', 'shared', 'renderer'],
    },
    { kind: 'lint', name: 'Formatting', tool: 'prettier/bin/prettier.cjs', args: ['--check', '--log-level', 'warn', '.'] },
    { kind: 'unit', name: 'Tests', tool: VITEST, args: ['run', '--project', 'unit', ...filters] },
    { kind: 'browser', name: 'Tests in the browser', tool: VITEST, args: ['run', '--project', 'browser', ...filters] },
    { kind: 'speed', name: 'Speed of the pages', tool: VITEST, args: ['run', '--project', 'speed', ...filters] },
    { kind: 'electron', name: 'Tests in Electron', tool: VITEST, args: ['run', '--project', 'electron', ...filters] },
    { kind: 'torture', name: 'A hundred kills', tool: VITEST, args: ['run', '--project', 'torture', ...filters] },
    {
      kind: 'fuzz',
      name: 'Damaged files',
      tool: VITEST,
      args: ['run', '--project', 'unit', ...(filters.length > 0 ? filters.map((filter) => `tests/fuzz/${filter}`) : ['tests/fuzz/'])],
    },
  ];
}

/** Tests that are run when nothing is asked for, and where they stand; the projects of vitest.config.ts have their names. */
const TESTS = /** @type {const} */ ([
  ['speed', /^e2e\/speed\.test\.ts$/],
  ['electron', /^e2e-electron\/.*\.test\.ts$/],
  ['browser', /^e2e\/.*\.test\.ts$/],
  ['unit', /^(?!parity|torture).*\.test\.ts$/],
]);

/** @param {string[]} filters @returns {Set<Kind | undefined>} the kinds of tests whose path contains one of these, as vitest reads filters */
function kindsOfTests(filters) {
  const paths = readdirSync(join(projectRoot, 'tests'), { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  const named = paths.filter((path) => filters.some((filter) => `tests/${path}`.includes(filter)));
  return new Set(named.map((path) => TESTS.find(([, place]) => place.test(path))?.[0]));
}

/**
 * Runs one check. Its output is shown as it comes, or, of one that runs beside another, when it has ended.
 * @param {string} node @param {Check} check @param {NodeJS.ProcessEnv} env @param {boolean} isAlone @returns {Promise<boolean>}
 */
function runCheck(node, check, env, isAlone) {
  const child = spawn(node, [join(projectRoot, 'node_modules', check.tool), ...check.args], {
    ...{ cwd: projectRoot, env },
    stdio: isAlone ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  /** @type {Buffer[]} */
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (/** @type {Buffer} */ piece) => output.push(piece));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

/**
 * Electron, where it can open a window: only then is it worth fetching.
 * @param {import('./setup/report.mjs').Report} report @param {string} node @returns {Promise<{ executable: string } | { problem: string }>}
 */
async function electronHere(report, node) {
  const problem = whyNoWindow();
  return problem ? { problem } : findElectron(report, node);
}

/** Checks that only read the code use one core each: as many run at once. */
const AT_ONCE = 2;

await runScript(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean' }, only: { type: 'string' } } });
  const report = createReport();
  const named = kindsOfTests(positionals);
  const isWanted = (/** @type {Kind} */ kind) =>
    values.only
      ? kind === values.only
      : positionals.length > 0
        ? named.has(kind)
        : !(kind === 'torture' || kind === 'fuzz' || (values.quick && NEED_WINDOW.has(kind)));
  const checks = allChecks(positionals).filter(({ kind }) => isWanted(kind));
  if (checks.length === 0) {
    report.note([
      values.only
        ? `There is no kind of check called "${values.only}": types, lint, unit, browser, speed, electron, torture and fuzz are known.`
        : `No test has "${positionals.join('" or "')}" in its path.`,
    ]);
    return 2;
  }
  const inBrowser = checks.some(({ kind }) => NEED_BROWSER.has(kind));
  const runsTests = checks.some(({ kind }) => kind === 'unit' || NEED_WINDOW.has(kind));
  const trains = runsTests || checks.some(({ kind }) => kind === 'torture');
  const { node, engineProblem } = await prepare({ quiet: true, engine: trains, renderer: runsTests, electron: runsTests, retry: true });
  // Before any test: the unit tests use the GPU driver that comes with it.
  const chromium = inBrowser ? await ensureChromium(report) : null;
  const electron = checks.some(({ kind }) => kind === 'electron') ? await electronHere(report, node) : null;
  const nightly = values.only === 'fuzz' && { STRATA_FUZZ_CASES: process.env.STRATA_FUZZ_CASES ?? '20000' };
  const env = {
    ...{ ...process.env, ...nightly },
    ...(chromium && 'executable' in chromium && { STRATA_CHROMIUM: chromium.executable }),
    ...(electron && 'executable' in electron && { STRATA_ELECTRON: electron.executable }),
  };
  const startedAt = Date.now();
  /** @type {{ name: string, result: 'passed' | 'FAILED' | 'skipped', detail: string, failures?: string[] }[]} */
  const results = [];
  const folder = mkdtempSync(join(tmpdir(), 'strata-tests-'));
  const perform = async (/** @type {Check} */ check, /** @type {boolean} */ isAlone) => {
    report.start(check.name);
    const checkStartedAt = Date.now();
    const isTests = check.tool === VITEST;
    const reported = join(folder, `${check.kind}.json`);
    const args = [...check.args, ...(isTests ? ['--reporter=default', '--reporter=json', `--outputFile.json=${reported}`] : [])];
    const passed = await runCheck(node, { ...check, args }, env, isAlone);
    return {
      name: check.name,
      result: passed ? /** @type {const} */ ('passed') : /** @type {const} */ ('FAILED'),
      detail: secondsSince(checkStartedAt),
      ...(isTests && !passed && { failures: describeFailedTests(reported) }),
    };
  };
  const reading = checks.filter(({ kind }) => kind === 'types' || kind === 'lint');
  const waiting = reading.entries();
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    for (const [place, check] of waiting) results[place] = await perform(check, reading.length === 1);
  });
  await Promise.all(lanes);
  for (const check of checks.filter((each) => !reading.includes(each))) {
    if (NEED_BROWSER.has(check.kind) && chromium && 'problem' in chromium) {
      results.push({ name: check.name, result: 'skipped', detail: chromium.problem });
    } else if (check.kind === 'electron' && electron && 'problem' in electron && !existsSync(join(projectRoot, 'dist', 'packages'))) {
      results.push({ name: check.name, result: 'skipped', detail: `${electron.problem} There is no packaged program to read fuses from.` });
    } else results.push(await perform(check, true));
  }
  rmSync(folder, { recursive: true, force: true });
  report.done('');
  for (const { name, failures } of results) if (failures) report.note([`${name}: what failed`, ...failures]);
  for (const { name, result, detail } of results) report.done(`${result.padEnd(8)}${name.padEnd(32)}${detail}`);
  if (engineProblem) report.note([`TensorFlow is not set up, so its tests were skipped: ${engineProblem}`]);
  const failed = results.filter(({ result }) => result === 'FAILED').length;
  report.done(`${failed === 0 ? 'All checks passed' : `${failed} of ${results.length} checks failed`} in ${secondsSince(startedAt)}`);
  return failed === 0 ? 0 : 1;
});
