#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';
import { createReport, SetupProblem } from './setup/report.mjs';
import { lastLines, runCommand } from './setup/run-command.mjs';

/**
 * `npm run parity`: compares what Strata computes with PyTorch and Hugging Face transformers. Their packages go into a virtual environment
 * of the checkout (.cache/parity); STRATA_PYTHON names a Python that has them already.
 */
const requirements = join(projectRoot, 'tests', 'parity', 'requirements.txt');

/** @param {import('./setup/report.mjs').Report} report @returns {Promise<string>} the Python to use */
async function ensurePython(report) {
  if (process.env.STRATA_PYTHON) return process.env.STRATA_PYTHON;
  const environment = join(projectRoot, '.cache', 'parity');
  const python = process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python');
  const stamp = join(environment, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  report.start('Installing PyTorch and transformers for the comparison: 0.3 to 3 GB, depending on the platform');
  for (const [command, args] of /** @type {[string, string[]][]} */ ([
    ['python3', ['-m', 'venv', environment]],
    [python, ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', requirements]],
  ])) {
    const { exitCode, output } = await runCommand(command, args, { onOutput: (text) => report.progress(lastLines(text, 1)[0] ?? '') });
    if (exitCode !== 0) {
      throw new SetupProblem('The Python packages could not be installed:', [
        ...lastLines(output).map((line) => `  ${line}`),
        'Name a Python that has them (see tests/parity/requirements.txt) with STRATA_PYTHON.',
      ]);
    }
  }
  writeFileSync(stamp, wanted);
  return python;
}

await runScript(async () => {
  const report = createReport();
  const { node } = await prepare({ quiet: true, retry: true });
  const env = { ...process.env, STRATA_PYTHON: await ensurePython(report) };
  const vitest = join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(node, [vitest, 'run', '--project', 'parity', ...process.argv.slice(2)], { cwd: projectRoot, env, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
});
