import { Command } from 'commander';
import { benchCommand } from './commands/bench.ts';
import { dataCommand } from './commands/data.ts';
import { demoCommand } from './commands/demo.ts';
import { engineCommand } from './commands/engine.ts';
import { evidenceCommand } from './commands/evidence.ts';
import { lineCommand } from './commands/line.ts';
import { modelCommand } from './commands/model.ts';
import { queueCommand } from './commands/queue.ts';
import { recipeCommand } from './commands/recipe.ts';
import { packCommand } from './commands/pack.ts';
import { runCommand } from './commands/run.ts';
import { scoreCommand } from './commands/score.ts';
import { serveCommand } from './commands/serve.ts';
import { suiteCommand } from './commands/suite.ts';
import { evalCommand, generateCommand } from './commands/text.ts';
import { trainCommand } from './commands/train.ts';
import { asCommandError, reportError } from './report.ts';
import { VERSION } from './session.ts';

/** The `strata` command. Exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted. */

const program = new Command('strata').description('Continual learning of LLaMA-type language models by block expansion.').version(VERSION);
for (const each of [
  demoCommand(),
  serveCommand(),
  engineCommand(),
  modelCommand(),
  packCommand(),
  dataCommand(),
  trainCommand(),
  lineCommand(),
  recipeCommand(),
  queueCommand(),
  runCommand(),
  evalCommand(),
  scoreCommand(),
  suiteCommand(),
  generateCommand(),
  benchCommand(),
  evidenceCommand(),
]) {
  program.addCommand(each);
}
handOnErrors(program);

// The reader of our output has enough (`strata run list | head`): there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(130);
  throw error;
});

const typed = process.argv.slice(2);
try {
  await program.parseAsync();
} catch (error) {
  const known = asCommandError(error, typed);
  if (known) {
    process.exitCode = known.exitCode;
    reportError(known, typed.includes('--json'));
  }
}

/** Commander throws instead of ending the process, and says nothing of errors itself: they are told in one form. */
function handOnErrors(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const child of command.commands) handOnErrors(child);
}
