import { Command, Option } from 'commander';
import { StrataError } from '../../shared/errors.ts';
import { defaultHome } from '../studio/default-home.ts';
import { ENGINE_NAMES, openStudio, parseEngineName, type Studio } from '../studio/studio.ts';
import { ProcessExecutor } from '../training/process-executor.ts';
import { reportError, STRATA } from './report.ts';
import { RESOURCES } from './resources.ts';
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
  /** Resolves at the first Ctrl-C, which then does not end the command by itself. */
  interrupted(): Promise<void>;
  /** Does work that ends by itself when its signal is aborted, which the first Ctrl-C does. */
  interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result>;
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
    .addOption(new Option('--engine <name>', `tensor engine: auto, ${ENGINE_NAMES.join(', ')}`).argParser(parseEngineName));
}

/** Opens the workspace for a command, and closes it afterwards: a run in progress saves its checkpoint. */
export async function withSession<Result>(options: CommonOptions, body: (session: Session) => Promise<Result>): Promise<Result> {
  const isJson = options.json ?? false;
  const say = (line: string): void => void (isJson ? process.stderr : process.stdout).write(`${line}\n`);
  const studio = openStudio({
    home: options.home ?? defaultHome(),
    executor: new ProcessExecutor(),
    resources: RESOURCES,
    version: VERSION,
    log: (message) => process.stderr.write(`${message}\n`),
  });
  const interrupts = new Interrupts(studio, isJson);
  try {
    const print = (result: unknown, text: () => string): void => void process.stdout.write(`${isJson ? JSON.stringify(result) : text()}\n`);
    return await body({
      studio,
      engine: options.engine,
      isJson,
      print,
      say,
      interrupted: () => interrupts.first(),
      interruptible: (work) => interrupts.during(work),
    });
  } finally {
    interrupts.close();
    await studio.close();
  }
}

/**
 * What Ctrl-C means: the trainer saves a checkpoint and the command ends as soon as it has; where nothing is being trained, or
 * when it is pressed again, the command ends at once.
 */
class Interrupts {
  readonly #studio: Studio;
  readonly #isJson: boolean;
  readonly #listener = (): void => this.#interrupt();
  #waiting: (() => void) | null = null;
  #wasAsked = false;

  constructor(studio: Studio, isJson: boolean) {
    this.#studio = studio;
    this.#isJson = isJson;
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** The first Ctrl-C, for a command that has its own way to end. */
  first(): Promise<void> {
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  /** For work that is stopped by a signal of its own; afterwards Ctrl-C means again what it did. */
  async during<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const controller = new AbortController();
    this.#waiting = () => controller.abort();
    try {
      return await work(controller.signal);
    } finally {
      this.#waiting = null;
    }
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #interrupt(): void {
    const { runs } = this.#studio;
    const canWait = !this.#wasAsked && (runs.isTraining || this.#waiting !== null);
    if (!canWait) {
      this.#studio.abandon();
      const hint = runs.isTraining ? { hint: `The run goes on from its last checkpoint with: ${STRATA} run resume RUN` } : {};
      reportError(new StrataError('INTERRUPTED', 'The command was interrupted.', hint), this.#isJson);
      process.exit(130);
    }
    this.#wasAsked = true;
    if (runs.isTraining) process.stderr.write('\nSaving a checkpoint (Ctrl-C again to end without) ...\n');
    if (this.#waiting) this.#waiting();
    else void runs.close();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** An option that takes a whole number. A wrong one is refused before anything starts. */
export function wholeNumber(flags: string, description: string, least: number, most = Number.MAX_SAFE_INTEGER): Option {
  const allowed = most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least}` : `a whole number from ${least} to ${most}`;
  return parsed(flags, description, allowed, (text) => {
    const value = numberOf(text);
    return Number.isSafeInteger(value) && value >= least && value <= most ? value : null;
  });
}

/** An option that takes a number; what it may be is for the use case to say. */
export function anyNumber(flags: string, description: string): Option {
  return parsed(flags, description, 'a number such as 0.1', (text) => (Number.isFinite(numberOf(text)) ? numberOf(text) : null));
}

/** The option that names what a command makes. */
export function nameOption(description = 'what to call it'): Option {
  return parsed('--name <name>', description, `1 to ${MAX_NAME_LENGTH} characters, not only spaces`, (text) =>
    text.trim() !== '' && text.length <= MAX_NAME_LENGTH ? text.trim() : null,
  );
}
const MAX_NAME_LENGTH = 200;

/** @param parse gives the value, or null when it is not possible. */
function parsed<Value>(flags: string, description: string, allowed: string, parse: (text: string) => Value | null): Option {
  const [name] = flags.split(' ');
  return new Option(flags, description).argParser((text) => {
    const value = parse(text);
    if (value === null) {
      const found = text.trim() === '' ? JSON.stringify(text) : text;
      throw refuse(
        `That is not a possible value of ${name}.`,
        found,
        allowed,
        `Correct ${name}, or leave it out. Its meaning: ${description}.`,
      );
    }
    return value;
  });
}

function numberOf(text: string): number {
  return text.trim() === '' ? NaN : Number(text);
}

/** For a failed check of what was asked, before anything is started. */
export function refuse(message: string, found: string, allowed: string, hint: string): StrataError {
  return new StrataError('BAD_INPUT', message, { found, allowed, hint });
}
