import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StrataError } from '../../shared/errors.ts';
import type { EngineInfo } from '../../shared/contract/engines.ts';
import { engineDirectory } from '../engine/engine-directory.ts';
import { ENGINE_NAMES, engineEnvironment, type EngineName, parseEngineName } from '../engine/load-engine.ts';
import type { Executor, JobHandle } from './executor.ts';
import { LastWords } from './last-words.ts';
import { explainEnd, type TrainerEnd, workOf } from './trainer-end.ts';
import { type Command, type Control, type EngineJob, type Job, trainerEventSchema, type TrainerEvent } from './messages.ts';

/** A child process that runs the trainer's entry file, however the host starts one. */
export interface TrainerPort {
  send(command: Command): void;
  onMessage(listener: (message: unknown) => void): void;
  onExit(listener: (end: TrainerEnd) => void): void;
  kill(): void;
}

export type SpawnTrainer = (environment: Record<string, string>) => TrainerPort;

/** A self-test takes a second or two; a broken driver may never answer. */
const SELF_TEST_LIMIT_MS = 60_000;

/** Jobs in child processes of this machine: one process a job, so that a crash or a full memory takes nothing else with it. */
export class ProcessExecutor implements Executor {
  readonly #spawn: SpawnTrainer;
  readonly #directory: string;
  readonly #selfTestLimitMs: number;
  readonly #examined = new Map<EngineName, Promise<EngineInfo>>();

  constructor(options: { engineDirectory?: string; spawn?: SpawnTrainer; selfTestLimitMs?: number } = {}) {
    this.#spawn = options.spawn ?? forkTrainer;
    this.#directory = options.engineDirectory ?? engineDirectory();
    this.#selfTestLimitMs = options.selfTestLimitMs ?? SELF_TEST_LIMIT_MS;
  }

  start(job: Job, onEvent: (event: TrainerEvent) => void): JobHandle {
    if (job.kind === 'self-test') {
      return { finished: this.selectEngine(), control: () => undefined, tell: () => undefined, kill: () => undefined };
    }
    let child: ChildJob | null = null;
    let early: Control | 'kill' | null = null;
    const told: Parameters<JobHandle['tell']>[0][] = [];
    const prepared = job.kind === 'import' ? Promise.resolve({ resolved: job, environment: {} }) : this.#withEngine(job);
    const finished = prepared.then(async ({ resolved, environment }) => {
      const isUnwanted: boolean = early === 'kill' || (early !== null && resolved.kind !== 'train');
      if (isUnwanted) {
        throw new StrataError('INTERRUPTED', 'The job was ended before it started.');
      }
      child = runInChild(this.#spawn(environment), resolved, onEvent);
      if (early !== null) child.control(early as Control);
      for (const command of told) child.tell(command);
      return child.finished;
    });
    return {
      finished,
      control: (control) => {
        if (child) child.control(control);
        else early = control;
      },
      tell: (command) => {
        if (child) child.tell(command);
        else told.push(command);
      },
      kill: () => {
        if (child) child.kill();
        else early = 'kill';
      },
    };
  }

  /** Tests every engine, each once, in a process of its own; the first that passes is the one `auto` means. */
  async selectEngine(): Promise<EngineSelection> {
    const engines: EngineInfo[] = [];
    for (const name of ENGINE_NAMES) engines.push(await this.#examine(name));
    return { selected: engines.find((engine) => engine.available)?.name ?? null, engines };
  }

  /** Forgets how an engine did in its self-test: its library has changed. */
  forget(name: EngineName): void {
    this.#examined.delete(name);
  }

  #examine(name: EngineName): Promise<EngineInfo> {
    const present = this.#examined.get(name);
    if (present) return present;
    const examined = this.#examineInChild(name);
    this.#examined.set(name, examined);
    return examined;
  }

  async #examineInChild(name: EngineName): Promise<EngineInfo> {
    let hasTimedOut = false;
    try {
      const job: Job = { kind: 'self-test', engines: [name] };
      const child = runInChild(this.#spawn(await this.#childEnvironment(name)), job, () => undefined);
      const limit = setTimeout(() => {
        hasTimedOut = true;
        child.kill();
      }, this.#selfTestLimitMs);
      const { engines } = (await child.finished.finally(() => clearTimeout(limit))) as EngineSelection;
      return engines[0]!;
    } catch (error) {
      const found = error instanceof StrataError ? [error.message, error.found].filter(Boolean).join(' ') : String(error);
      const reason = hasTimedOut ? `Its self-test did not end within ${this.#selfTestLimitMs / 1000} seconds.` : found;
      return { name, available: false, reason, version: null, selfTest: null };
    }
  }

  async #withEngine(job: EngineJob): Promise<{ resolved: EngineJob; environment: Record<string, string> }> {
    const wanted = parseEngineName(job.kind === 'train' ? job.configuration.engine : job.engine);
    const engine = wanted === 'auto' ? await this.#automatic() : wanted;
    const resolved = job.kind === 'train' ? { ...job, configuration: { ...job.configuration, engine } } : { ...job, engine };
    return { resolved, environment: await this.#childEnvironment(engine) };
  }

  /** Stops at the first that works: what follows need not be loaded for it. */
  async #automatic(): Promise<EngineName> {
    const reasons: string[] = [];
    for (const name of ENGINE_NAMES) {
      const { available, reason } = await this.#examine(name);
      if (available) return name;
      reasons.push(`${name}: ${reason}`);
    }
    throw new StrataError('ENGINE', 'No tensor engine works on this machine.', {
      found: reasons.join('; '),
      hint: 'Run "npm run setup" and read what it says.',
    });
  }

  async #childEnvironment(engine: EngineName): Promise<Record<string, string>> {
    return { ...(await engineEnvironment(engine, this.#directory)), STRATA_ENGINE_DIR: this.#directory };
  }
}

export interface EngineSelection {
  selected: string | null;
  engines: EngineInfo[];
}

type ChildJob = JobHandle;

/** Sends a job to a fresh trainer process and follows it to its end. */
function runInChild(port: TrainerPort, job: Job, onEvent: (event: TrainerEvent) => void): ChildJob {
  let isEnded = false;
  const kill = (): void => {
    isEnded = true;
    port.kill();
  };
  const finished = new Promise<unknown>((resolve, reject) => {
    port.onMessage((message) => {
      const parsed = trainerEventSchema.safeParse(message);
      if (!parsed.success) {
        // Only a fault of ours can do that; it must not end the studio.
        reject(new StrataError('INTERNAL', 'The trainer process said something that is no message.', { found: parsed.error.message }));
        port.kill();
        return;
      }
      const event = parsed.data;
      if (event.type === 'finished') resolve(event.result);
      else if (event.type === 'failed') reject(StrataError.fromRecord(event.error));
      else onEvent(event);
    });
    port.onExit((end) => reject(isEnded ? endedOnRequest() : explainEnd(end, workOf(job))));
  });
  port.send({ type: 'start', job });
  return {
    finished,
    control: (control) => (workOf(job) === 'other' ? kill() : port.send({ type: 'control', control })),
    tell: (command) => port.send(command),
    kill,
  };
}

function endedOnRequest(): StrataError {
  return new StrataError('CRASHED', 'The trainer process was ended on request.', {
    hint: 'A training run can be resumed from its last checkpoint.',
  });
}

/** For whoever starts trainers in another way: see SpawnTrainer. */
export { LastWords };

/** The trainer as a forked Node process: outside Electron. */
function forkTrainer(environment: Record<string, string>): TrainerPort {
  const entry = fileURLToPath(new URL('./process.ts', import.meta.url));
  const child = fork(entry, [], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Its own process group: Ctrl-C goes to the studio, which asks the trainer to save a checkpoint.
    detached: true,
    serialization: 'advanced',
  });
  const lastWords = new LastWords();
  child.stderr?.on('data', (chunk: Buffer) => lastWords.hear(chunk));
  return {
    send: (command) => {
      // A process that is just dying can no longer be written to; its exit tells more than the failed write.
      if (child.connected) child.send(command, () => undefined);
    },
    onMessage: (listener) => child.on('message', listener),
    onExit: (listener) => {
      child.on('error', (error) => listener({ code: null, signal: null, words: error.message })); // it could not be started at all
      child.on('close', (code, signal) => listener({ code, signal, words: lastWords.toString() }));
    },
    kill: () => child.kill('SIGKILL'),
  };
}
