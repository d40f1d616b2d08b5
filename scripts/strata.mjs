#!/usr/bin/env node
import { join } from 'node:path';
import { launch } from './setup/launch.mjs';
import { projectRoot } from './setup/paths.mjs';
import { prepare, runScript } from './setup/prepare.mjs';

/** The `strata` command: prepares what is missing (on stderr, so that stdout stays the command's), then runs main/cli/main.ts on Node 24. */
await runScript(async () => {
  const args = process.argv.slice(2);
  const { node } = await prepare({ quiet: true, renderer: args.includes('serve') });
  return launch(node, [join(projectRoot, 'main', 'cli', 'main.ts'), ...args], { cwd: callerDirectory() });
});

/** Where the user is: npm runs scripts in the project's folder, and paths in a command mean the folder it was typed in. */
function callerDirectory() {
  const { npm_lifecycle_event: script, INIT_CWD: typedIn } = process.env;
  return (script === 'strata' || script === 'demo') && typedIn && process.cwd() === projectRoot ? typedIn : process.cwd();
}
