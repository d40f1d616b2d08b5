import { fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINE_NAMES } from '../../main/engine/load-engine.ts';
import type { Control, Job, TrainerEvent, TrainJob, TrainResult } from '../../main/training/messages.ts';
import { trainResultSchema } from '../../main/training/messages.ts';
import { type EngineSelection, ProcessExecutor, type SpawnTrainer } from '../../main/training/process-executor.ts';
import type { GenerateRequest, JobVoice } from '../../main/training/speech-messages.ts';
import { StrataError } from '../../shared/errors.ts';
import { engineNames, fastEngine } from '../support/engines.ts';
import { withLimitedMemory } from '../support/limited-process.ts';
import { measurementsOf, prepareTinyTraining, type TinyTraining, weightsFile } from '../support/train-jobs.ts';

let tiny: TinyTraining;
beforeAll(async () => {
  tiny = await prepareTinyTraining();
});
afterAll(() => tiny.remove());

const executor = new ProcessExecutor();

interface Session {
  result: TrainResult | null;
  error: StrataError | null;
  events: TrainerEvent[];
}

/** Runs a job in a trainer process to its end; `onEvent` may say what is asked of it, or that it is to be killed. */
async function runInProcess(job: Job, onEvent: (event: TrainerEvent) => Control | 'kill' | void = () => undefined): Promise<Session> {
  const events: TrainerEvent[] = [];
  const handle = executor.start(job, (event) => {
    events.push(event);
    const wish = onEvent(event);
    if (wish === 'kill') handle.kill();
    else if (wish) handle.control(wish);
  });
  try {
    return { result: (await handle.finished) as TrainResult, error: null, events };
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return { result: null, error: error as StrataError, events };
  }
}

const evaluateJob = (changes: Partial<Extract<Job, { kind: 'evaluate' }>> = {}): Job => ({
  kind: 'evaluate',
  engine: fastEngine,
  modelDirectory: tiny.sources.model,
  files: [tiny.sources.oldText],
  context: 32,
  ...changes,
});

describe('a training in a process of its own', () => {
  /** Long enough that a message reaches the trainer while it trains. */
  const long = { steps: 60, checkpointEverySteps: 5, evaluation: { everySteps: 20, tokens: 100 } };
  let whole: Session;
  let wholeJob: TrainJob;
  beforeAll(async () => {
    wholeJob = tiny.job('whole', long);
    whole = await runInProcess(wholeJob);
  });

  it('reports its progress in messages of the schema, and its result', () => {
    expect(trainResultSchema.parse(whole.result)).toEqual(whole.result);
    expect(whole.result).toMatchObject({ outcome: 'done', saved: true, stepsDone: 60 });
    expect(whole.result!.peakMemory).toBeGreaterThan(30e6);
    expect(new Set(whole.events.map(({ type }) => type))).toEqual(
      new Set(['activity', 'baseline', 'prepared', 'progress', 'evaluation', 'checkpoint']),
    );
    expect(whole.events.find((event) => event.type === 'prepared')!.engine).toBe(fastEngine);
    const trained = Object.keys(measurementsOf(whole.events)).filter((key) => key.endsWith('loss.train'));
    expect(trained).toHaveLength(60);
  });

  it('that is paused by a message, and resumed, equals an uninterrupted one to the last bit', async () => {
    const job = tiny.job('message-pause', long);
    const first = await runInProcess(job, (event) => (event.type === 'progress' ? 'pause' : undefined));
    expect(first.result).toMatchObject({ outcome: 'paused', saved: false });
    expect(first.result!.stepsDone).toBeLessThan(60);
    const second = await runInProcess(job);
    expect(second.events.find((event) => event.type === 'prepared')!.step).toBe(first.result!.stepsDone);
    expect(second.result).toMatchObject({ outcome: 'done', final: whole.result!.final });
    expect((await weightsFile(job)).equals(await weightsFile(wholeJob))).toBe(true);
    expect(measurementsOf([...first.events, ...second.events])).toEqual(measurementsOf(whole.events));
  });

  it('that is killed loses the steps since its last checkpoint only, and ends as an uninterrupted one', async () => {
    const job = tiny.job('killed', long);
    const first = await runInProcess(job, (event) => (event.type === 'checkpoint' && event.step === 10 ? 'kill' : undefined));
    expect(first.error).toMatchObject({ code: 'CRASHED', exitCode: 1 });
    expect(first.error!.message).toBe('The trainer process was ended on request.');
    expect(first.error!.hint).toMatch(/resumed from its last checkpoint/);
    expect(existsSync(job.modelDirectory)).toBe(false);
    // What the checkpoint has behind it was told before it was written.
    expect(Object.keys(measurementsOf(first.events))).toEqual(
      expect.arrayContaining(Array.from({ length: 10 }, (_, index) => `${index + 1} loss.train`)),
    );
    const second = await runInProcess(job);
    const wentOnFrom = second.events.find((event) => event.type === 'prepared')!.step;
    expect(wentOnFrom).toBeGreaterThanOrEqual(10);
    expect(wentOnFrom % 5).toBe(0);
    expect((await weightsFile(job)).equals(await weightsFile(wholeJob))).toBe(true);
    expect(measurementsOf([...first.events, ...second.events])).toEqual(measurementsOf(whole.events));
  });

  it('that gets the message stop keeps what it has learned', async () => {
    // So many steps that the message arrives before the last, however slow the machine is with it.
    const job = tiny.job('message-stop', { ...long, steps: 20_000 });
    const { result } = await runInProcess(job, (event) => (event.type === 'progress' ? 'stop' : undefined));
    expect(result).toMatchObject({ outcome: 'stopped', saved: true });
    expect(result!.stepsDone).toBeLessThan(20_000);
    expect(existsSync(join(job.modelDirectory, 'model.safetensors'))).toBe(true);
  });

  it('fails with the error of the trainer, found, allowed and hint included', async () => {
    const { error } = await runInProcess({ ...tiny.job('no-base'), baseModelDirectory: join(tiny.directory, 'nowhere') });
    expect(error).toMatchObject({ code: 'NOT_FOUND', exitCode: 2, found: join(tiny.directory, 'nowhere') });
    expect(error!.allowed).toMatch(/Hugging Face folder/);
  });
});

describe.skipIf(process.platform === 'win32')('a trainer process that dies while it trains', () => {
  /** Long enough that it does not end by itself, and with checkpoints, the first of which is waited for. */
  const endless = { steps: 1_000_000, checkpointEverySteps: 2, evaluation: { everySteps: 1_000_000, tokens: 100 } };

  it.each([
    ['SIGKILL', /^SIGKILL: it was killed from outside, as the system does .* memory runs out/, /memory.*smaller batch or context/],
    ['SIGABRT', /^SIGABRT: the engine gave up/, /resumed from its last checkpoint/],
    ['SIGSEGV', /^SIGSEGV: the engine crashed/, /resumed from its last checkpoint/],
    ['SIGTERM', /^SIGTERM: it was asked to end/, /resumed from its last checkpoint/],
  ] as const)('by %s is told in words, and its run goes on from its last checkpoint', async (signal, found, hint) => {
    const job = tiny.job(`dies by ${signal}`, endless);
    const first = await runInProcess(job, (event) => {
      if (event.type === 'checkpoint' && event.step === 4) process.kill(trainerOf(job), signal);
    });
    expect(first.error).toMatchObject({ code: 'CRASHED', exitCode: 1, message: 'The trainer process ended without an answer.' });
    expect(first.error!.found).toMatch(found);
    expect(first.error!.hint).toMatch(hint);
    const second = await runInProcess(job, (event) => (event.type === 'prepared' ? 'pause' : undefined));
    expect(second.events.find((event) => event.type === 'prepared')!.step).toBeGreaterThanOrEqual(4);
    expect(second.result).toMatchObject({ outcome: 'paused' });
  });

  it.skipIf(process.platform !== 'linux' || fastEngine !== 'tensorflow-cpu')(
    'because there is no memory left says that, and what to do',
    // Where the allocation that fails is one of a thread's own, TensorFlow may wait for ever instead.
    { retry: 2 },
    async () => {
      // What the engine and the model need fits (6 GB of addresses, most of them never used); the activations of so many windows do not.
      // TensorFlow waits ten seconds for memory before it gives up.
      const job = tiny.job('too large', {
        ...endless,
        batch: 20_000,
        microBatch: 20_000,
        context: 64,
        evaluation: { everySteps: 1_000_000, tokens: 64 },
      });
      const { error, events } = await withLimitedMemory(tiny.directory, 8_000_000, () => runInProcess(job));
      expect(events.map(({ type }) => type)).toContain('prepared');
      expect(error).toMatchObject({ code: 'CRASHED', exitCode: 1, message: 'The trainer ran out of memory.' });
      expect(error!.found).toMatch(/OOM when allocating|bad_alloc/);
      expect(error!.hint).toMatch(/resumed from its last checkpoint.*smaller batch or context/);
    },
  );
});

/** The process that trains a job, as its lock says. */
const trainerOf = (job: TrainJob): number => Number(readFileSync(join(job.runDirectory, 'trainer.pid'), 'utf8').split(' ')[0]);

describe('what is asked before the process exists', () => {
  it('reaches a training once it does: it prepares, saves a checkpoint and ends', async () => {
    const job = tiny.job('early', { engine: 'auto' });
    const handle = executor.start(job, () => undefined);
    handle.control('pause');
    expect(await handle.finished).toMatchObject({ outcome: 'paused', stepsDone: 0 });
    expect(existsSync(join(job.runDirectory, 'checkpoint', 'state.json'))).toBe(true);
  });

  it.each(['control', 'kill'] as const)('by %s ends any other job before it starts', async (way) => {
    const handle = executor.start(evaluateJob(), () => undefined);
    if (way === 'control') handle.control('interrupt');
    else handle.kill();
    await expect(handle.finished).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
  });
});

describe('a process that answers requests', () => {
  const voice = (): JobVoice => ({ modelDirectory: tiny.sources.model, strengths: null, gate: null });
  const generate = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
    ...{ kind: 'generate', voice: voice(), prompt: 'The ', maxTokens: 4, temperature: 0, seed: 0 },
    ...changes,
  });

  it('takes them before it exists, works on several side by side, loads a model once, and stops one that is taken back', async () => {
    const heard: TrainerEvent[] = [];
    const ends = Promise.withResolvers<void>();
    const handle = executor.start({ kind: 'speech', engine: fastEngine }, (event) => {
      heard.push(event);
      const isFirstOfLong = event.type === 'said' && event.number === 2 && event.event.kind === 'token';
      if (isFirstOfLong) handle.tell({ type: 'leave', number: 2 });
      if (heard.filter(({ type }) => type === 'answered' || type === 'refused').length === 4) ends.resolve();
    });
    handle.tell({ type: 'ask', number: 1, request: generate() });
    handle.tell({ type: 'ask', number: 2, request: generate({ maxTokens: 60 }) });
    handle.tell({ type: 'ask', number: 3, request: generate({ prompt: 'x'.repeat(100) }) });
    handle.tell({ type: 'ask', number: 4, request: generate({ voice: { ...voice(), modelDirectory: '/nowhere' } }) });
    await ends.promise;
    handle.control('interrupt');
    await expect(handle.finished).rejects.toMatchObject({ code: 'CRASHED' });

    const of = (number: number): TrainerEvent[] => heard.filter((event) => 'number' in event && event.number === number);
    const tokens = (number: number): number => of(number).filter((event) => event.type === 'said' && event.event.kind === 'token').length;
    expect(tokens(1)).toBe(4);
    expect(of(1).at(-1)).toMatchObject({ type: 'answered', result: { tokenIds: { length: 4 }, end: 'length' } });
    expect(tokens(2)).toBeLessThan(60);
    expect(of(2).at(-1)).toMatchObject({ type: 'answered' });
    expect(of(3)).toMatchObject([{ type: 'refused', error: { code: 'BAD_INPUT', found: '101 tokens' } }]);
    expect(of(4).at(-1)).toMatchObject({ type: 'refused', error: { code: 'NOT_FOUND' } });
    const loadings = heard.filter((event) => event.type === 'said' && event.event.kind === 'loading');
    expect(loadings).toHaveLength(2); // the model, and the one that is not there
  });
});

describe('engines', () => {
  it('are each tested in a process of their own, and the first that passes is selected', async () => {
    const selection = (await executor.start({ kind: 'self-test', engines: [] }, () => undefined).finished) as EngineSelection;
    expect(selection.selected).toBe(fastEngine);
    expect(selection.engines.map(({ name }) => name)).toEqual([...ENGINE_NAMES]);
    for (const { name, available, reason, version, selfTest } of selection.engines) {
      expect(available, name).toBe((engineNames as string[]).includes(name));
      expect(reason).not.toBe('');
      if (available)
        expect({ version, selfTest }).toEqual({
          version: expect.stringMatching(/\d+\.\d+/) as unknown,
          selfTest: expect.objectContaining({ passed: true }) as unknown,
        });
    }
  });

  it('that are not set up say why, and the next one is selected', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'strata-engine-'));
    const without = new ProcessExecutor({ engineDirectory: empty });
    const { selected, engines } = await without.selectEngine();
    expect(selected).toBe('wasm');
    const tensorflow = engines.find(({ name }) => name === 'tensorflow-cpu');
    expect(tensorflow).toMatchObject({ available: false, selfTest: null });
    expect(tensorflow!.reason).toContain(`no engine in ${empty}`);
    await rm(empty, { recursive: true });
  });

  it('that nobody knows are refused by name', async () => {
    for (const job of [tiny.job('unknown', { engine: 'cuda' }), evaluateJob({ engine: 'cuda' })]) {
      const { error } = await runInProcess(job);
      expect(error).toMatchObject({ code: 'BAD_INPUT', exitCode: 2, found: 'cuda' });
      expect(error!.allowed).toContain('wasm');
    }
  });
});

describe('a process that does not do as it should', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'strata-trainer-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  /** An executor whose trainer is a small program of the test. */
  async function executorOf(name: string, program: string): Promise<ProcessExecutor> {
    const path = join(directory, `${name}.mjs`);
    await writeFile(path, program);
    const spawn: SpawnTrainer = () => {
      const child = fork(path, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
      let words = '';
      child.stderr!.on('data', (chunk: Buffer) => (words += chunk.toString()));
      return {
        send: (command) => child.send(command),
        onMessage: (listener) => child.on('message', listener),
        onExit: (listener) => child.on('close', (code, signal) => listener({ code, signal, words })),
        kill: () => child.kill('SIGKILL'),
      };
    };
    return new ProcessExecutor({ spawn });
  }

  it('dies: the error has its exit code and last words', async () => {
    const { error } = await runInProcess(evaluateJob({ context: -1 }));
    expect(error).toMatchObject({ code: 'CRASHED', exitCode: 1, message: 'The trainer process ended without an answer.' });
    expect(error!.found).toMatch(/^exit code 1\. /);
    expect(error!.found).toMatch(/context/);
  });

  it('dies without a word', async () => {
    const silent = await executorOf('silent', 'process.on("message", () => process.exit(7));');
    const handle = silent.start(evaluateJob(), () => undefined);
    await expect(handle.finished).rejects.toMatchObject({ code: 'CRASHED', found: 'exit code 7' });
    handle.control('interrupt'); // too late, and harmless
    handle.kill();
  });

  it('says what is no message: the job fails, the studio does not', async () => {
    const babbling = await executorOf(
      'babbling',
      'process.on("message", () => process.send({ type: "progress", step: "two" })); setInterval(() => {}, 1000);',
    );
    const handle = babbling.start(evaluateJob(), () => undefined);
    await expect(handle.finished).rejects.toMatchObject({ code: 'INTERNAL', found: expect.stringMatching(/step/) as unknown });
  });

  it('ends on interrupt when it does not train', async () => {
    const slow = await executorOf(
      'slow',
      'process.on("message", () => process.send({ type: "activity", text: "thinking" })); setInterval(() => {}, 1000);',
    );
    const handle = slow.start(evaluateJob(), () => handle.control('interrupt'));
    await expect(handle.finished).rejects.toMatchObject({ code: 'CRASHED', message: 'The trainer process was ended on request.' });
  });

  it('cannot be started at all', async () => {
    const { execPath } = process;
    process.execPath = join(directory, 'no-node');
    try {
      const { error } = await runInProcess(evaluateJob());
      expect(error).toMatchObject({ code: 'CRASHED' });
      expect(error!.found).toMatch(/ENOENT/);
    } finally {
      process.execPath = execPath;
    }
  });

  it('outlives its studio: a training saves a checkpoint and ends', async () => {
    const job = tiny.job('orphan', {
      steps: 1_000_000,
      checkpointEverySteps: 1_000_000,
      evaluation: { everySteps: 1_000_000, tokens: 100 },
    });
    const studio = join(directory, 'studio.mjs');
    await writeFile(
      studio,
      `import { ProcessExecutor } from ${JSON.stringify(join(import.meta.dirname, '../../main/training/process-executor.ts'))};
       new ProcessExecutor().start(${JSON.stringify(job)}, (event) => { if (event.type === 'progress') process.kill(process.pid, 'SIGKILL'); });`,
    );
    await new Promise((resolve) => fork(studio).on('exit', resolve));
    const state = join(job.runDirectory, 'checkpoint', 'state.json');
    await expect.poll(() => existsSync(state), { timeout: 30_000 }).toBe(true);
    expect((JSON.parse(await readFile(state, 'utf8')) as { state: { step: number } }).state.step).toBeGreaterThan(0);
  });
});
