import { Command } from 'commander';
import { VERSION } from './session.ts';

/** Each command by its name, in the order in which they are listed. One is read when it is asked for: a program starts sooner with less of it. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  engine: async () => (await import('./commands/engine.ts')).engineCommand(),
  model: async () => (await import('./commands/model.ts')).modelCommand(),
  pack: async () => (await import('./commands/pack.ts')).packCommand(),
  data: async () => (await import('./commands/data.ts')).dataCommand(),
  train: async () => (await import('./commands/train.ts')).trainCommand(),
  line: async () => (await import('./commands/line.ts')).lineCommand(),
  recipe: async () => (await import('./commands/recipe.ts')).recipeCommand(),
  queue: async () => (await import('./commands/queue.ts')).queueCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  eval: async () => (await import('./commands/text.ts')).evalCommand(),
  score: async () => (await import('./commands/score.ts')).scoreCommand(),
  suite: async () => (await import('./commands/suite.ts')).suiteCommand(),
  generate: async () => (await import('./commands/text.ts')).generateCommand(),
  bench: async () => (await import('./commands/bench.ts')).benchCommand(),
  evidence: async () => (await import('./commands/evidence.ts')).evidenceCommand(),
};

/**
 * The command line with its arguments and options, ready to parse: the command that `typed` begins with, or every command, if it begins with none.
 * Commander throws instead of ending the process, and says nothing of errors itself: they are told in one form (report.ts).
 */
export async function createProgram(typed: readonly string[] = []): Promise<Command> {
  const program = new Command('strata')
    .description('Continual learning of LLaMA-type language models by block expansion.')
    .version(VERSION);
  const named = typed[0] !== undefined && Object.hasOwn(COMMANDS, typed[0]) ? COMMANDS[typed[0]] : undefined;
  for (const load of named ? [named] : Object.values(COMMANDS)) program.addCommand(await load());
  handOnErrors(program);
  return program;
}

function handOnErrors(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const child of command.commands) handOnErrors(child);
}
