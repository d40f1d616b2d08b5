import { CommanderError } from 'commander';
import { StrataError, toStrataError } from '../../shared/errors.ts';

/** What a person types to get here: npm runs the command where it is not installed. */
export const STRATA = process.env.npm_lifecycle_event === undefined ? 'strata' : 'npm run -s strata --';

/** How a command that did not succeed says so: for people on stderr, with --json also as the one document on stdout. */

export function reportError(error: StrataError, isJson: boolean): void {
  if (isJson) process.stdout.write(`${JSON.stringify({ error: error.toRecord() })}\n`);
  const lines = [
    `Error: ${error.message}`,
    error.found && `  found    ${error.found}`,
    error.allowed && `  allowed  ${error.allowed}`,
    error.hint && `  hint     ${error.hint}`,
  ];
  process.stderr.write(`${lines.filter(Boolean).join('\n')}\n`);
  if (error.code === 'INTERNAL' && error.stack) process.stderr.write(`${(error.cause as Error | undefined)?.stack ?? error.stack}\n`);
}

/** What a command line that cannot be parsed, or a command that threw, is for the user; null for help and version, which are no errors. */
export function asCommandError(error: unknown, typed: readonly string[]): StrataError | null {
  if (!(error instanceof CommanderError)) return toStrataError(error);
  if (error.exitCode === 0) return null;
  if (error.code === 'commander.help') {
    return new StrataError('BAD_INPUT', 'A command is missing.', {
      found: commandLine(typed),
      hint: 'The list of commands is above.',
    });
  }
  const message = error.message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '');
  return new StrataError('BAD_INPUT', `${message.charAt(0).toUpperCase()}${message.slice(1)}.`, {
    found: commandLine(typed),
    hint: `"${STRATA} --help", or "${STRATA} COMMAND --help", lists what is allowed. Options come after the command.`,
  });
}

function commandLine(typed: readonly string[]): string {
  return [STRATA, ...typed.map((argument) => (/^[\w./:=,@+-]+$/.test(argument) ? argument : JSON.stringify(argument)))].join(' ');
}
