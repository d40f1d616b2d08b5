import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { engineDirectory, projectRoot } from './paths.mjs';
import { SetupProblem } from './report.mjs';
import { lastLines, runCommand } from './run-command.mjs';

/** What Strata is compared with, in exact versions. */
const requirements = join(projectRoot, 'tests', 'parity', 'requirements.txt');
/** Packages of which a file or two are compared: installed without what the rest of them needs. */
const requirementsAlone = join(projectRoot, 'tests', 'parity', 'requirements-alone.txt');

/**
 * A Python with PyTorch, transformers and peft: the one that STRATA_PYTHON names, else a virtual environment in the engine folder, outside
 * the checkout, which is made once and used again. `strata bench` looks for it there (main/bench/find-python.ts).
 * @param {import('./report.mjs').Report} report
 * @returns {Promise<string>} the executable
 * @throws {SetupProblem} when the packages cannot be installed
 */
export async function ensurePython(report) {
  if (process.env.STRATA_PYTHON) return process.env.STRATA_PYTHON;
  const folder = join(engineDirectory(), 'parity');
  const python = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  const stamp = join(folder, 'requirements.sha256');
  const wanted = createHash('sha256').update(readFileSync(requirements)).update(readFileSync(requirementsAlone)).digest('hex');
  const isReady = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(python);
  if (isReady()) return python;
  await mkdir(engineDirectory(), { recursive: true });
  const onWait = () => report.start('Waiting for another set-up that is installing PyTorch');
  await withLock(`${folder}.lock`, onWait, async () => {
    if (isReady()) return;
    report.start('Installing PyTorch and transformers for the comparison: 0.3 to 3 GB, depending on the platform');
    await rm(stamp, { force: true });
    await run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', folder], report);
    await run(python, ['-m', 'pip', 'install', '--disable-pip-version-check', '-r', requirements], report);
    await run(python, ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-deps', '-r', requirementsAlone], report);
    writeFileSync(stamp, wanted);
  });
  return python;
}

/** @param {string} command @param {string[]} args @param {import('./report.mjs').Report} report */
async function run(command, args, report) {
  const { exitCode, output } = await runCommand(command, args, { onOutput: (text) => report.progress(lastLines(text, 1)[0] ?? '') });
  if (exitCode === 0) return;
  throw new SetupProblem('The Python packages could not be installed:', [
    ...lastLines(output).map((line) => `  ${line}`),
    'Name a Python that has them (see tests/parity/requirements.txt) with STRATA_PYTHON.',
  ]);
}
