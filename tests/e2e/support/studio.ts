import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '../../..');

/** The real web host over a workspace of its own, as `strata serve` starts it. */
export interface RunningStudio {
  url: string;
  home: string;
  /** Runs a `strata` command on the same workspace and answers its JSON. */
  strata<Result>(...args: string[]): Promise<Result>;
  stop(): Promise<void>;
}

/**
 * Starts `strata serve` in a fresh workspace and waits until it has printed its address.
 * @param allowPaths folders in which pages may name paths; without any, what is typed is refused.
 * @param hasSample a new workspace opens on the sample project, as for a user; most tests begin with an empty one.
 */
export async function startStudio(allowPaths: readonly string[] = [], hasSample = false): Promise<RunningStudio> {
  const home = await mkdtemp(join(tmpdir(), 'strata-e2e-'));
  const paths = allowPaths.length > 0 ? ['--allow-paths', ...allowPaths] : [];
  const server = strataProcess(['serve', '--home', home, '--json', ...(hasSample ? [] : ['--no-sample']), ...paths]);
  const ended = once(server, 'exit');
  const [line] = (await Promise.race([
    once(createInterface({ input: server.stdout! }), 'line'),
    ended.then(() => Promise.reject(new Error('strata serve ended before it said where it is.'))),
  ])) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    home,
    strata: (...args) => strata(home, args),
    stop: async () => {
      server.kill('SIGINT');
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function strata<Result>(home: string, args: string[]): Promise<Result> {
  const child = strataProcess([...args, '--home', home, '--json']);
  let output = '';
  child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await once(child, 'close');
  return JSON.parse(output) as Result;
}

function strataProcess(args: string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'main/cli/main.ts'), ...args], { stdio: ['ignore', 'pipe', 'inherit'], cwd: root });
}
