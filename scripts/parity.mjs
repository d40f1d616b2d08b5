#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordParity } from './parity/record.mjs';
import { projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';
import { ensurePython } from './setup/python.mjs';
import { createReport } from './setup/report.mjs';

/**
 * `npm run parity`: compares what Strata computes with PyTorch, Hugging Face transformers and peft. Their packages go into a virtual
 * environment in the engine folder; STRATA_PYTHON names a Python that has them already.
 *
 *   --record   when all passed, writes the figures to tests/parity/recorded.json and into docs/parity.md
 *   PATH...    only the tests whose path contains one of these; other options go to Vitest
 */
await runScript(async () => {
  const report = createReport();
  const { node } = await prepare({ quiet: true, retry: true });
  const python = await ensurePython(report);
  const args = process.argv.slice(2).filter((each) => each !== '--record');
  const records = args.length < process.argv.length - 2;
  if (records && args.length > 0) {
    report.note(['Figures are recorded of the whole comparison only: give --record alone.']);
    return 2;
  }
  const figures = mkdtempSync(join(tmpdir(), 'strata-parity-figures-'));
  try {
    const env = { ...process.env, STRATA_PYTHON: python, ...(records && { STRATA_PARITY_FIGURES: figures }) };
    const exitCode = await runTests(node, args, env);
    if (exitCode === 0 && records) await recordParity({ node, python, figures });
    return exitCode;
  } finally {
    await rm(figures, { recursive: true, force: true });
  }
});

/** @param {string} node @param {string[]} args @param {NodeJS.ProcessEnv} env @returns {Promise<number>} */
function runTests(node, args, env) {
  const vitest = join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(node, [vitest, 'run', '--project', 'parity', ...args], { cwd: projectRoot, env, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
