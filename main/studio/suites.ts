import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type InspectPartRequest,
  inspectPartRequestSchema,
  type PartInspection,
  type PartRequest,
  partRequestSchema,
  type SaveSuiteRequest,
  type ScoreEvent,
  type ScoreProgress,
  type ScoreRequest,
  type ScoreResult,
  type Suite,
  type SuitePart,
  type SuiteResultsRequest,
  type SuiteRow,
  type SuiteRunEvent,
  type SuiteRunRequest,
  type SuiteSummary,
  type SuiteTable,
} from '../../shared/contract/suites.ts';
import { compareResults } from '../../shared/domain/evaluation/compare.ts';
import type { PartResult } from '../../shared/domain/evaluation/part.ts';
import { StrataError } from '../../shared/errors.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { listRuns } from '../store/runs.ts';
import {
  deleteSuite,
  findFigures,
  findResult,
  insertResult,
  insertSuite,
  listSuites,
  measuredModels,
  renameSuite,
} from '../store/suites.ts';
import type { ScoreJob } from '../training/messages.ts';
import type { ScoreOutcome } from '../training/score-job.ts';
import { makeFolder, newId, now, resolve, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { followWork } from './follow-work.ts';
import { copyItems, folderOfItems, forgetItems, inspectItems, pathOfItems } from './part-items.ts';
import type { Text } from './text.ts';

type OnProgress = (progress: ScoreProgress) => void;

/** Of the parts that a scoring has to measure. */
const ONE = { done: 0, of: 1 };

/** Evaluation suites: what is measured of the base and of every run alike, and what came out. */
export class Suites {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  readonly #text: Text;

  constructor(context: StudioContext, datasets: Datasets, text: Text) {
    this.#context = context;
    this.#datasets = datasets;
    this.#text = text;
  }

  /** With what was measured last. */
  list(): SuiteSummary[] {
    const models = listModels(this.#context.store);
    return this.#all().map((suite) => {
      const known = new Set(
        measuredModels(
          this.#context.store,
          suite.parts.map(({ hash }) => hash),
        ),
      );
      const last = [...known].map((hash) => models.find((model) => model.hash === hash)).find((model) => model !== undefined);
      const row = last ? this.#row(suite, last, baseOf(last, models)) : null;
      return { ...suite, models: models.filter(({ hash }) => known.has(hash)).length, last: row };
    });
  }

  /** @throws StrataError NOT_FOUND, or BAD_INPUT when several have the name. */
  find(reference: string): Suite {
    return resolve('suite', reference, this.#all());
  }

  /**
   * What a source would measure, before a suite is made of it.
   * @throws StrataError as {@link copyItems}.
   */
  inspect(request: InspectPartRequest): Promise<PartInspection> {
    const { source, options } = inspectPartRequestSchema.parse(request);
    return inspectItems(this.#context, source, options, (reference) => this.#datasets.find(reference));
  }

  /**
   * Copies the items of every part, and keeps the suite: what it measures never changes.
   * @throws StrataError CONFLICT when there is one of that name; as {@link copyItems} for parts.
   */
  async save({ name, parts }: SaveSuiteRequest): Promise<Suite> {
    this.#refuseTaken(name, 'Give the new one another name, or delete the old one with its results.');
    const saved: SuitePart[] = [];
    for (const part of parts) saved.push(await this.#prepare(part, folderOfItems(this.#context)));
    const suite: Suite = { id: newId(name), name, parts: saved, createdAt: now() };
    insertSuite(this.#context.store, suite);
    return suite;
  }

  /** @throws StrataError CONFLICT when another one is called so. */
  rename({ suite: reference, name }: { suite: string; name: string }): Suite {
    const suite = this.find(reference);
    if (suite.name !== name) this.#refuseTaken(name, 'Choose another name.');
    renameSuite(this.#context.store, suite.id, name);
    return { ...suite, name };
  }

  async remove({ suite: reference }: { suite: string }): Promise<{ removed: string }> {
    const { id, parts } = this.find(reference);
    deleteSuite(this.#context.store, id);
    const kept = new Set(this.#all().flatMap((suite) => suite.parts.flatMap(hashesOfItems)));
    await forgetItems(
      folderOfItems(this.#context),
      parts.flatMap(hashesOfItems).filter((hash) => !kept.has(hash)),
    );
    return { removed: id };
  }

  /** What is known: one row for each model that something was measured of. */
  results({ suite: reference, baseline, models: wanted }: SuiteResultsRequest): SuiteTable {
    const suite = this.find(reference);
    const chosen = baseline === undefined ? null : this.#text.modelOf(baseline);
    const models = listModels(this.#context.store);
    const shown = wanted?.map((each) => this.#text.modelOf(each).id);
    const rows = models
      .filter(({ id }) => shown?.includes(id) ?? true)
      .map((model) => this.#row(suite, model, chosen ?? baseOf(model, models)));
    return { suite, rows: rows.filter(({ cells }) => cells.some(({ result }) => result !== null)) };
  }

  /** Items of one part, by its hash or name, as a model answered them; null where it has not been measured. */
  items(input: { suite: string; model: string; part: string }): PartResult | null {
    const part = findPart(this.find(input.suite), input.part);
    return findResult(this.#context.store, { part: part.hash, modelHash: this.#text.modelOf(input.model).hash });
  }

  /** A model, and what it is compared with: the one that is named, else its base; null where that is not in the workspace. */
  pair(reference: string, baseline?: string): { model: StoredModel; baseline: StoredModel | null } {
    const model = this.#text.modelOf(reference);
    return { model, baseline: baseline === undefined ? baseOf(model, listModels(this.#context.store)) : this.#text.modelOf(baseline) };
  }

  /**
   * Measures what is not known yet, model by model; each result is kept as soon as it is there.
   * @param signal ends it.
   */
  async run(request: SuiteRunRequest, onProgress: OnProgress = () => undefined, signal?: AbortSignal): Promise<SuiteTable> {
    const suite = this.find(request.suite);
    const { models: references = [], again = false, engine = 'auto' } = request;
    const { store } = this.#context;
    const models = references.length === 0 ? listModels(store) : references.map((reference) => this.#text.modelOf(reference));
    const isKnown = (model: StoredModel, { hash }: SuitePart): boolean =>
      findFigures(store, { part: hash, modelHash: model.hash }) !== null;
    const missing = models
      .map((model) => ({ model, parts: suite.parts.filter((part) => again || !isKnown(model, part)) }))
      .filter(({ parts }) => parts.length > 0);
    const count = { done: 0, of: missing.reduce((sum, { parts }) => sum + parts.length, 0) };
    for (const { model, parts } of missing) {
      for (const part of parts) {
        const { results, ...how } = await this.#score(model, part, folderOfItems(this.#context), engine, count, onProgress, signal);
        insertResult(store, { part: part.hash, modelHash: model.hash }, results[0]!, { ...how, createdAt: now() });
        count.done++;
      }
    }
    return this.results({ suite: suite.id });
  }

  /** {@link run} as events, the table in the last. */
  async *followRun(request: SuiteRunRequest, signal?: AbortSignal): AsyncGenerator<SuiteRunEvent, void> {
    const work = followWork<ScoreProgress, SuiteTable>((onProgress, ended) => this.run(request, onProgress, ended), signal);
    for await (const event of work) {
      yield 'progress' in event ? { progress: event.progress, table: null } : { progress: null, table: event.result };
    }
  }

  /** Scores a model once; nothing is kept. */
  async score(request: ScoreRequest, onProgress: OnProgress = () => undefined, signal?: AbortSignal): Promise<ScoreResult> {
    const model = this.#text.modelOf(request.model);
    const folder = join(folderOfItems(this.#context), newId('score')); // its own: another process may score the same items
    return makeFolder(this.#context, folder, async () => {
      const part = await this.#prepare(request.part, folder);
      const { results, seconds, engine } = await this.#score(model, part, folder, request.engine ?? 'auto', ONE, onProgress, signal);
      await rm(folder, { recursive: true });
      return { model: { id: model.id, name: model.name }, result: results[0]!, seconds, engine };
    });
  }

  /** {@link score} as events, the result in the last. */
  async *followScore(request: ScoreRequest, signal?: AbortSignal): AsyncGenerator<ScoreEvent, void> {
    const work = followWork<ScoreProgress, ScoreResult>((onProgress, ended) => this.score(request, onProgress, ended), signal);
    for await (const event of work) {
      yield 'progress' in event ? { progress: event.progress, result: null } : { progress: null, result: event.result };
    }
  }

  #all(): Suite[] {
    return listSuites(this.#context.store);
  }

  #refuseTaken(name: string, hint: string): void {
    if (!this.#all().some((suite) => suite.name === name)) return;
    throw new StrataError('CONFLICT', `There is a suite "${name}" already, and what a suite measures does not change.`, { hint });
  }

  async #prepare(request: PartRequest, folder: string): Promise<SuitePart> {
    const { name, source, examples, options } = partRequestSchema.parse(request);
    const find = (reference: string): ReturnType<Datasets['find']> => this.#datasets.find(reference);
    const items = await copyItems(this.#context, folder, source, options, find);
    const shown = examples === undefined ? null : await copyItems(this.#context, folder, examples, options, find);
    const examplesHash = shown?.hash ?? null;
    const hash = createHash('sha256')
      .update(JSON.stringify([items.hash, examplesHash, options]))
      .digest('hex');
    return { name: name ?? items.name, source: items.source, items: items.items, itemsHash: items.hash, examplesHash, hash, options };
  }

  #row(suite: Suite, model: StoredModel, baseline: StoredModel | null): SuiteRow {
    const { store } = this.#context;
    const other = baseline === null || baseline.id === model.id ? null : baseline;
    const run = listRuns(store).find(({ model: made }) => made === model.id);
    return {
      model: { id: model.id, name: model.name },
      run: run ? { id: run.id, name: run.name } : null,
      baseline: other && { id: other.id, name: other.name },
      cells: suite.parts.map(({ hash }) => {
        const known = findFigures(store, { part: hash, modelHash: model.hash });
        const mine = known && other && findResult(store, { part: hash, modelHash: model.hash });
        const theirs = mine && findResult(store, { part: hash, modelHash: other!.hash });
        const comparison = mine && theirs ? compareResults(theirs, mine) : null;
        return { part: hash, result: known?.figures ?? null, measuredAt: known?.createdAt ?? null, comparison };
      }),
    };
  }

  async #score(
    model: StoredModel,
    part: SuitePart,
    folder: string,
    engine: string,
    count: { done: number; of: number },
    onProgress: OnProgress,
    signal?: AbortSignal,
  ): Promise<ScoreOutcome> {
    const path = pathOfItems(folder, part.itemsHash);
    const examplesPath = part.examplesHash === null ? null : pathOfItems(folder, part.examplesHash);
    const parts: ScoreJob['parts'] = [{ name: part.name, path, examplesPath, options: part.options }];
    const progress: ScoreProgress = { activity: '', done: 0, of: 0, secondsLeft: null, partsDone: count.done, parts: count.of };
    let started = null as { at: number; done: number } | null;
    const handle = this.#context.executor.start({ kind: 'score', engine, modelDirectory: model.path, parts }, (event) => {
      if (event.type === 'activity') progress.activity = `${model.name}: ${event.text}`;
      else if (event.type === 'done') {
        // The first pass compiles what it runs, and says little about the others.
        const seconds = started === null ? 0 : (performance.now() - started.at) / 1000;
        const done = started === null ? 0 : event.done - started.done;
        started ??= { at: performance.now(), done: event.done };
        Object.assign(progress, {
          done: event.done,
          of: event.of,
          secondsLeft: done > 0 ? (seconds / done) * (event.of - event.done) : null,
        });
      } else return;
      onProgress({ ...progress });
    });
    const end = (): void => handle.kill();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      return (await handle.finished) as ScoreOutcome;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }
}

/**
 * A part by its hash or its name.
 * @throws StrataError NOT_FOUND
 */
export function findPart({ name: suite, parts }: Suite, reference: string): SuitePart {
  const part = parts.find(({ hash, name }) => hash === reference || name === reference);
  if (part) return part;
  throw new StrataError('NOT_FOUND', `The suite "${suite}" has no part "${reference}".`, {
    found: reference,
    allowed: parts.map(({ name }) => name).join(', '),
  });
}

function baseOf(model: StoredModel, models: readonly StoredModel[]): StoredModel | null {
  return models.find(({ id }) => id === model.baseModel) ?? null;
}

function hashesOfItems({ itemsHash, examplesHash }: SuitePart): string[] {
  return examplesHash === null ? [itemsHash] : [itemsHash, examplesHash];
}
