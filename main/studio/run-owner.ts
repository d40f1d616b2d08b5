import type { RunStatus } from '../../shared/domain/run.ts';
import { type ErrorRecord, toStrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { insertMeasurements } from '../store/measurements.ts';
import { findRun, insertMetrics, lastMetric, type StoredRun, updateRun } from '../store/runs.ts';
import { insertSamples, writeDrawnWindows, writeSamplePrompts } from '../store/training-view.ts';
import { evaluationPoints } from '../training/evaluation.ts';
import type { JobHandle } from '../training/executor.ts';
import type { Control, TrainerEvent, TrainJob, TrainResult } from '../training/messages.ts';
import { now, type StudioContext } from './context.ts';
import type { Models } from './models.ts';

/** How often an owner looks for requests from other processes and says that it is alive. */
const POLL_INTERVAL_MS = 300;

/** Trains one run, which is this process's already: starts the job, writes what it reports into the store, hears what is asked of it. */
export class RunOwner {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #id: string;
  readonly #handle: JobHandle;
  /** Why what the trainer reports can no longer be recorded. */
  #unrecorded: ErrorRecord | null = null;
  /** Resolves when the run has ended, however it ended, with the reason if that could not be recorded; never rejects. */
  readonly ended: Promise<ErrorRecord | null>;

  constructor(context: StudioContext, models: Models, run: StoredRun, job: TrainJob) {
    this.#context = context;
    this.#models = models;
    this.#id = run.id;
    updateRun(context.store, run.id, {
      status: 'preparing',
      error: null,
      requested: null,
      activity: words('said.starting'),
      finishedAt: null,
    });
    this.#handle = context.executor.start(job, (event) => this.#record(event));
    const poll = setInterval(() => this.#hear(), POLL_INTERVAL_MS);
    this.ended = this.#handle.finished
      .then(
        (result) => this.#finish(result as TrainResult),
        (error: unknown) => this.#fail(toStrataError(error).toRecord()),
      )
      .then(
        () => null,
        (error: unknown) => toStrataError(error).toRecord(),
      )
      .finally(() => clearInterval(poll));
  }

  control(control: Control): void {
    this.#handle.control(control);
  }

  #hear(): void {
    const { store, log } = this.#context;
    try {
      // Asleep for so long that somebody else took the run: two trainers must not write the same checkpoints.
      if (!this.#isOwned()) return this.#handle.control('interrupt');
      const requested = findRun(store, this.#id)?.requested ?? null;
      updateRun(store, this.#id, { heartbeatAt: now(), ...(requested ? { requested: null } : {}) });
      if (requested) this.#handle.control(requested);
    } catch (error) {
      log(`run ${this.#id} could not say that it is alive: ${toStrataError(error).message}`);
    }
  }

  /** Whether the run is still this process's to write about. */
  #isOwned(): boolean {
    return findRun(this.#context.store, this.#id)?.ownerPid === process.pid;
  }

  /** What cannot be written down (a full disk) must not be trained on either: the trainer saves a checkpoint and ends. */
  #record(event: TrainerEvent): void {
    if (this.#unrecorded) return;
    try {
      if (this.#isOwned()) this.#apply(event);
    } catch (error) {
      this.#unrecorded = toStrataError(error).toRecord();
      this.#handle.control('interrupt');
    }
  }

  /** The step of the last measurement on the way. */
  #measuredAt(): number {
    const { store } = this.#context;
    return lastMetric(store, this.#id, 'loss.new', findRun(store, this.#id)?.stepsDone ?? 0)?.step ?? 0;
  }

  #apply(event: TrainerEvent): void {
    const { store } = this.#context;
    switch (event.type) {
      case 'activity':
        return updateRun(store, this.#id, { activity: event.text, ...(event.text === 'training' ? { status: 'running' as const } : {}) });
      case 'warning': {
        const { warnings } = findRun(store, this.#id)!;
        return updateRun(store, this.#id, { warnings: [...warnings, { at: now(), text: event.text }] });
      }
      case 'prepared': {
        const { engine, trainableTensors, trainableParameters, addedParameters, identityDifference, step } = event;
        return updateRun(store, this.#id, {
          engine,
          trainableTensors,
          trainableParameters,
          addedParameters,
          identityDifference,
          stepsDone: step,
          // A measurement from beyond the checkpoint that it goes on from says nothing about the present weights.
          ...(step < this.#measuredAt() ? { latest: null } : {}),
        });
      }
      case 'baseline':
        insertMetrics(store, this.#id, evaluationPoints(0, event.watched));
        insertMeasurements(store, this.#id, 0, event.evaluation.datasets ?? [], event.documents);
        // A resumed run says it again: the studio may have died before it heard it.
        return updateRun(store, this.#id, { baseline: event.evaluation, watchedBaseline: event.watched });
      case 'evaluation':
        insertMetrics(store, this.#id, evaluationPoints(event.step, event.watched));
        insertMeasurements(store, this.#id, event.step, event.evaluation.datasets ?? [], event.documents);
        return updateRun(store, this.#id, { latest: event.watched, stepsDone: event.step });
      case 'guard':
        // All that it did, as its checkpoint has it: what it did beyond that, it does again.
        return updateRun(store, this.#id, { guardEvents: event.events });
      case 'progress':
        insertMetrics(store, this.#id, event.points);
        writeDrawnWindows(store, this.#id, event.windows);
        return updateRun(store, this.#id, {
          stepsDone: event.step,
          tokensPerSecond: event.tokensPerSecond,
          secondsLeft: event.secondsLeft,
        });
      case 'prompts':
        return writeSamplePrompts(store, this.#id, event.prompts);
      case 'samples':
        insertSamples(store, this.#id, event.samples);
        return updateRun(store, this.#id, { samplingSeconds: event.seconds });
      case 'checkpoint':
      case 'done':
      case 'import':
      case 'finished':
      case 'failed':
      case 'said':
      case 'answered':
      case 'refused':
        return;
    }
  }

  async #finish(result: TrainResult): Promise<void> {
    const { store } = this.#context;
    const run = findRun(store, this.#id);
    if (!run || !this.#isOwned()) return; // deleted, or taken, from elsewhere
    if (this.#unrecorded && !result.saved) return this.#fail(this.#unrecorded);
    const common = {
      stepsDone: result.stepsDone,
      tokens: result.tokens,
      seconds: result.seconds,
      measuringSeconds: result.measuringSeconds,
      samplingSeconds: result.samplingSeconds,
      tokensPerSecond: result.tokensPerSecond,
      repeatedShare: result.repeatedShare,
      peakMemory: Math.max(result.peakMemory, run.peakMemory ?? 0),
      secondsLeft: null,
      ownerPid: null,
      ownerSign: null,
      requested: null,
      activity: '',
    };
    if (!result.saved) return updateRun(store, this.#id, { ...common, status: result.outcome });
    const entry = {
      id: run.id,
      name: run.name,
      source: `trained by run ${run.name}`,
      baseModel: run.configuration.baseModel.id,
      run: run.id,
    };
    try {
      await this.#models.register(entry, (model) =>
        updateRun(store, this.#id, {
          ...common,
          status: result.outcome,
          final: result.final,
          gainError: result.gainError,
          forgettingError: result.forgettingError,
          model: model.id,
          modelPath: model.path,
          finishedAt: now(),
        }),
      );
    } catch (error) {
      this.#fail(toStrataError(error).toRecord());
    }
  }

  #fail(error: ErrorRecord): void {
    if (!this.#isOwned()) return;
    // A run that was asked to end before its process had started was interrupted, and so was one whose process died.
    const status: RunStatus = error.code === 'INTERRUPTED' || error.code === 'CRASHED' ? 'interrupted' : 'failed';
    updateRun(this.#context.store, this.#id, {
      status,
      error,
      ownerPid: null,
      ownerSign: null,
      requested: null,
      secondsLeft: null,
      activity: '',
      finishedAt: status === 'failed' ? now() : null,
    });
  }
}
