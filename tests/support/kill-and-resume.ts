import { existsSync, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import type { TrainerEvent, TrainJob } from '../../main/training/messages.ts';
import { randomStream } from '../../shared/domain/random.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { StrataError } from '../../shared/errors.ts';
import { measurementsOf, type TinyTraining, weightsFile } from './train-jobs.ts';

/** Where the trainer was when it was killed, as far as what it left behind tells. */
export interface Kills {
  total: number;
  /** Before the first step of its session: loading, restoring, measuring the base. */
  early: number;
  whileWritingCheckpoint: number;
  /** After the last step: measuring and saving the model. */
  afterTraining: number;
  /** Runs that were carried to their end like this. */
  runs: number;
}

/** How often each phase is aimed at, and the ms within which its random moment lies: as long as the phase takes, about. */
const PHASES = [
  { after: 'start', share: 0.2, windowMs: 700 },
  { after: 'restored', share: 0.7, windowMs: 500 },
  { after: 'trained', share: 0.1, windowMs: 60 },
] as const;
type Phase = (typeof PHASES)[number]['after'];

/** Runs that differ in what is trained, on what, and how often it is saved. */
const RUNS: Partial<RunConfiguration>[] = [
  { checkpointEverySteps: 1 },
  // Its windows come again, so that what frozen blocks make of them is kept, and lost with the process.
  { checkpointEverySteps: 3, batch: 4, context: 64 },
  { checkpointEverySteps: 1, method: { name: 'full' }, learningRate: 1e-3 },
];

const executor = new ProcessExecutor();

/**
 * Trains runs in real trainer processes, kills each process with SIGKILL at a random moment and starts the next one on what it left,
 * until so many were killed and the last run is at its end. Every measurement of every session, and the bytes of every model, must be
 * those of the same run without a kill; what was once saved must never be trained again.
 */
export async function killAndResume(tiny: TinyTraining, kills: number, seed: number): Promise<Kills> {
  const random = randomStream(seed);
  const common = { steps: 60, batch: 2, evaluation: { everySteps: 7, tokens: 100 } };
  const counts: Kills = { total: 0, early: 0, whileWritingCheckpoint: 0, afterTraining: 0, runs: 0 };
  const undisturbed = new Map<number, Outcome>();
  while (counts.total < kills) {
    const kind = counts.runs % RUNS.length;
    if (!undisturbed.has(kind)) undisturbed.set(kind, await runUndisturbed(tiny.job(`undisturbed-${kind}`, { ...common, ...RUNS[kind]! })));
    const wanted = undisturbed.get(kind)!;
    const job = tiny.job(`killed-${counts.runs}`, { ...common, ...RUNS[kind]! });
    const all: TrainerEvent[] = [];
    for (let saved = 0, isDone = false; !isDone;) {
      const moment = randomMoment(random);
      const { events, error } = await session(job, counts.total < kills ? moment : null);
      const place = `kill ${counts.total + 1}, seed ${seed}, ${moment.join(' + ')} ms, run ${job.runDirectory}`;
      isDone = error === null;
      if (!isDone) count(counts, job, events, error!, place);
      expect(
        events.filter(({ type }) => type === 'warning'),
        place,
      ).toEqual([]);
      const from = events.find((event) => event.type === 'prepared')?.step ?? saved;
      expect(from, place).toBeGreaterThanOrEqual(saved);
      saved = events.reduce((step, event) => (event.type === 'checkpoint' ? event.step : step), from);
      for (const [key, value] of Object.entries(measurementsOf(events))) expect(value, `${key}, ${place}`).toBe(wanted.measurements[key]);
      all.push(...events);
    }
    expect(measurementsOf(all)).toEqual(wanted.measurements);
    expect((await weightsFile(job)).equals(wanted.weights), `the weights of ${job.modelDirectory}`).toBe(true);
    counts.runs++;
  }
  return counts;
}

interface Outcome {
  measurements: Record<string, number>;
  weights: Buffer;
}

async function runUndisturbed(job: TrainJob): Promise<Outcome> {
  const { events, error } = await session(job, null);
  expect(error).toBeNull();
  return { measurements: measurementsOf(events), weights: await weightsFile(job) };
}

/** So many ms after a phase has begun. */
type Moment = [after: Phase, ms: number];

function randomMoment(random: () => number): Moment {
  let aim = random();
  const phase = PHASES.find(({ share }) => (aim -= share) < 0) ?? PHASES[0];
  return [phase.after, random() * phase.windowMs];
}

/** One trainer process, to its end or until it is killed. */
async function session(job: TrainJob, moment: Moment | null): Promise<{ events: TrainerEvent[]; error: StrataError | null }> {
  const events: TrainerEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  const arm = (begun: Phase): void => {
    if (moment?.[0] === begun) timer = setTimeout(() => handle.kill(), moment[1]);
  };
  const handle = executor.start(job, (event) => {
    events.push(event);
    if (event.type === 'prepared') arm('restored');
    if (isMeasuringResult(event)) arm('trained');
  });
  arm('start');
  const error = await handle.finished.then(
    () => null,
    (failure: unknown) => failure as StrataError,
  );
  clearTimeout(timer);
  return { events, error };
}

function count(counts: Kills, job: TrainJob, events: readonly TrainerEvent[], error: StrataError, place: string): void {
  expect(error.toRecord(), place).toMatchObject({ code: 'CRASHED', message: 'The trainer process was ended on request.' });
  counts.total++;
  const left = existsSync(job.runDirectory) ? readdirSync(job.runDirectory) : [];
  if (left.includes('checkpoint.next')) counts.whileWritingCheckpoint++;
  if (!events.some(({ type }) => type === 'progress')) counts.early++;
  if (events.some(isMeasuringResult)) counts.afterTraining++;
}

const isMeasuringResult = (event: TrainerEvent): boolean => event.type === 'activity' && event.text === 'measuring the result';
