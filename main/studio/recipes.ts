import type { Batch, BatchSummary, ForecastResult, Preset, Recipe, RecipePreview } from '../../shared/contract/recipes.ts';
import type { TrainPreview } from '../../shared/contract/training.ts';
import { type Course, judge, type Verdict } from '../../shared/domain/hopeless.ts';
import { isUnfinished, type RunStatus } from '../../shared/domain/run.ts';
import { words } from '../../shared/words/words.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { insertBatch, keepResult, listBatches, type StoredBatch } from '../store/batches.ts';
import { listTraining } from '../store/run-queue.ts';
import { lastMetric, listMetrics, listRuns, type StoredRun, summaryOf } from '../store/runs.ts';
import { newId, now, resolve, type StudioContext, uniqueName } from './context.ts';
import { describeForecast, forecastOf } from './forecasts.ts';
import type { Models } from './models.ts';
import { findPreset, listPresets } from './presets.ts';
import { controlRuns, pilotRuns, type RecipeRun, sweepRuns } from './recipe-runs.ts';
import type { Runs } from './runs.ts';

/** Use cases of recipes: several runs that are put into the queue together, and what they say together. */
export class Recipes {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #runs: Runs;
  /** The run and its measurement that was judged last. */
  #judged = '';

  constructor(context: StudioContext, models: Models, runs: Runs) {
    this.#context = context;
    this.#models = models;
    this.#runs = runs;
  }

  /** Settings of single runs under a name. */
  presets(): Preset[] {
    return listPresets(this.#context.resources);
  }

  /** @throws StrataError BAD_INPUT, with the presets there are. */
  preset(name: string): Preset {
    return findPreset(this.#context.resources, name);
  }

  /** What a recipe would do, run by run. Every one is looked at as its start would. */
  async preview(recipe: Recipe): Promise<RecipePreview> {
    const { runs: planned, notes } = await this.#plan(recipe);
    const runs: RecipePreview['runs'] = [];
    for (const { label, request } of planned) {
      const preview = await this.#runs.preview(request);
      const { method, replayShare, learningRate, trainableParameters, steps, tokens, time, memory } = preview;
      const seconds = time?.seconds ?? null;
      runs.push({ label, method, replayShare, learningRate, trainableParameters, steps, tokens, seconds, memory: memory.total });
    }
    const isTimed = runs.every(({ seconds }) => seconds !== null);
    return {
      kind: recipe.kind,
      runs,
      total: {
        tokens: runs.reduce((sum, { tokens }) => sum + tokens, 0),
        seconds: isTimed ? runs.reduce((sum, { seconds }) => sum + seconds!, 0) : null,
        memory: Math.max(...runs.map(({ memory }) => memory)),
      },
      notes,
    };
  }

  /** Puts the runs of a recipe into the queue: all, or none when one of them is refused. */
  async start(recipe: Recipe): Promise<Batch> {
    const { store } = this.#context;
    const { runs, outlook } = await this.#plan(recipe, () => undefined);
    const wanted = recipe.name ?? `${recipe.kind} of ${this.#models.find(recipe.request.model).name}`;
    const name = uniqueName(wanted, listBatches(store));
    const id = newId(name);
    const requests = runs.map(({ label, request }) => ({ ...request, name: `${name}: ${label}` }));
    await this.#runs.enqueue(requests, {
      batch: id,
      onRecorded: (ids) => {
        const labels = Object.fromEntries(ids.map((run, index) => [run, runs[index]!.label]));
        const definition = { recipe, plannedSteps: outlook.steps, labels };
        insertBatch(store, { id, name, kind: recipe.kind, definition, result: null, createdAt: now() });
      },
    });
    return this.show({ batch: id });
  }

  /** @param onMeasure measures the distance of the data where the replay share depends on it; called before. */
  async #plan(recipe: Recipe, onMeasure?: () => void): Promise<{ runs: RecipeRun[]; outlook: TrainPreview; notes: string[] }> {
    const outlook = await this.#runs.preview(recipe.request, onMeasure);
    switch (recipe.kind) {
      case 'controls': {
        const folder = await openModelFolder(this.#models.find(recipe.request.model).path);
        await folder.close();
        const runs = controlRuns(recipe, outlook, folder.config);
        return {
          runs,
          outlook,
          notes: [words('said.sameTokens', { tokens: String(outlook.tokens) })],
        };
      }
      case 'sweep':
        return { runs: sweepRuns(recipe, outlook), outlook, notes: recipe.earlyStop ? [words('said.earlyStop')] : [] };
      case 'forecast': {
        const runs = pilotRuns(recipe, outlook);
        return {
          runs,
          outlook,
          notes: [words('said.pilotsOf', { steps: String(runs[0]!.request.steps), planned: String(outlook.steps) })],
        };
      }
    }
  }

  /** Newest first. */
  list(): BatchSummary[] {
    const runs = listRuns(this.#context.store);
    return listBatches(this.#context.store).map((batch) => summarise(batch, membersOf(batch, runs)));
  }

  /** A batch with the points of its finished runs, and its forecast once there is one. */
  show({ batch: reference }: { batch: string }): Batch {
    this.#runs.list(); // a run that lost its process must not look as if it went on
    const batch = this.#find(reference);
    const { labels, recipe } = batch.definition;
    const all = listRuns(this.#context.store);
    const members = membersOf(batch, all);
    return {
      ...summarise(batch, members),
      recipe,
      runs: members.map((run) => {
        const { id, name, status, steps, stepsDone, replayShare, gain, gainError, forgetting, forgettingError, drift, stopReason, error } =
          summaryOf(run);
        const { method, learningRate } = run.configuration;
        const label = labels[id] ?? name;
        const point = { gain, gainError, forgetting, forgettingError, drift };
        const failure = error?.message ?? null;
        return { run: id, name, label, status, steps, stepsDone, method, replayShare, learningRate, ...point, stopReason, failure };
      }),
      forecast: this.#forecast(batch, members, all),
    };
  }

  #find(reference: string): StoredBatch {
    return resolve('recipe', reference, listBatches(this.#context.store));
  }

  /** Fitted once, and kept: pilots may be deleted. */
  #forecast(batch: StoredBatch, members: readonly StoredRun[], all: readonly StoredRun[]): ForecastResult | null {
    const { recipe, plannedSteps } = batch.definition;
    if (recipe.kind !== 'forecast') return null;
    const forecast = batch.result ?? forecastOf(members);
    if (!forecast) return null;
    if (!batch.result) keepResult(this.#context.store, batch.id, forecast);
    const pilot = members[0]?.configuration ?? null;
    const later = all.filter(({ batch: other, createdAt }) => other !== batch.id && createdAt >= batch.createdAt);
    return describeForecast(forecast, { steps: pilot?.steps ?? plannedSteps, plannedSteps, configuration: pilot }, later, recipe.limit);
  }

  /** Takes what waits out of the queue, and ends what trains with what it has learned so far. */
  cancel({ batch: reference }: { batch: string }): Batch {
    const batch = this.#find(reference);
    for (const { id } of membersOf(batch, listRuns(this.#context.store))) this.#runs.stopBecause(id, words('said.batchCancelled'));
    return this.show({ batch: batch.id });
  }

  /** Looks whether the run that trains belongs to a sweep and has become hopeless, and ends it then; at each of its measurements once. */
  tend(): void {
    const { store } = this.#context;
    const [run] = listTraining(store);
    if (!run?.batch || run.stopReason !== null) return;
    const measured = `${run.id} ${lastMetric(store, run.id, 'loss.new', run.stepsDone)?.step ?? 0}`;
    if (measured === this.#judged) return;
    this.#judged = measured;
    const batch = listBatches(store).find(({ id }) => id === run.batch);
    if (batch?.definition.recipe.kind !== 'sweep' || !batch.definition.recipe.earlyStop) return;
    const others = membersOf(batch, listRuns(store)).filter(({ id }) => id !== run.id);
    const verdict = judge(
      this.#courseOf(run),
      others.map((other) => this.#courseOf(other)),
      run.configuration.steps,
    );
    if (verdict) this.#runs.stopBecause(run.id, describeVerdict(verdict));
  }

  #courseOf({ id, name, latest, final, gainError, forgettingError }: StoredRun): Course {
    const points = listMetrics(this.#context.store, id, -1, ['loss.new', 'loss.old']);
    const old = new Map(points.filter(({ series }) => series === 'loss.old').map(({ step, value }) => [step, value]));
    // On the same windows as what is measured on the way.
    const before = points.find(({ series, step }) => series === 'loss.new' && step === 0);
    const oldBefore = old.get(0);
    const measured = final ?? latest;
    return {
      id,
      name,
      points: points
        .filter(({ series, step }) => series === 'loss.new' && step > 0 && before !== undefined)
        .map(({ step, value }) => ({
          step,
          gain: before!.value - value,
          forgetting: oldBefore !== undefined && old.has(step) ? old.get(step)! - oldBefore : null,
        })),
      gainError: gainError ?? measured?.new.error ?? null,
      forgettingError: forgettingError ?? measured?.old?.error ?? null,
    };
  }
}

/** Runs of a batch in the order in which they were put into the queue. */
function membersOf(batch: StoredBatch, runs: readonly StoredRun[]): StoredRun[] {
  const order = Object.keys(batch.definition.labels);
  return runs.filter((run) => run.batch === batch.id).sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
}

function summarise({ id, name, kind, createdAt }: StoredBatch, members: readonly StoredRun[]): BatchSummary {
  const progress: Partial<Record<RunStatus, number>> = {};
  for (const { status } of members) progress[status] = (progress[status] ?? 0) + 1;
  return { id, name, kind, createdAt, progress, isOver: !members.some(({ status }) => isUnfinished(status)) };
}

function describeVerdict({ by, step, gain, forgetting }: Verdict): string {
  const ahead = { step: String(step), run: by, gain: gain.toFixed(4) };
  return forgetting === null ? words('said.hopeless', ahead) : words('said.hopelessBoth', { ...ahead, forgetting: forgetting.toFixed(4) });
}
