import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { StrataError } from '../../shared/errors.ts';
import { defaultHome } from '../studio/default-home.ts';
import { openStudio, type Studio } from '../studio/studio.ts';
import { ProcessExecutor } from '../training/process-executor.ts';
import packageJson from '../../package.json' with { type: 'json' };

/** Options that every command has. */
export interface CommonOptions {
  home?: string;
  json?: boolean;
  engine?: string;
}

/** What a command works with. */
export interface Session {
  studio: Studio;
  engine: string | undefined;
  isJson: boolean;
  /** One JSON document with --json, the text otherwise; on stdout. */
  print(result: unknown, text: () => string): void;
  /** What the user may want to read while waiting; on stderr with --json. */
  say(line: string): void;
}

export const VERSION: string = packageJson.version;

/** A command with the options that all have. */
export function command(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(new Option('--home <dir>', 'workspace folder').default(undefined, 'STRATA_HOME or the application-data folder'))
    .option('--json', 'print one JSON document on stdout, logs on stderr')
    .option('--engine <name>', 'tensor engine: auto, tensorflow-cpu, wasm, cpu');
}

/** Opens the workspace for a command, and closes it afterwards: a run in progress saves its checkpoint. */
export async function withSession<Result>(options: CommonOptions, body: (session: Session) => Promise<Result>): Promise<Result> {
  const isJson = options.json ?? false;
  const say = (line: string): void => void (isJson ? process.stderr : process.stdout).write(`${line}\n`);
  const studio = openStudio({
    home: options.home ?? defaultHome(),
    executor: new ProcessExecutor(),
    resources: join(import.meta.dirname, '../../resources'),
    version: VERSION,
    log: (message) => process.stderr.write(`${message}\n`),
  });
  const stop = interruptOn(studio);
  try {
    const print = (result: unknown, text: () => string): void => void process.stdout.write(`${isJson ? JSON.stringify(result) : text()}\n`);
    return await body({ studio, engine: options.engine, isJson, print, say });
  } finally {
    stop();
    await studio.close();
  }
}

/** Ctrl-C asks the trainer for a checkpoint; a second one does not wait for it. */
function interruptOn(studio: Studio): () => void {
  let asked = false;
  const interrupt = (): void => {
    if (asked) process.exit(130);
    asked = true;
    process.stderr.write('\nSaving a checkpoint (Ctrl-C again to end without) ...\n');
    void studio.runs.close().finally(() => {
      process.exitCode = 130;
    });
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return () => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  };
}

/** Parsers of option values: a wrong one is refused before anything starts. */
export function wholeNumber(smallest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < smallest) {
      throw new InvalidArgumentError(`Found "${text}"; allowed is a whole number from ${smallest}.`);
    }
    return value;
  };
}

export function anyNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError(`Found "${text}"; allowed is a number such as 0.1.`);
  return value;
}

/** For a failed check of what was asked, before a studio is opened. */
export function refuse(message: string, found: string, allowed: string): StrataError {
  return new StrataError('BAD_INPUT', message, { found, allowed });
}
