import type { z } from 'zod';
import type { MeasurementsAtStep, metricsRequestSchema, RunEvent, SamplesOfRun } from '../../shared/contract/runs.ts';
import type { StreamWindow, TrainPreview } from '../../shared/contract/training.ts';
import type { Movement } from '../../shared/domain/movement.ts';
import { canGoOn, type DrawnWindows, isUnfinished, type MetricPoint, type RunSummary } from '../../shared/domain/run.ts';
import { thin } from '../../shared/domain/thinning.ts';
import { toStrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { listMeasurements } from '../store/measurements.ts';
import { changeOwner, listMetrics, listRuns, type StoredRun, summaryOf, updateRun } from '../store/runs.ts';
import { listTraining, putIntoQueue } from '../store/run-queue.ts';
import { findDrawnWindows, listSamplePrompts, listSamples } from '../store/training-view.ts';
import { hasCheckpoint } from '../training/checkpoint.ts';
import { now, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Distances } from './distances.ts';
import { findStoredRun } from './find-run.ts';
import { followRun } from './follow-run.ts';
import type { Models } from './models.ts';
import { movementOf } from './movement.ts';
import { Once } from './once.ts';
import { RunEnding } from './run-ending.ts';
import { jobOf, type PreparedJob } from './run-job.ts';
import { RunOwners } from './run-owners.ts';
import { RunPlanning } from './run-planning.ts';
import { freezeRun, type FrozenRun, frozenAgain, recordRun } from './run-recording.ts';
import { checkpointsLost, deviceIsTaken, notResumable } from './run-refusals.ts';
import type { PastRun } from './run-time.ts';
import type { ParsedTrainRequest } from './train-request.ts';

/** Use cases of training: what a run is, and its life from start to end. */
export class Runs {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;
  readonly #planning: RunPlanning;
  readonly #owners: RunOwners;
  readonly #ending: RunEnding;
  /** Runs by the keys that they were started with. */
  readonly #started = new Once<RunSummary>();

  constructor(context: StudioContext, models: Models, datasets: Datasets, distances: Distances) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
    this.#planning = new RunPlanning(context, models, datasets, distances);
    this.#owners = new RunOwners(context, models);
    this.#ending = new RunEnding(context, this.#owners);
    this.markOrphans();
  }

  /**
   * What a run would do. It answers at once: where nobody chose a replay share and the distance of the data is not known, that is said.
   * @param onMeasure measures the distance in that case, as a start would; called before.
   */
  preview(request: ParsedTrainRequest, onMeasure?: () => void): Promise<TrainPreview> {
    return this.#planning.preview(request, onMeasure);
  }

  /** Windows of the run that a request would start, from a position on; none beyond its end. */
  stream(window: { request: ParsedTrainRequest; first: number; count: number }): Promise<StreamWindow[]> {
    return this.#planning.stream(window);
  }

  /** Runs that tell how fast an engine is here, latest first. */
  pastRuns(): Promise<PastRun[]> {
    return this.#planning.past();
  }

  /**
   * Records the run and starts its trainer, or puts the run into the queue while another one trains: the status says which. Where nobody
   * chose a replay share, the distance of the data is measured first unless it is known.
   * @param onChecked called when the model's files are what they should be, before anything is recorded.
   * @param options.queue false refuses the run while another one trains.
   * @param options.key of a start that may be asked for twice: the second call answers the first one's run, as it is by then.
   * @throws StrataError CONFLICT in that case.
   */
  async start(
    request: ParsedTrainRequest,
    onChecked: () => void = () => undefined,
    { queue = true, priority = 0, key }: { queue?: boolean; priority?: number; key?: string } = {},
  ): Promise<RunSummary> {
    const { id } = await this.#started.do(key, () => this.#start(request, onChecked, { queue, priority }));
    return this.show(id);
  }

  async #start(
    request: ParsedTrainRequest,
    onChecked: () => void,
    { queue, priority }: { queue: boolean; priority: number },
  ): Promise<RunSummary> {
    const { store } = this.#context;
    const frozen = await this.#freeze(request);
    onChecked();
    return this.#recordAndTrain(frozen, { priority }, () => {
      const [training] = listTraining(store);
      if (training && !queue) throw deviceIsTaken(training);
    });
  }

  /**
   * Puts runs into the queue, all of them or, when one is refused, none.
   * @param options.batch that they belong to.
   * @param options.onRecorded writes down what belongs to them, in the same transaction.
   */
  async enqueue(
    requests: readonly ParsedTrainRequest[],
    options: { batch?: string; priority?: number; onRecorded?: (ids: readonly string[]) => void } = {},
  ): Promise<RunSummary[]> {
    const { batch, priority = 0, onRecorded } = options;
    const frozen: FrozenRun[] = [];
    for (const request of requests) frozen.push(await this.#freeze(request));
    const ids = this.#context.store
      .transaction(() => {
        const recorded = frozen.map((each) => recordRun(this.#context, each, { priority, ...(batch ? { batch } : {}) }));
        onRecorded?.(recorded);
        return recorded;
      })
      .immediate();
    return ids.map((id) => this.show(id));
  }

  async #freeze(request: ParsedTrainRequest): Promise<FrozenRun> {
    return freezeRun(request, await this.#planning.resolve(request, () => undefined), this.#models);
  }

  /** Records a run and takes the device for it, if it is free, in one step. @param check may refuse it, in the same step. */
  #recordAndTrain(frozen: FrozenRun, fields: { priority: number; rerunOf?: string }, check: () => void = () => undefined): RunSummary {
    this.markOrphans();
    const [id, isTaken] = this.#context.store
      .transaction(() => {
        check();
        const recorded = recordRun(this.#context, frozen, fields);
        return [recorded, this.#owners.claim(this.find(recorded))] as const;
      })
      .immediate();
    if (isTaken) this.#owners.train(this.find(id), frozen.job);
    return this.show(id);
  }

  /**
   * Records a run that repeats another one exactly, and starts it or puts it into the queue.
   * @param job of the other run, checked to be the same as it was.
   * @param warnings that belong to it from the start.
   */
  repeat(original: StoredRun, job: PreparedJob, warnings: readonly string[]): RunSummary {
    return this.#recordAndTrain(frozenAgain(original, job, warnings), { priority: 0, rerunOf: original.id });
  }

  /**
   * Trains a run that waits in the queue, if the device is free and nobody else has taken either. What the run is refused for makes it a
   * failed one, so that it does not hold up those behind it.
   * @returns whether this process trains it now.
   */
  async startQueued(id: string): Promise<boolean> {
    const { store, log } = this.#context;
    const run = this.find(id);
    if (this.#owners.isClosing || run.status !== 'queued') return false;
    try {
      const job = await this.#prepare(run);
      if (this.#owners.isClosing || !this.#owners.claim(run)) return false;
      this.#owners.train(run, job);
      return true;
    } catch (error) {
      const record = toStrataError(error).toRecord();
      if (changeOwner(store, run, { status: 'failed', ownerPid: null, heartbeatAt: run.heartbeatAt })) {
        updateRun(store, id, { error: record, finishedAt: now() });
        log(`the queued run ${id} could not start: ${record.message}`);
      }
      return false;
    }
  }

  /** Whether a run trains, here or in another process of the workspace. */
  get isDeviceTaken(): boolean {
    this.markOrphans();
    return listTraining(this.#context.store).length > 0;
  }

  find(reference: string): StoredRun {
    return findStoredRun(this.#context.store, reference);
  }

  /** All but those in the bin, newest first. */
  list(): RunSummary[] {
    this.markOrphans();
    return listRuns(this.#context.store)
      .filter(({ deletedAt }) => deletedAt === null)
      .map(summaryOf);
  }

  show(reference: string): RunSummary {
    this.markOrphans();
    return summaryOf(this.find(reference));
  }

  /** In the order of series and steps, each series thinned where `points` says so. */
  metrics({ run, series, afterStep, points }: z.output<typeof metricsRequestSchema>): MetricPoint[] {
    const metrics = listMetrics(this.#context.store, this.find(run).id, afterStep, series);
    if (points === undefined) return metrics;
    return [...Map.groupBy(metrics, (point) => point.series)].flatMap(([name, all]) => {
      const { x, y } = thin({ x: all.map(({ step }) => step), y: all.map(({ value }) => value) }, points);
      return x.map((step, index): MetricPoint => ({ series: name, step, value: y[index]! }));
    });
  }

  /** What was measured of each dataset, step by step. */
  measurements({ run, afterStep = -1 }: { run: string; afterStep?: number }): MeasurementsAtStep[] {
    const steps = Map.groupBy(listMeasurements(this.#context.store, this.find(run).id, afterStep), ({ step }) => step);
    return [...steps].map(([step, measured]) => ({ step, datasets: measured.map(({ measure }) => measure) }));
  }

  /** Text that base and model wrote on the way, of the steps after one. */
  samples({ run, afterStep = -1 }: { run: string; afterStep?: number }): SamplesOfRun {
    const { store } = this.#context;
    const { id } = this.find(run);
    return { prompts: listSamplePrompts(store, id), samples: listSamples(store, id, afterStep) };
  }

  /** Windows that were trained on, as far as they are known. */
  windows({ run }: { run: string }): DrawnWindows | null {
    return findDrawnWindows(this.#context.store, this.find(run).id);
  }

  /**
   * How far a run moved its model from its base.
   * @throws StrataError CONFLICT when it has made no model yet, NOT_FOUND when its model or base is gone.
   */
  movement({ run, engine }: { run: string; engine?: string }): Promise<Movement> {
    return movementOf(this.#context, this.#models, this.#datasets, this.find(run), engine);
  }

  /** Follows a run, whoever trains it, until it neither waits in the queue nor goes on. An unknown run is refused at once, not at the first event. */
  watch({ run: reference }: { run: string }, signal?: AbortSignal): AsyncGenerator<RunEvent, void> {
    const { id } = this.find(reference);
    const look = (): void => {
      this.markOrphans();
      this.#owners.checkRecorded(id);
    };
    return followRun(this.#context.store, id, look, signal);
  }

  /** Saves a checkpoint and ends the trainer's process, which gives its memory back. A run that waits leaves the queue. */
  async pause({ run }: { run: string }): Promise<RunSummary> {
    return this.show(await this.#ending.ask(run, 'pause'));
  }

  /** Ends early: measures and saves what was learned so far. A run that waits leaves the queue for good. */
  async stop({ run }: { run: string }): Promise<RunSummary> {
    return this.show(await this.#ending.ask(run, 'stop'));
  }

  /** Asks for the end of a run that goes on, for a reason that stays with it; does not wait until it has ended. */
  stopBecause(id: string, stopReason: string): void {
    this.#ending.stopBecause(id, stopReason);
  }

  /**
   * Goes on from the last checkpoint as the same run, in this process; while another run trains it is put into the queue.
   * @throws StrataError CONFLICT when it cannot go on from where it was: it is not paused, or its base or data are no longer the same;
   * CORRUPT when its checkpoints are gone.
   */
  async resume({ run: reference }: { run: string }): Promise<RunSummary> {
    this.markOrphans();
    const { id } = this.find(reference);
    if (!isUnfinished(this.find(id).status) && this.#owners.control(id, 'interrupt')) {
      await this.#owners.ended(id); // it was taken for dead while it slept, and has not heard of it yet
    }
    const run = this.find(id);
    if (!canGoOn(run) || run.deletedAt !== null) throw notResumable(run);
    const wasSaved = (run.status === 'paused' && run.engine !== null) || run.stepsDone > run.configuration.checkpointEverySteps;
    if (wasSaved && !(await hasCheckpoint(run.directory))) throw checkpointsLost(run);
    const job = await this.#prepare(run);
    // Checked and taken in one step: of two that resume it at the same time, one does.
    if (this.#owners.claim(run)) this.#owners.train(run, job);
    else if (!putIntoQueue(this.#context.store, run)) throw notResumable(this.find(id));
    return this.show(run.id);
  }

  /** Runs whose process ended without their doing, in a crash or a power cut, and that can go on: what a studio offers when it is opened. */
  async resumable(): Promise<{ run: RunSummary; hasCheckpoint: boolean; reason: string }[]> {
    this.markOrphans();
    const found = listRuns(this.#context.store).filter((run) => run.status === 'interrupted' && run.deletedAt === null && canGoOn(run));
    return Promise.all(
      found.map(async (run) => ({
        run: summaryOf(run),
        hasCheckpoint: await hasCheckpoint(run.directory),
        reason: run.error?.message ?? words('said.processEnded'),
      })),
    );
  }

  /** Whether this process trains a run, which {@link close} would give a checkpoint. */
  get isTraining(): boolean {
    return this.#owners.isTraining;
  }

  /** Resolves when a run of this process has ended; at once for any other. */
  ended(id: string): Promise<void> {
    return this.#owners.ended(id);
  }

  /** Saves a checkpoint of every run of this process and waits until they have ended; none starts any more. */
  close(): Promise<void> {
    return this.#owners.close();
  }

  /** What a recorded run needs for its trainer. What of the base's past cannot be measured any more is noted on the run, once. */
  #prepare(run: StoredRun): Promise<PreparedJob> {
    return jobOf(run, this.#models, this.#datasets, (text) => {
      const { warnings } = this.find(run.id);
      if (warnings.some((warning) => warning.text === text)) return;
      updateRun(this.#context.store, run.id, { warnings: [...warnings, { at: now(), text }] });
    });
  }

  /** A run whose process is gone was interrupted; it can be resumed from its last checkpoint. */
  markOrphans(): void {
    this.#owners.markOrphans();
  }
}
