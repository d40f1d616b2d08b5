#!/usr/bin/env node
import { join } from 'node:path';
import { findElectron, whyNoWindow } from './setup/electron-binary.mjs';
import { launch } from './setup/launch.mjs';
import { projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';
import { createReport } from './setup/report.mjs';

/** An Electron that dies this fast with an error never showed a window (a missing system library, a forbidden sandbox). */
const FAILED_START_MS = 5_000;

/** `npm start`: the studio in a window of its own, or the same studio in the browser where that cannot be. */
await runScript(async () => {
  const report = createReport();
  const args = process.argv.slice(2);
  const { node } = await prepare({ quiet: true, renderer: true, electron: true });
  const noWindow = whyNoWindow();
  const electron = noWindow ? { problem: noWindow } : await findElectron(report, node);
  if ('executable' in electron) {
    const startedAt = Date.now();
    const exitCode = await launch(electron.executable, [projectRoot, ...args], { preload: false });
    if (exitCode === 0 || exitCode === 130 || Date.now() - startedAt > FAILED_START_MS) return exitCode;
    report.note([`Electron ended at once with exit code ${exitCode}; its own message is above.`]);
  } else {
    report.note([electron.problem]);
  }
  report.note(['Opening the same studio in the browser instead. Ctrl-C ends it.']);
  return launch(node, [join(projectRoot, 'main', 'cli', 'main.ts'), 'serve', '--open', ...args]);
});
