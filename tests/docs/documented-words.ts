import { type Command, CommanderError } from 'commander';
import { createProgram } from '../../main/cli/program.ts';
import { wordsOf } from './documented-commands.ts';

/** What stands for a value in a synopsis, and a value that may stand there: only where an option would refuse the letters themselves. */
const VALUES: Record<string, string> = {
  ...{
    N: '2',
    X: '0.5',
    SHARE: '0.5',
    NUMBER: '0.5',
    S: '0.5',
    K: '3',
    TOKENS: '3',
    F: 'huggingface',
    T: 'f16',
    UNIT: 'bits',
    SUITE: 'eval',
  },
};
/** The same where the letters mean something else after this option. */
const VALUES_AFTER: Record<string, string> = {
  ...{
    '--status': 'done',
    '--form': 'arc',
    '--sort': 'gain',
    '--temperature': '2',
    '--task': '1',
    '--max-repeats': '2',
    '--method': 'lora',
  },
  ...{ '--map': 'text=title', '--shape': 'tiny' },
};

/** Only looked at: what parses, parses with a program of its own. */
const everyCommand = await createProgram();

/** Why a documented `strata` command cannot be parsed by the real program; null where it can. */
export async function parseProblem(text: string): Promise<string | null> {
  for (const words of variantsOf(wordsOf(text).slice(1))) {
    const program = await createProgram();
    silence(program);
    try {
      await program.parseAsync(words.map(valueAt), { from: 'user' });
    } catch (error) {
      if (error instanceof CommanderError && error.exitCode === 0) continue; // it asked for help
      return `${words.join(' ')}: ${(error as Error).message}`;
    }
  }
  return null;
}

/** The command that the words begin with, and how many of them name it; null where there is no such command. */
export function commandNamed(words: readonly string[]): { command: Command; length: number } | null {
  let command = everyCommand;
  let length = 0;
  for (const word of words) {
    const child = command.commands.find((each) => each.name() === word);
    if (!child) break;
    command = child;
    length++;
  }
  return length === 0 ? null : { command, length };
}

/** Every command that does something, as it is typed: `run list`. */
export function allCommands(command = everyCommand, path: string[] = []): string[] {
  const below = command.commands.flatMap((child) => allCommands(child, [...path, child.name()]));
  const acts = below.length === 0 || command.name() === 'engine';
  return path.length > 0 && acts ? [path.join(' '), ...below] : below;
}

/** Commands parse their words, and do nothing. */
function silence(command: Command): void {
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  if (command.commands.length === 0 || command.name() === 'engine') command.action(() => undefined);
  for (const child of command.commands) silence(child);
}

/** One command for each `this|that`. */
function variantsOf(words: readonly string[]): string[][] {
  const at = words.findIndex((word) => word.includes('|'));
  if (at < 0) return [[...words]];
  return words[at]!.split('|').flatMap((choice) => variantsOf(words.with(at, choice)));
}

function valueAt(word: string, at: number, words: readonly string[]): string {
  const before = words[at - 1] ?? '';
  if (/^[A-Z]+$/.test(word)) return VALUES_AFTER[before] ?? VALUES[word] ?? (word === 'PLACE' ? 'even' : word);
  return word.replace(/=NUMBER$/, '=0.5').replace(/=STRENGTH$/, '=0.5');
}
