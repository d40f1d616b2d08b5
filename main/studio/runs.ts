import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent, TrainPreview } from '../../shared/contract/contract.ts';
import type { MetricPoint, MetricSeries, RunSummary } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { deleteRun, findRun, insertRun, listMetrics, listRuns, type StoredRun, summaryOf, updateRun } from '../store/runs.ts';
import type { TrainJob } from '../training/messages.ts';
import { folderOf, newId, now, resolve, type StudioContext, uniqueName } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';
import { isOrphaned, RunOwner } from './run-owner.ts';
import { type ParsedTrainRequest, resolveRequest } from './train-request.ts';

/** How often a followed run is looked at: at most so many events a second reach a page. */
const WATCH_INTERVAL_MS = 200;
/** How long a pause or stop may take: a step, a measurement and a checkpoint. */
const CONTROL_TIMEOUT_MS = 10 * 60_000;

const GOING_ON = ['preparing', 'running'];

/** Use cases of training and of the history of runs. */
export class Runs {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;
  /** Runs that this process trains. */
  readonly #owned = new Map<string, RunOwner>();

  constructor(context: StudioContext, models: Models, datasets: Datasets) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
    this.#markOrphans();
  }

  async preview(request: ParsedTrainRequest): Promise<TrainPreview> {
    return (await resolveRequest(request, this.#models, this.#datasets)).preview;
  }

  /** Records the run and starts its trainer. */
  async start(request: ParsedTrainRequest): Promise<RunSummary> {
    const { store } = this.#context;
    const { configuration, preview, shards, base } = await resolveRequest(request, this.#models, this.#datasets);
    const learned = configuration.datasets
      .filter(({ role }) => role === 'new')
      .map(({ name }) => name)
      .join(', ');
    const name = uniqueName(request.name ?? `${base.name} learns ${learned}`, listRuns(store));
    const id = newId(request.name ?? learned);
    const directory = folderOf(this.#context, 'runs', id);
    mkdirSync(directory, { recursive: true });
    insertRun(store, {
      id,
      name,
      status: 'preparing',
      configuration,
      directory,
      createdAt: now(),
      trainableParameters: preview.trainableParameters,
      trainableTensors: preview.trainableTensors,
      addedParameters: preview.addedParameters,
    });
    const run = this.find(id);
    this.#own(run, { configuration, baseModelDirectory: base.path, shards });
    return this.show(id);
  }

  find(reference: string): StoredRun {
    return resolve('run', reference, listRuns(this.#context.store));
  }

  list(): RunSummary[] {
    this.#markOrphans();
    return listRuns(this.#context.store).map(summaryOf);
  }

  show(reference: string): RunSummary {
    this.#markOrphans();
    return summaryOf(this.find(reference));
  }

  metrics(input: { run: string; series?: MetricSeries[]; afterStep: number }): MetricPoint[] {
    return listMetrics(this.#context.store, this.find(input.run).id, input.afterStep, input.series);
  }

  /** Follows a run, whoever trains it, until it no longer goes on. */
  async *watch({ run: reference }: { run: string }, signal?: AbortSignal): AsyncGenerator<RunEvent, void> {
    const { id } = this.find(reference);
    let last = '';
    while (!signal?.aborted) {
      this.#markOrphans();
      const run = findRun(this.#context.store, id);
      if (!run) return;
      const event = this.#eventOf(run);
      const text = JSON.stringify(event);
      if (text !== last) yield event;
      last = text;
      if (!GOING_ON.includes(run.status)) return;
      await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  #eventOf(run: StoredRun): RunEvent {
    const trainLoss = listMetrics(this.#context.store, run.id, run.stepsDone - 1, ['loss.train']).at(-1)?.value ?? null;
    return {
      run: run.id,
      status: run.status,
      step: run.stepsDone,
      steps: run.configuration.steps,
      trainLoss,
      evaluation: run.final ?? run.latest,
      evaluationStep: listMetrics(this.#context.store, run.id, -1, ['loss.new']).at(-1)?.step ?? null,
      tokensPerSecond: run.tokensPerSecond,
      secondsLeft: run.secondsLeft,
      activity: run.activity,
    };
  }

  pause({ run }: { run: string }): Promise<RunSummary> {
    return this.#ask(run, 'pause');
  }

  /** Ends early: measures and saves what was learned so far. */
  stop({ run }: { run: string }): Promise<RunSummary> {
    return this.#ask(run, 'stop');
  }

  async #ask(reference: string, control: 'pause' | 'stop'): Promise<RunSummary> {
    this.#markOrphans();
    const { id, status, name } = this.find(reference);
    if (!GOING_ON.includes(status)) {
      throw new StrataError('CONFLICT', `The run cannot be asked to ${control}: it is not training.`, {
        found: `run "${name}" is ${status}`,
        allowed: 'a run that is training',
      });
    }
    const owner = this.#owned.get(id);
    if (owner) owner.control(control);
    else updateRun(this.#context.store, id, { requested: control });
    const deadline = Date.now() + CONTROL_TIMEOUT_MS;
    while (GOING_ON.includes(this.show(id).status) && Date.now() < deadline) await delay(WATCH_INTERVAL_MS);
    return this.show(id);
  }

  /** Goes on from the last checkpoint, in this process. */
  async resume({ run: reference }: { run: string }): Promise<RunSummary> {
    this.#markOrphans();
    const run = this.find(reference);
    if (!['paused', 'interrupted', 'failed'].includes(run.status)) {
      throw new StrataError('CONFLICT', 'The run cannot be resumed.', {
        found: `run "${run.name}" is ${run.status}`,
        allowed: 'a run that is paused, interrupted or failed',
      });
    }
    const { configuration } = run;
    const base = this.#models.find(configuration.baseModel.id);
    if (base.hash !== configuration.baseModel.hash)
      throw new StrataError('CONFLICT', 'The base is not the one that the run started from.', { found: base.name });
    const tokenizer = await loadTokenizer(base.path);
    const shards: TrainJob['shards'] = [];
    for (const { id, role } of configuration.datasets) {
      const built = await buildTokenShards(this.#datasets.find(id).path, tokenizer);
      shards.push({ datasetId: id, role, trainPath: built.trainPath, heldOutPath: built.heldOutPath });
    }
    this.#own(run, { configuration, baseModelDirectory: base.path, shards });
    return this.show(run.id);
  }

  rename({ run, name }: { run: string; name: string }): RunSummary {
    const { id } = this.find(run);
    updateRun(this.#context.store, id, {
      name: uniqueName(
        name,
        listRuns(this.#context.store).filter((other) => other.id !== id),
      ),
    });
    return this.show(id);
  }

  note({ run, note }: { run: string; note: string }): RunSummary {
    const { id } = this.find(run);
    updateRun(this.#context.store, id, { note });
    return this.show(id);
  }

  /** Runs side by side, and every setting or result in which they differ. */
  compare({ runs: references }: { runs: string[] }): { runs: RunSummary[]; differences: Record<string, unknown[]> } {
    const runs = references.map((reference) => this.show(reference));
    const flat = runs.map((run) => flatten({ ...run.configuration, ...results(run) }));
    const keys = [...new Set(flat.flatMap((fields) => [...fields.keys()]))];
    const differences: Record<string, unknown[]> = {};
    for (const key of keys) {
      const values = flat.map((fields) => fields.get(key) ?? null);
      if (new Set(values.map((value) => JSON.stringify(value))).size > 1) differences[key] = values;
    }
    return { runs, differences };
  }

  /** Deletes a run's history and checkpoints. The model it made stays. */
  async remove({ run: reference }: { run: string }): Promise<{ removed: string }> {
    this.#markOrphans();
    const run = this.find(reference);
    if (GOING_ON.includes(run.status)) {
      throw new StrataError('CONFLICT', 'A run that is training cannot be deleted.', {
        found: `run "${run.name}" is ${run.status}`,
        hint: 'Stop it first.',
      });
    }
    deleteRun(this.#context.store, run.id);
    await rm(run.directory, { recursive: true, force: true });
    return { removed: run.id };
  }

  /** Whether this process trains a run, which {@link close} would give a checkpoint. */
  get isTraining(): boolean {
    return this.#owned.size > 0;
  }

  /** Resolves when a run of this process has ended; at once for any other. */
  async ended(id: string): Promise<void> {
    await this.#owned.get(id)?.ended;
  }

  /** Saves a checkpoint of every run of this process and waits until they have ended. */
  async close(): Promise<void> {
    const owners = [...this.#owned.values()];
    for (const owner of owners) owner.control('interrupt');
    await Promise.all(owners.map((owner) => owner.ended));
  }

  #own(run: StoredRun, job: Pick<TrainJob, 'configuration' | 'baseModelDirectory' | 'shards'>): void {
    const modelId = newId(run.name);
    const owner = new RunOwner(
      this.#context,
      this.#models,
      run,
      { kind: 'train', ...job, runDirectory: run.directory, modelDirectory: folderOf(this.#context, 'models', modelId) },
      modelId,
    );
    this.#owned.set(run.id, owner);
    void owner.ended.then(() => this.#owned.delete(run.id));
  }

  /** A run whose process is gone was interrupted; it can be resumed from its last checkpoint. */
  #markOrphans(): void {
    for (const run of listRuns(this.#context.store)) {
      if (this.#owned.has(run.id) || !isOrphaned(run)) continue;
      this.#context.log(`run ${run.id} lost its process and was marked as interrupted`);
      updateRun(this.#context.store, run.id, { status: 'interrupted', ownerPid: null, requested: null, secondsLeft: null, activity: '' });
    }
  }
}

function results(run: RunSummary): Record<string, unknown> {
  const {
    status,
    gain,
    forgetting,
    drift,
    tokensPerSecond,
    seconds,
    peakMemory,
    engine,
    trainableParameters,
    addedParameters,
    baseline,
    final,
  } = run;
  const losses = {
    baseline: baseline && { new: baseline.new.loss, old: baseline.old?.loss ?? null },
    final: final && { new: final.new.loss, old: final.old?.loss ?? null },
  };
  return {
    status,
    gain,
    forgetting,
    drift,
    tokensPerSecond,
    seconds,
    peakMemory,
    engineUsed: engine,
    trainableParameters,
    addedParameters,
    ...losses,
  };
}

/** Nested fields as dotted keys; lists are compared as wholes. */
function flatten(value: Record<string, unknown>, prefix = ''): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [key, field] of Object.entries(value)) {
    const isNested = typeof field === 'object' && field !== null && !Array.isArray(field);
    if (isNested) for (const [inner, each] of flatten(field as Record<string, unknown>, `${prefix}${key}.`)) fields.set(inner, each);
    else fields.set(prefix + key, field);
  }
  return fields;
}
