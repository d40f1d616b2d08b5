#!/usr/bin/env node
import { join } from 'node:path';
import { launch } from './setup/launch.mjs';
import { projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';
import { runCommand } from './setup/run-command.mjs';

/**
 * `npm run evidence`: trains what its workspace (--home, or STRATA_HOME) lacks of the study, and writes docs/evidence.md. Options go to
 * `strata evidence`, such as --data DIR and --report.
 */
await runScript(async () => {
  const { node } = await prepare({ quiet: true, retry: true });
  const document = join(projectRoot, 'docs', 'evidence.md');
  const exitCode = await launch(node, [
    join(projectRoot, 'main', 'cli', 'main.ts'),
    'evidence',
    '--out',
    document,
    ...process.argv.slice(2),
  ]);
  if (exitCode !== 0) return exitCode;
  const prettier = join(projectRoot, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
  return (await runCommand(node, [prettier, '--write', document])).exitCode ?? 1;
});
