import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, onTestFinished, vi } from 'vitest';
import type { ErrorRecord } from '../../shared/errors.ts';

/** The real `strata` command as a child process, as a person or a script calls it. */

const root = resolve(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
/** Where the launcher keeps compiled code, too: without it every command would take twice as long. */
const compiled = join(root, '.cache/compiled');

export interface CommandResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand {
  child: ChildProcess;
  finished: Promise<CommandResult>;
  /** Resolves once the command has said something that matches, on either stream; fails when it ends before. */
  said(pattern: RegExp): Promise<void>;
}

export interface CommandOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/** Starts a command. One that the test leaves running is killed at its end. */
export function startStrata(args: readonly string[], { env, cwd = root }: CommandOptions = {}): RunningCommand {
  // Under "npm test" the command would call itself as npm runs it.
  const environment = { ...process.env, NODE_COMPILE_CACHE: compiled, npm_lifecycle_event: undefined, ...env };
  const child = spawn(node, [join(root, 'main/cli/main.ts'), ...args], { cwd, env: environment, stdio: 'pipe' });
  child.stdin.end();
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += stripVTControlCharacters(text);
      for (const listener of listeners) listener();
    });
  }
  const finished = new Promise<CommandResult>((settle, fail) => {
    child.on('error', fail);
    child.on('close', (exitCode, signal) => settle({ exitCode, signal, ...output }));
  });
  const said = (pattern: RegExp): Promise<void> =>
    new Promise((settle, fail) => {
      const look = (): void => {
        if (pattern.test(output.stdout) || pattern.test(output.stderr)) settle();
      };
      listeners.add(look);
      look();
      void finished.then(() => fail(new Error(`The command ended without saying ${pattern}:\n${output.stdout}\n${output.stderr}`)));
    });
  return { child, finished, said };
}

/** Commands on one workspace. */
export class StrataCommand {
  readonly home: string;

  constructor(home: string) {
    this.home = home;
  }

  start(...args: string[]): RunningCommand {
    const running = startStrata([...args, '--home', this.home]);
    onTestFinished(() => void running.child.kill('SIGKILL'));
    return running;
  }

  /** Runs a command to its end. */
  run(...args: string[]): Promise<CommandResult> {
    return startStrata([...args, '--home', this.home]).finished;
  }

  /** The JSON document of a command that must succeed. Stdout must be that document and nothing else. */
  async json<Document>(...args: string[]): Promise<Document> {
    const { exitCode, stdout, stderr } = await this.run(...args, '--json');
    expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
    return onlyDocument(stdout) as Document;
  }

  /** How a command fails: as a script reads it on stdout, which must be what a person reads on stderr. */
  async failure(...args: string[]): Promise<ErrorRecord & { exitCode: number | null }> {
    const { exitCode, stdout, stderr } = await this.run(...args, '--json');
    const { error } = onlyDocument(stdout) as { error: ErrorRecord };
    expect(stderr).toContain(`Error: ${error.message}`);
    for (const detail of [error.found, error.allowed, error.hint]) expect(stderr).toContain(detail ?? '');
    expect(stderr, 'a person is shown no stack').not.toMatch(/^ +at /m);
    return { ...error, exitCode };
  }
}

/**
 * Commands on one workspace, done by this process: the same program with the same streams and exit codes, without half a second for each start.
 * What is about the process itself (signals, limits, what is left behind) needs {@link StrataCommand}.
 */
export class StrataHere extends StrataCommand {
  override async run(...args: string[]): Promise<CommandResult> {
    // Under "npm test" the command would call itself as npm runs it.
    delete process.env.npm_lifecycle_event;
    const { runCommandLine } = await import('../../main/cli/command-line.ts');
    const output = { stdout: '', stderr: '' };
    const spies = (['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        output[name] += stripVTControlCharacters(String(text));
        return true;
      }),
    );
    const before = process.exitCode;
    process.exitCode = undefined;
    try {
      await runCommandLine([...args, '--home', this.home]);
      return { exitCode: Number(process.exitCode ?? 0), signal: null, ...output };
    } finally {
      process.exitCode = before;
      for (const spy of spies) spy.mockRestore();
    }
  }
}

/** Parses stdout, which must be one line with one JSON document. */
export function onlyDocument(stdout: string): unknown {
  expect(stdout.endsWith('\n') && stdout.trim().split('\n').length === 1, `one document on stdout:\n${stdout}`).toBe(true);
  return JSON.parse(stdout);
}
