import { Command, CommanderError } from 'commander';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { dataCommand } from './commands/data.ts';
import { demoCommand } from './commands/demo.ts';
import { engineCommand } from './commands/engine.ts';
import { modelCommand } from './commands/model.ts';
import { runCommand } from './commands/run.ts';
import { serveCommand } from './commands/serve.ts';
import { evalCommand, generateCommand } from './commands/text.ts';
import { trainCommand } from './commands/train.ts';
import { VERSION } from './session.ts';

/** The `strata` command. Exit codes: 0 done, 1 the work failed, 2 the input is wrong, 130 interrupted. */

const program = new Command('strata').description('Continual learning of LLaMA-type language models by block expansion.').version(VERSION);
for (const each of [
  demoCommand(),
  serveCommand(),
  engineCommand(),
  modelCommand(),
  dataCommand(),
  trainCommand(),
  runCommand(),
  evalCommand(),
  generateCommand(),
]) {
  program.addCommand(each);
}
handOnErrors(program);

const wantsJson = process.argv.includes('--json');
try {
  await program.parseAsync();
} catch (error) {
  report(error);
}

/** Commander throws instead of ending the process, and says nothing itself: {@link report} does, in one form. */
function handOnErrors(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const child of command.commands) handOnErrors(child);
}

function report(error: unknown): void {
  // --help and --version arrive here too, with exit code 0; a command group without a command has printed its help.
  if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const known =
    error instanceof CommanderError
      ? new StrataError('BAD_INPUT', error.message.replace(/^error: /, ''), {
          hint: 'strata --help, or strata COMMAND --help, lists what is allowed.',
        })
      : toStrataError(error);
  process.exitCode = known.exitCode;
  if (wantsJson) process.stdout.write(`${JSON.stringify({ error: known.toRecord() })}\n`);
  const lines = [
    `Error: ${known.message}`,
    known.found && `  found    ${known.found}`,
    known.allowed && `  allowed  ${known.allowed}`,
    known.hint && `  hint     ${known.hint}`,
  ];
  process.stderr.write(`${lines.filter(Boolean).join('\n')}\n`);
  if (known.code === 'INTERNAL' && known.stack) process.stderr.write(`${(known.cause as Error | undefined)?.stack ?? known.stack}\n`);
}
