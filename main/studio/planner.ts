import type { ImportanceEvent, ImportanceRequest, PlanBasis, PlanReport } from '../../shared/contract/planning.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { budgetOf } from '../../shared/domain/budget.ts';
import { type Importance, IMPORTANCE_DEFAULTS } from '../../shared/domain/importance.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../shared/domain/rendering.ts';
import { parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { bestImportance, findImportance, type ImportanceKey, insertImportance } from '../store/importances.ts';
import type { StoredModel } from '../store/models.ts';
import type { ImportanceJob } from '../training/messages.ts';
import { availableMemory } from '../training/process-memory.ts';
import { now, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { followWork } from './follow-work.ts';
import { importanceOf, needsOldData, renderedHashes } from './importance.ts';
import type { Models } from './models.ts';
import type { Runs } from './runs.ts';
import { machineSpeed } from './run-time.ts';
import { DEFAULTS } from './train-request.ts';

/** Where new blocks go: what the model's own blocks matter, and what a plan means before it is carried out. */
export interface PlanRequest {
  model: string;
  blocks?: number;
  place: string;
  oldDatasets: string[];
}

/** Use cases of planning an expansion. */
export class Planner {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;
  readonly #runs: Runs;

  constructor(context: StudioContext, models: Models, datasets: Datasets, runs: Runs) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
    this.#runs = runs;
  }

  /** What an expansion would mean for a model: nothing is written. */
  async plan(request: PlanRequest): Promise<PlanReport> {
    const base = this.#models.find(request.model);
    const importance = this.#importanceFor(base, request.place, request.oldDatasets);
    const plan = planExpansion(base.blocks, request.blocks, parsePlace(request.place), importance?.blocks ?? null);
    const basis = await this.basis(base.id);
    const { batch, context } = basis;
    return {
      model: { id: base.id, name: base.name },
      plan,
      importance,
      ...budgetOf({ name: 'expand', plan }, basis, { batch, microBatch: batch, context, measuresDrift: true }),
      batch,
      context,
    };
  }

  /** What budgets of a model's plans are computed from: a page does it itself while a plan changes under the hand. */
  async basis(model: string): Promise<PlanBasis> {
    const base = this.#models.find(model);
    const folder = await openModelFolder(base.path);
    await folder.close();
    return {
      config: folder.config,
      isCompact: folder.isBfloat16,
      companions: await this.#models.companionsOf(base),
      availableMemory: availableMemory(),
      speed: machineSpeed(await this.#runs.pastRuns()),
      batch: DEFAULTS.batch,
      context: Math.min(folder.config.contextLength, DEFAULTS.context),
    };
  }

  /** Writes an expanded copy of a model. */
  async expand(request: PlanRequest & { name?: string }): Promise<ModelInfo> {
    const { oldDatasets, ...rest } = request;
    const importance = this.#importanceFor(this.#models.find(request.model), request.place, oldDatasets);
    return this.#models.expand({ ...rest, importance });
  }

  /** The table that a place is chosen by; null for a place that needs none. */
  #importanceFor(base: StoredModel, place: string, oldDatasets: readonly string[]): Importance | null {
    const old = this.#old(oldDatasets);
    return parsePlace(place) === 'least-important' ? importanceOf(this.#context.store, base, old) : null;
  }

  /** What each block matters, as far as it was measured on exactly these data. */
  importance({ model, oldDatasets, rendering }: Pick<ImportanceRequest, 'model' | 'oldDatasets' | 'rendering'>): Importance | null {
    const { hash } = this.#models.find(model);
    const datasetHashes = renderedHashes(this.#old(oldDatasets), rendering ?? DEFAULT_RENDERING);
    return bestImportance(this.#context.store, { modelHash: hash, datasetHashes });
  }

  /**
   * Measures what each block matters for old data and keeps the table; what was measured before is not measured again.
   * @param onProgress hears how far it is.
   * @param signal ends the measurement; nothing is kept then.
   * @throws StrataError BAD_INPUT without old data, or when the context is longer than the model's; CONFLICT when its files were changed.
   */
  async measure(
    request: ImportanceRequest,
    onProgress: (progress: Omit<ImportanceEvent, 'importance'>) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<Importance> {
    const { store, executor } = this.#context;
    const base = this.#models.find(request.model);
    const old = this.#old(request.oldDatasets);
    if (old.length === 0) throw needsOldData();
    const context = request.context ?? Math.min(base.contextLength, IMPORTANCE_DEFAULTS.context);
    if (context > base.contextLength) {
      throw new StrataError('BAD_INPUT', 'The context is longer than the model was made for.', {
        found: `${context} tokens`,
        allowed: `2 to ${base.contextLength} tokens`,
        hint: 'Choose a shorter context.',
      });
    }
    const windows = request.windows ?? IMPORTANCE_DEFAULTS.windows;
    const rendering = request.rendering ?? DEFAULT_RENDERING;
    const key: ImportanceKey = { modelHash: base.hash, datasetHashes: renderedHashes(old, rendering), context, windows };
    const known = findImportance(store, key);
    if (known) return known;

    await this.#models.checkUnchanged(base);
    const job: ImportanceJob = {
      kind: 'importance',
      engine: request.engine ?? 'auto',
      modelDirectory: base.path,
      modelHash: base.hash,
      datasets: await this.#heldOut(base, old, rendering),
      context,
      windows,
      limitSeconds: request.limitSeconds ?? IMPORTANCE_DEFAULTS.limitSeconds,
    };
    const progress = { activity: '', done: 0, of: windows };
    const handle = executor.start(job, (event) => {
      if (event.type === 'activity') progress.activity = event.text;
      else if (event.type === 'done') Object.assign(progress, { done: event.done, of: event.of });
      else return;
      onProgress({ ...progress });
    });
    const end = (): void => handle.kill();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      const importance = (await handle.finished) as Importance;
      insertImportance(store, key, importance, now());
      return importance;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  /** {@link measure} as events, the table in the last. */
  async *follow(request: ImportanceRequest, signal?: AbortSignal): AsyncGenerator<ImportanceEvent, void> {
    type Progress = Omit<ImportanceEvent, 'importance'>;
    const work = followWork<Progress, Importance>((onProgress, ended) => this.measure(request, onProgress, ended), signal);
    for await (const event of work) {
      if ('progress' in event) yield { ...event.progress, importance: null };
      else yield { activity: '', done: event.result.windows, of: event.result.windows, importance: event.result };
    }
  }

  #old(references: readonly string[]): StoredDataset[] {
    const found = references.map((reference) => this.#datasets.find(reference));
    const distinct = found.filter(({ id }, index) => found.findIndex((other) => other.id === id) === index);
    return distinct.sort((a, b) => a.hash.localeCompare(b.hash)); // their order changes nothing
  }

  async #heldOut(base: StoredModel, old: readonly StoredDataset[], rendering: Rendering): Promise<ImportanceJob['datasets']> {
    const encoder = await loadContentEncoder(base.path, rendering);
    const datasets: ImportanceJob['datasets'] = [];
    for (const { name, hash, path } of old) {
      const { heldOutPath } = await buildTokenShards(path, encoder, { name });
      datasets.push({ name, hash, heldOutPath });
    }
    return datasets;
  }
}
