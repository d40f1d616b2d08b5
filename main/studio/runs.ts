import { setTimeout as delay } from 'node:timers/promises';
import type { MeasurementsAtStep, RunEvent } from '../../shared/contract/runs.ts';
import type { StreamWindow, TrainPreview } from '../../shared/contract/training.ts';
import type { Movement } from '../../shared/domain/movement.ts';
import {
  canGoOn,
  isUnfinished,
  type MetricPoint,
  type MetricSeries,
  type Role,
  type RunStatus,
  type RunSummary,
} from '../../shared/domain/run.ts';
import { type ErrorRecord, StrataError, toStrataError } from '../../shared/errors.ts';
import { openModelFolder } from '../models/model-folder.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { listMeasurements } from '../store/measurements.ts';
import {
  changeOwner,
  findRun,
  insertRun,
  lastMetric,
  listMetrics,
  listRunNames,
  listRuns,
  type StoredRun,
  summaryOf,
  updateRun,
} from '../store/runs.ts';
import { claimDevice, listTraining, nextPlace, putIntoQueue } from '../store/run-queue.ts';
import { hasCheckpoint } from '../training/checkpoint.ts';
import type { TrainJob } from '../training/messages.ts';
import { folderOf, newId, now, type StudioContext, uniqueName } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Distances } from './distances.ts';
import { findStoredRun } from './find-run.ts';
import { importanceOf } from './importance.ts';
import type { Models } from './models.ts';
import { movementOf } from './movement.ts';
import { isOrphaned, RunOwner } from './run-owner.ts';
import { jobOf, type PreparedJob } from './run-job.ts';
import { estimateTime, type PastRun } from './run-time.ts';
import { type ParsedTrainRequest, type ResolvedRequest, resolveRequest } from './train-request.ts';

/** How often a followed run is looked at: at most so many events a second reach a page. */
const WATCH_INTERVAL_MS = 200;
/** How long a pause or stop may take: a step, a measurement and a checkpoint. */
const CONTROL_TIMEOUT_MS = 10 * 60_000;

/** The first steps are slower: graphs are compiled. */
const LEAST_STEPS_TO_TELL = 10;

export const GOING_ON: readonly RunStatus[] = ['preparing', 'running'];

/** Use cases of training: what a run is, and its life from start to end. */
export class Runs {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;
  readonly #distances: Distances;
  /** Runs that this process trains. */
  readonly #owned = new Map<string, RunOwner>();
  /** Runs of this process that ended without the database hearing of it (a full disk), and why: told as soon as it can be. */
  readonly #unrecorded = new Map<string, ErrorRecord>();
  #isClosing = false;

  constructor(context: StudioContext, models: Models, datasets: Datasets, distances: Distances) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
    this.#distances = distances;
    this.markOrphans();
  }

  /**
   * What a run would do. It answers at once: where nobody chose a replay share and the distance of the data is not known, that is said.
   * @param onMeasure measures the distance in that case, as a start would; called before.
   */
  async preview(request: ParsedTrainRequest, onMeasure?: () => void): Promise<TrainPreview> {
    const { preview, ...planned } = await this.#resolve(request, onMeasure);
    const time = estimateTime(planned, await this.pastRuns());
    // Every window costs the same, whatever it is of.
    const mixture = preview.mixture.map((each) => ({ ...each, seconds: time && time.seconds * each.share }));
    return { ...preview, mixture, time };
  }

  /** Windows of the run that a request would start, from a position on; none beyond its end. */
  async stream({ request, first, count }: { request: ParsedTrainRequest; first: number; count: number }): Promise<StreamWindow[]> {
    const { mixture, configuration } = await this.#resolve(request);
    const last = Math.min(first + count, configuration.steps * configuration.batch);
    const positions = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
    return positions.map((position) => ({ position, ...mixture.at(position) }));
  }

  /** @param onMeasure called before a distance is measured that is needed and not known; without it none is. What is refused is not measured. */
  async #resolve(request: ParsedTrainRequest, onMeasure?: () => void): Promise<ResolvedRequest> {
    const { store } = this.#context;
    const resolve = (): Promise<ResolvedRequest> =>
      resolveRequest(request, this.#models, this.#datasets, {
        importanceOf: (base, old, rendering) => importanceOf(store, base, old, rendering),
        replayDefault: (sides) => this.#distances.replayDefault(sides),
      });
    const resolved = await resolve();
    if (!onMeasure || resolved.preview.replayBasis !== 'unmeasured') return resolved;
    onMeasure();
    const of = (role: Role): StoredDataset[] =>
      resolved.configuration.datasets.filter((dataset) => dataset.role === role).map(({ id }) => this.#datasets.find(id));
    await this.#distances.learn({ new: of('new'), old: of('old') });
    return resolve();
  }

  /** Runs that tell how fast an engine is here, latest first: not those whose base is gone, that failed, or that hardly got beyond their first steps. */
  async pastRuns(): Promise<PastRun[]> {
    const models = new Map(this.#models.list().map(({ id, path }) => [id, path]));
    const past: PastRun[] = [];
    for (const { name, engine, tokensPerSecond, repeatedShare, configuration, status, stepsDone } of listRuns(this.#context.store)) {
      const path = models.get(configuration.baseModel.id);
      if (status === 'failed' || stepsDone < LEAST_STEPS_TO_TELL) continue;
      if (path === undefined || engine === null || !tokensPerSecond || past.some((run) => run.engine === engine)) continue;
      const folder = await openModelFolder(path);
      await folder.close();
      past.push({ name, engine, tokensPerSecond, repeatedShare: repeatedShare ?? 0, configuration, modelConfig: folder.config });
    }
    return past;
  }

  /**
   * Records the run and starts its trainer, or puts the run into the queue while another one trains: the status says which. Where nobody
   * chose a replay share, the distance of the data is measured first unless it is known.
   * @param onChecked called when the model's files are what they should be, before anything is recorded.
   * @param options.queue false refuses the run while another one trains.
   * @throws StrataError CONFLICT in that case.
   */
  async start(
    request: ParsedTrainRequest,
    onChecked: () => void = () => undefined,
    { queue = true, priority = 0 }: { queue?: boolean; priority?: number } = {},
  ): Promise<RunSummary> {
    const { store } = this.#context;
    const frozen = await this.#freeze(request, onChecked);
    this.markOrphans();
    const [id, isTaken] = store
      .transaction(() => {
        const [training] = listTraining(store);
        if (training && !queue) throw deviceIsTaken(training);
        const recorded = this.#record(frozen, { priority });
        return [recorded, claimDevice(store, this.find(recorded), { ownerPid: process.pid, heartbeatAt: now() })] as const;
      })
      .immediate();
    if (isTaken) this.#own(this.find(id), frozen.job);
    return this.show(id);
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
        const recorded = frozen.map((each) => this.#record(each, { priority, ...(batch ? { batch } : {}) }));
        onRecorded?.(recorded);
        return recorded;
      })
      .immediate();
    return ids.map((id) => this.show(id));
  }

  /** What a request becomes: resolved, checked, and frozen from here on. Nothing is recorded yet. */
  async #freeze(request: ParsedTrainRequest, onChecked: () => void = () => undefined): Promise<FrozenRun> {
    const { configuration, preview, shards, past, base } = await this.#resolve(request, () => undefined);
    await this.#models.checkUnchanged(base);
    await this.#models.checkPlan(base);
    onChecked();
    const learned = configuration.datasets
      .filter(({ role }) => role === 'new')
      .map(({ name }) => name)
      .join(', ');
    return {
      name: request.name ?? `${base.name} learns ${learned}`,
      slug: request.name ?? learned,
      warnings: preview.warnings,
      trainableParameters: preview.trainableParameters,
      trainableTensors: preview.trainableTensors,
      addedParameters: preview.addedParameters,
      job: { configuration, baseModelDirectory: base.path, shards, past },
    };
  }

  /** Writes a run down as the last in the queue. */
  #record({ name, slug, warnings, job, ...counts }: FrozenRun, fields: { priority: number; batch?: string; rerunOf?: string }): string {
    const { store } = this.#context;
    const id = newId(slug);
    insertRun(store, {
      id,
      name: uniqueName(name, listRunNames(store)),
      status: 'queued',
      configuration: job.configuration,
      directory: folderOf(this.#context, 'runs', id),
      createdAt: now(),
      ownerPid: null,
      heartbeatAt: null,
      queuePlace: nextPlace(store),
      warnings: warnings.map((text) => ({ at: now(), text })),
      ...counts,
      ...fields,
    });
    return id;
  }

  /**
   * Records a run that repeats another one exactly, and starts it or puts it into the queue.
   * @param job of the other run, checked to be the same as it was.
   * @param warnings that belong to it from the start.
   */
  repeat(original: StoredRun, job: PreparedJob, warnings: readonly string[]): RunSummary {
    const { store } = this.#context;
    this.markOrphans();
    const { name, trainableParameters, trainableTensors, addedParameters } = original;
    const frozen = { name: `${name} again`, slug: name, warnings, trainableParameters, trainableTensors, addedParameters, job };
    const [id, isTaken] = store
      .transaction(() => {
        const recorded = this.#record(frozen, { priority: 0, rerunOf: original.id });
        return [recorded, claimDevice(store, this.find(recorded), { ownerPid: process.pid, heartbeatAt: now() })] as const;
      })
      .immediate();
    if (isTaken) this.#own(this.find(id), job);
    return this.show(id);
  }

  /**
   * Trains a run that waits in the queue, if the device is free and nobody else has taken either. What the run is refused for makes it a
   * failed one, so that it does not hold up those behind it.
   * @returns whether this process trains it now.
   */
  async startQueued(id: string): Promise<boolean> {
    const { store, log } = this.#context;
    const run = this.find(id);
    if (this.#isClosing || run.status !== 'queued') return false;
    try {
      const job = await this.#prepare(run);
      if (this.#isClosing || !claimDevice(store, run, { ownerPid: process.pid, heartbeatAt: now() })) return false;
      this.#own(run, job);
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

  metrics(input: { run: string; series?: MetricSeries[]; afterStep: number }): MetricPoint[] {
    return listMetrics(this.#context.store, this.find(input.run).id, input.afterStep, input.series);
  }

  /** What was measured of each dataset, step by step. */
  measurements({ run }: { run: string }): MeasurementsAtStep[] {
    const steps = Map.groupBy(listMeasurements(this.#context.store, this.find(run).id), ({ step }) => step);
    return [...steps].map(([step, measured]) => ({ step, datasets: measured.map(({ measure }) => measure) }));
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
    return this.#follow(this.find(reference).id, signal);
  }

  async *#follow(id: string, signal?: AbortSignal): AsyncGenerator<RunEvent, void> {
    let last = '';
    while (!signal?.aborted) {
      this.markOrphans();
      // Whoever follows it must not wait for an end that cannot be written down.
      const unrecorded = this.#unrecorded.get(id);
      if (unrecorded) throw StrataError.fromRecord(unrecorded);
      const run = findRun(this.#context.store, id);
      if (!run) return;
      const event = this.#eventOf(run);
      const text = JSON.stringify(event);
      if (text !== last) yield event;
      last = text;
      if (!isUnfinished(run.status)) return;
      await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  #eventOf(run: StoredRun): RunEvent {
    const { store } = this.#context;
    const evaluation = run.final ?? run.latest;
    return {
      run: run.id,
      status: run.status,
      step: run.stepsDone,
      steps: run.configuration.steps,
      trainLoss: lastMetric(store, run.id, 'loss.train', run.stepsDone)?.value ?? null,
      evaluation,
      evaluationStep: evaluation && (lastMetric(store, run.id, 'loss.new', run.stepsDone)?.step ?? null),
      tokensPerSecond: run.tokensPerSecond,
      secondsLeft: run.secondsLeft,
      activity: run.activity,
    };
  }

  /** Saves a checkpoint and ends the trainer's process, which gives its memory back. A run that waits leaves the queue. */
  pause({ run }: { run: string }): Promise<RunSummary> {
    return this.#ask(run, 'pause');
  }

  /** Ends early: measures and saves what was learned so far. A run that waits leaves the queue for good. */
  stop({ run }: { run: string }): Promise<RunSummary> {
    return this.#ask(run, 'stop');
  }

  /** Asks for the end of a run that goes on, for a reason that stays with it; does not wait until it has ended. */
  stopBecause(id: string, stopReason: string): void {
    const { store } = this.#context;
    const run = this.find(id);
    if (!isUnfinished(run.status)) return;
    updateRun(store, id, { stopReason, warnings: [...run.warnings, { at: now(), text: stopReason }] });
    if (this.#leaveQueue(run, 'stop')) return;
    const owner = this.#owned.get(id);
    if (owner) owner.control('stop');
    else updateRun(store, id, { requested: 'stop' });
  }

  /** Takes a run that waits out of the queue. @returns whether it did wait. */
  #leaveQueue(run: StoredRun, control: 'pause' | 'stop'): boolean {
    if (run.status !== 'queued') return false;
    const { store } = this.#context;
    // What has trained before keeps its checkpoint, from which it can go on or be ended with a result.
    const status = control === 'stop' && run.stepsDone === 0 ? 'stopped' : 'paused';
    const hasLeft = changeOwner(store, run, { status, ownerPid: null, heartbeatAt: run.heartbeatAt });
    if (hasLeft && status === 'stopped') updateRun(store, run.id, { finishedAt: now() });
    return hasLeft;
  }

  async #ask(reference: string, control: 'pause' | 'stop'): Promise<RunSummary> {
    this.markOrphans();
    const asked = this.find(reference);
    if (this.#leaveQueue(asked, control)) return this.show(asked.id);
    const { id, status, name } = this.find(reference); // it may have left the queue to be trained
    if (!GOING_ON.includes(status)) {
      throw new StrataError('CONFLICT', `The run cannot be asked to ${control}: it is not training.`, {
        found: `run "${name}" is ${status}`,
        allowed: 'a run that is training, or waits in the queue',
      });
    }
    const owner = this.#owned.get(id);
    if (owner) owner.control(control);
    else updateRun(this.#context.store, id, { requested: control });
    const deadline = Date.now() + CONTROL_TIMEOUT_MS;
    while (GOING_ON.includes(this.show(id).status) && Date.now() < deadline) await delay(WATCH_INTERVAL_MS);
    return this.show(id);
  }

  /**
   * Goes on from the last checkpoint as the same run, in this process; while another run trains it is put into the queue.
   * @throws StrataError CONFLICT when it cannot go on from where it was: it is not paused, or its base or data are no longer the same;
   * CORRUPT when its checkpoints are gone.
   */
  async resume({ run: reference }: { run: string }): Promise<RunSummary> {
    this.markOrphans();
    const { id } = this.find(reference);
    const before = this.#owned.get(id);
    if (before && !isUnfinished(this.find(id).status)) {
      before.control('interrupt'); // it was taken for dead while it slept, and has not heard of it yet
      await before.ended;
    }
    const run = this.find(id);
    if (!canGoOn(run) || run.deletedAt !== null) throw notResumable(run);
    const wasSaved = (run.status === 'paused' && run.engine !== null) || run.stepsDone > run.configuration.checkpointEverySteps;
    if (wasSaved && !(await hasCheckpoint(run.directory))) throw checkpointsLost(run);
    const job = await this.#prepare(run);
    // Checked and taken in one step: of two that resume it at the same time, one does.
    if (claimDevice(this.#context.store, run, { ownerPid: process.pid, heartbeatAt: now() })) this.#own(run, job);
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
        reason: run.error?.message ?? 'The process that trained it ended before it did.',
      })),
    );
  }

  /** Whether this process trains a run, which {@link close} would give a checkpoint. */
  get isTraining(): boolean {
    return this.#owned.size > 0;
  }

  /** Resolves when a run of this process has ended; at once for any other. */
  async ended(id: string): Promise<void> {
    await this.#owned.get(id)?.ended;
  }

  /** Saves a checkpoint of every run of this process and waits until they have ended; none starts any more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const owners = [...this.#owned.values()];
    for (const owner of owners) owner.control('interrupt');
    await Promise.all(owners.map((owner) => owner.ended));
  }

  /** What a recorded run needs for its trainer. What of the base's past cannot be measured any more is noted on the run, once. */
  #prepare(run: StoredRun): Promise<PreparedJob> {
    return jobOf(run, this.#models, this.#datasets, (text) => {
      const { warnings } = this.find(run.id);
      if (warnings.some((warning) => warning.text === text)) return;
      updateRun(this.#context.store, run.id, { warnings: [...warnings, { at: now(), text }] });
    });
  }

  #own(run: StoredRun, job: PreparedJob): void {
    const { id, name, directory } = run;
    const trainJob: TrainJob = {
      kind: 'train',
      run: { id, name },
      ...job,
      runDirectory: directory,
      modelDirectory: this.#modelFolder(run),
    };
    const owner = new RunOwner(this.#context, this.#models, run, trainJob);
    this.#owned.set(run.id, owner);
    void owner.ended.then((unrecorded) => {
      if (this.#owned.get(run.id) === owner) this.#owned.delete(run.id);
      if (unrecorded) this.#unrecorded.set(run.id, unrecorded);
    });
  }

  /** The model has its run's id: what a run that was killed while it saved has left there, the resumed one replaces. */
  #modelFolder(run: StoredRun): string {
    return folderOf(this.#context, 'models', run.id);
  }

  /** A run whose process is gone was interrupted; it can be resumed from its last checkpoint. */
  markOrphans(): void {
    const { store, log } = this.#context;
    for (const run of listTraining(store)) {
      if (this.#owned.has(run.id)) continue;
      const error = this.#unrecorded.get(run.id) ?? null;
      if (error === null && !isOrphaned(run)) continue;
      try {
        if (!changeOwner(store, run, { status: 'interrupted', ownerPid: null, heartbeatAt: run.heartbeatAt })) continue;
        updateRun(store, run.id, { error, requested: null, secondsLeft: null, activity: '' });
        this.#unrecorded.delete(run.id);
        log(`run ${run.id} lost its process and was marked as interrupted`);
      } catch (failure) {
        log(`run ${run.id} could not be marked as interrupted: ${toStrataError(failure).message}`); // reading goes on
      }
    }
  }
}

/** A run as it is recorded, whose configuration no longer changes. */
interface FrozenRun extends Pick<StoredRun, 'trainableParameters' | 'trainableTensors' | 'addedParameters'> {
  name: string;
  /** What its id is made from. */
  slug: string;
  warnings: readonly string[];
  job: PreparedJob;
}

function deviceIsTaken({ name, status }: StoredRun): StrataError {
  return new StrataError('CONFLICT', 'Another run trains, and there is one at a time.', {
    found: `run "${name}" is ${status}`,
    allowed: 'a start while nothing trains',
    hint: 'Let the run wait in the queue, or pause the other one.',
  });
}

/** It was saved before: to begin again at step 0 would be no resuming. */
function checkpointsLost(run: StoredRun): StrataError {
  return new StrataError('CORRUPT', 'The run cannot be resumed: its checkpoints are gone.', {
    found: `no checkpoint in ${run.directory}; the run had done ${run.stepsDone} steps`,
    hint: 'Put the folder back from a backup and resume, or start the run again. Its recorded measurements are kept.',
  });
}

function notResumable(run: StoredRun): StrataError {
  if (run.deletedAt !== null) {
    return new StrataError('CONFLICT', 'The run cannot be resumed: it is in the bin.', {
      found: `run "${run.name}" was deleted at ${run.deletedAt}`,
      hint: 'Restore it first.',
    });
  }
  return new StrataError('CONFLICT', 'The run cannot be resumed.', {
    found: `run "${run.name}" ${run.error?.code === 'DIVERGED' ? 'diverged' : `is ${run.status}`}`,
    allowed: 'a run that is paused, interrupted or failed',
    ...(run.error?.code === 'DIVERGED' && {
      hint: 'It would diverge again: start a new run with a lower learning rate or a longer warm-up.',
    }),
  });
}
