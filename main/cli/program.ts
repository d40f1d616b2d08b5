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
import { VERSION } from './session.ts';

/**
 * The command line: every command with its arguments and options, ready to parse.
 * Commander throws instead of ending the process, and says nothing of errors itself: they are told in one form (report.ts).
 */
export function createProgram(): Command {
  const program = new Command('strata')
    .description('Continual learning of LLaMA-type language models by block expansion.')
    .version(VERSION);
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
  return program;
}

function handOnErrors(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const child of command.commands) handOnErrors(child);
}
