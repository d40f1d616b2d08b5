import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatasetImport, ImportRequest } from '../../shared/contract/dataset-import.ts';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { datasetIds, listDatasets } from '../store/datasets.ts';
import type { JobHandle } from '../training/executor.ts';
import type { ImportedDataset } from '../training/import-job.ts';
import type { ImportJob } from '../training/messages.ts';
import type { StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { forgetImport, importFolder, type ImportRecord, importsIn, readImportRecord, writeImportRecord } from './import-folder.ts';
import { recordOf, refuseGone } from './import-request.ts';
import { claim, isClaimed } from './owner-file.ts';
import { registerDataset } from './register-dataset.ts';
import { noteUnfinished } from './unfinished.ts';

/** More at once would only wait for the same disk. */
const MOST_AT_ONCE = 2;
const WATCH_INTERVAL_MS = 150;
/** A process that was asked to stop and has not by then hangs in a file: it is killed. */
const STOP_LIMIT_MS = 5000;

/** An import of this process. */
interface Task {
  record: ImportRecord;
  shown: DatasetImport;
  /** Its process; null while it waits, and afterwards. */
  handle: JobHandle | null;
  /** Somebody wants it to stop. */
  stopping: AbortController;
  ended: Promise<void>;
}

/**
 * Imports of files into datasets, each in a process of its own, so that a crash, a file that hangs its reader or a full memory takes nothing else
 * with it. What was read lies in the unfinished dataset folder with what was asked for: one that was stopped, failed by no fault of its files, or
 * was killed goes on from there, also in another program on the same workspace.
 */
export class DatasetImports {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  readonly #tasks = new Map<string, Task>();
  readonly #resuming = new Map<string, Promise<DatasetImport>>();
  /** Of this process, by what was asked for: what goes on is not begun again by a second click, or a second page. */
  readonly #asked = new Map<string, Promise<DatasetImport>>();
  #active = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(context: StudioContext, datasets: Datasets) {
    this.#context = context;
    this.#datasets = datasets;
  }

  /** Those of this process, and those whose folder is there; the oldest first. */
  async list(): Promise<DatasetImport[]> {
    const imports = [...this.#tasks.values()].map(({ shown }) => shown);
    const listed = datasetIds(this.#context.store);
    for (const record of await importsIn(this.#folder(), (id) => listed.has(id))) {
      if (!this.#tasks.has(record.id)) imports.push(await this.#left(record));
    }
    return imports.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  }

  /**
   * Begins an import; it is followed with {@link watch}. Asked for again in the same words while it goes on, it is that one.
   * @throws StrataError NOT_FOUND for a path that is not there; BAD_INPUT where nothing says what to read.
   */
  start(request: ImportRequest): Promise<DatasetImport> {
    const words = JSON.stringify(request);
    const starting = this.#goingOn(this.#asked.get(words)).then((going) => going ?? this.#start(request));
    this.#asked.set(words, starting);
    starting.catch(() => {
      if (this.#asked.get(words) === starting) this.#asked.delete(words);
    });
    return starting;
  }

  /** The import that an earlier call began, while it goes on. */
  async #goingOn(earlier: Promise<DatasetImport> | undefined): Promise<DatasetImport | null> {
    const begun = await earlier?.catch(() => null);
    const shown = begun && this.#tasks.get(begun.id)?.shown;
    return shown?.state === 'running' ? shown : null;
  }

  async #start(request: ImportRequest): Promise<DatasetImport> {
    const record = await recordOf(this.#context, this.#datasets, request);
    const destination = join(this.#folder(), record.id);
    const directory = importFolder(this.#folder(), record.id);
    const forget = noteUnfinished(this.#context.home, destination); // until the record says whose it is
    try {
      await mkdir(directory, { recursive: true });
      await writeImportRecord(directory, record);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw toStrataError(error);
    } finally {
      forget();
    }
    return this.#begin(record);
  }

  /**
   * Goes on with one that was stopped or has failed.
   * @throws StrataError NOT_FOUND where it, or what it reads, is not there any more; CONFLICT where it is done or another program works on it.
   */
  resume({ import: id }: { import: string }): Promise<DatasetImport> {
    // Two calls at once begin it once.
    const resuming = this.#resuming.get(id) ?? this.#resume(id).finally(() => this.#resuming.delete(id));
    this.#resuming.set(id, resuming);
    return resuming;
  }

  async #resume(id: string): Promise<DatasetImport> {
    const task = this.#tasks.get(id);
    if (task?.shown.state === 'running') return task.shown;
    const record = await this.#recordOf(id);
    if (task && !task.shown.canResume) {
      throw new StrataError('CONFLICT', 'The import cannot go on.', {
        found: task.shown.state === 'done' ? 'it is done' : 'nothing of it was kept',
        allowed: 'imports that were stopped, or failed by no fault of the files',
        hint: task.shown.state === 'done' ? 'Its dataset is in the workspace.' : 'Mend the files and import them again.',
      });
    }
    await this.#refuseElsewhere(id);
    await refuseGone(this.#context, record.paths);
    const again = { ...record, error: null };
    await writeImportRecord(importFolder(this.#folder(), id), again);
    return this.#begin(again);
  }

  watch({ import: id }: { import: string }, signal?: AbortSignal): AsyncGenerator<DatasetImport, void> {
    return this.#follow(id, signal);
  }

  async *#follow(id: string, signal?: AbortSignal): AsyncGenerator<DatasetImport, void> {
    if (!this.#tasks.has(id)) return void (yield await this.#left(await this.#recordOf(id)));
    let last: DatasetImport | null = null;
    while (!signal?.aborted) {
      const shown = this.#tasks.get(id)?.shown;
      if (!shown) return; // taken off the list
      if (shown !== last) yield shown;
      last = shown;
      if (shown.state !== 'running') return;
      await delay(WATCH_INTERVAL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Stops it; what was read is kept. One that has ended stays as it is. */
  async cancel({ import: id }: { import: string }): Promise<DatasetImport> {
    const task = this.#tasks.get(id);
    if (!task) {
      const record = await this.#recordOf(id);
      await this.#refuseElsewhere(id);
      return this.#left(record);
    }
    this.#stop(task);
    await task.ended;
    return task.shown;
  }

  /** @throws StrataError CONFLICT while it goes on, NOT_FOUND when there is none of that id. */
  async remove({ import: id }: { import: string }): Promise<{ removed: string }> {
    const task = this.#tasks.get(id);
    if (task?.shown.state === 'running') throw goesOn(id);
    if (!task) await this.#recordOf(id);
    await this.#refuseElsewhere(id);
    await this.#discard(id);
    this.#tasks.delete(id);
    return { removed: id };
  }

  /** Stops what is being read, so that it can go on. */
  async close(): Promise<void> {
    const tasks = [...this.#tasks.values()];
    for (const task of tasks) this.#stop(task);
    await Promise.all(tasks.map(({ ended }) => ended));
  }

  /** Ends the processes at once; what they have read is kept. */
  abandon(): void {
    for (const { handle } of this.#tasks.values()) handle?.kill();
  }

  #begin(record: ImportRecord): DatasetImport {
    const shown: DatasetImport = { ...shownOf(record), state: 'running', canResume: false, activity: words('said.beginning'), error: null };
    const task: Task = { record, shown, handle: null, stopping: new AbortController(), ended: Promise.resolve() };
    this.#tasks.set(record.id, task);
    task.ended = this.#run(task);
    return task.shown;
  }

  /** Never rejects: how it ended is shown. */
  async #run(task: Task): Promise<void> {
    const show = (changes: Partial<DatasetImport>): void => void (task.shown = { ...task.shown, ...changes });
    try {
      show({ ...(await this.#work(task, show)), state: 'done', fraction: 1, secondsLeft: null, canResume: false });
    } catch (error) {
      show(await this.#ended(task, toStrataError(error)));
    }
  }

  async #work(task: Task, show: (changes: Partial<DatasetImport>) => void): Promise<Partial<DatasetImport>> {
    // Also while it waits it is this program's, and its place in the row is decided now.
    const [claimed, turn] = await Promise.allSettled([
      claim(importFolder(this.#folder(), task.record.id)),
      this.#turn(task.stopping.signal, () => show({ activity: words('said.waitingForImport') })),
    ]);
    try {
      if (claimed.status === 'rejected') throw claimed.reason;
      if (turn.status === 'rejected') throw turn.reason;
      return await this.#finish(task.record, await this.#perform(task, show));
    } finally {
      if (turn.status === 'fulfilled') this.#endTurn();
      if (claimed.status === 'fulfilled') await claimed.value();
    }
  }

  /** Waits until fewer than the most imports go on. */
  async #turn(signal: AbortSignal, onWait: () => void): Promise<void> {
    if (this.#active < MOST_AT_ONCE) return void this.#active++;
    onWait();
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(next), 1);
        reject(new StrataError('INTERRUPTED', 'The import was stopped before it began.'));
      };
      this.#waiting.push(next);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  /** Hands the turn on to the next that waits. */
  #endTurn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#active--;
  }

  async #perform(task: Task, show: (changes: Partial<DatasetImport>) => void): Promise<ImportedDataset> {
    const { id, parent, startedAt: _at, progress: _progress, error: _error, ...request } = task.record;
    const { signal } = task.stopping;
    const job: ImportJob = {
      kind: 'import',
      ...request,
      destination: join(this.#folder(), id),
      ...(parent === null ? {} : { parent: parent.id }),
    };
    const handle = this.#context.executor.start(job, (event) => {
      if (event.type !== 'import' || signal.aborted) return;
      task.record = { ...task.record, progress: event.progress };
      show(event.progress);
    });
    task.handle = handle;
    let limit: NodeJS.Timeout | undefined;
    const stop = (): void => {
      handle.control('interrupt');
      limit = setTimeout(() => handle.kill(), STOP_LIMIT_MS);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return (await handle.finished) as ImportedDataset;
    } finally {
      clearTimeout(limit);
      task.handle = null;
    }
  }

  #stop(task: Task): void {
    if (task.shown.state !== 'running') return;
    task.shown = { ...task.shown, activity: words('said.stopping'), secondsLeft: null };
    task.stopping.abort();
  }

  /** Puts the dataset on the list, unless it says the same as the one that it was to be a later version of. */
  async #finish(record: ImportRecord, { summary, files, counts }: ImportedDataset): Promise<Partial<DatasetImport>> {
    const path = join(this.#folder(), record.id);
    const ended = { filesDone: files, files, documents: summary.documents, results: summary.files };
    const parent = listDatasets(this.#context.store).find(({ id, hash }) => id === record.parent?.id && hash === summary.hash);
    if (parent) {
      await this.#discard(record.id);
      return { ...ended, name: parent.name, dataset: parent.id, isNew: false, activity: `The sources have not changed: ${counts}` };
    }
    const { id, name } = registerDataset(this.#context, { id: record.id, path }, summary);
    await forgetImport(path);
    return { ...ended, name, dataset: id, activity: counts };
  }

  /** What is shown of an import that has not come to its end, after what can be kept was. */
  async #ended(task: Task, error: StrataError): Promise<Partial<DatasetImport>> {
    const common = { activity: '', secondsLeft: null };
    const { id } = task.record;
    // Nothing of the sources can be imported, and reading them again would say the same.
    if (error.code === 'BAD_INPUT') {
      await this.#discard(id).catch((fault: unknown) => this.#context.log(`import ${id}: ${toStrataError(fault).message}`));
      return { ...common, state: 'failed', canResume: false, error: error.toRecord() };
    }
    const isStopped = task.stopping.signal.aborted;
    task.record = { ...task.record, error: isStopped ? null : error.toRecord() };
    await writeImportRecord(importFolder(this.#folder(), id), task.record).catch((fault: unknown) =>
      this.#context.log(`import ${id} could not note how it ended: ${toStrataError(fault).message}`),
    );
    return { ...common, state: isStopped ? 'stopped' : 'failed', canResume: true, error: task.record.error };
  }

  /** Removes the folder of an import, unless it is that of a dataset, on the list or in the bin. */
  async #discard(id: string): Promise<void> {
    if (datasetIds(this.#context.store).has(id)) return;
    const destination = join(this.#folder(), id);
    const forget = noteUnfinished(this.#context.home, destination); // if this program ends in the middle, the next one removes the rest
    for (const path of [`${destination}.partial`, destination]) await rm(path, { recursive: true, force: true });
    forget();
  }

  /** One of which only the folder is there. */
  async #left(record: ImportRecord): Promise<DatasetImport> {
    const shown = shownOf(record);
    if (await isClaimed(importFolder(this.#folder(), record.id)))
      return { ...shown, state: 'running', canResume: false, activity: words('said.readElsewhere'), error: null };
    return { ...shown, state: record.error ? 'failed' : 'stopped', canResume: true };
  }

  async #recordOf(id: string): Promise<ImportRecord> {
    const task = this.#tasks.get(id);
    if (task) return task.record;
    const all = await this.list();
    const record = all.some((each) => each.id === id) ? await readImportRecord(importFolder(this.#folder(), id)) : null;
    if (record) return record;
    throw new StrataError('NOT_FOUND', `There is no import "${id}".`, {
      found: id,
      allowed: all.length > 0 ? all.map((each) => each.id).join(', ') : 'none: nothing is being imported',
      hint: 'strata data imports lists them.',
    });
  }

  async #refuseElsewhere(id: string): Promise<void> {
    if (await isClaimed(importFolder(this.#folder(), id))) throw goesOn(id);
  }

  #folder(): string {
    return join(this.#context.home, 'datasets');
  }
}

function shownOf({ id, name, source, startedAt, progress, error }: ImportRecord): DatasetImport {
  return {
    ...{ id, name, source, startedAt, error },
    state: 'stopped',
    canResume: true,
    activity: '',
    fraction: progress?.fraction ?? null,
    filesDone: progress?.filesDone ?? 0,
    files: progress?.files ?? null,
    documents: progress?.documents ?? 0,
    bytesRead: progress?.bytesRead ?? 0,
    secondsLeft: null,
    dataset: null,
    isNew: true,
    results: [],
  };
}

function goesOn(id: string): StrataError {
  return new StrataError('CONFLICT', 'The import goes on.', {
    found: id,
    allowed: 'imports that were stopped or have failed',
    hint: 'Stop it first, in the program that reads it.',
  });
}
