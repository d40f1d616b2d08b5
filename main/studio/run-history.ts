import { rm } from 'node:fs/promises';
import type { z } from 'zod';
import type { runPageSchema } from '../../shared/contract/comparison.ts';
import type { RunSummary } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { listTags, type ParsedRunQuery, searchRunIds, searchRuns } from '../store/run-search.ts';
import { changeOwner, deleteRun, listDeletedRuns, listRunNames, type StoredRun, updateRun } from '../store/runs.ts';
import { folderOf, now, type StudioContext, uniqueName } from './context.ts';
import { GOING_ON } from './run-ending.ts';
import type { Runs } from './runs.ts';

/** Use cases of the history: finding runs, marking them, and throwing them away. */
export class RunHistory {
  readonly #context: StudioContext;
  readonly #runs: Runs;

  constructor(context: StudioContext, runs: Runs) {
    this.#context = context;
    this.#runs = runs;
  }

  search(query: ParsedRunQuery): z.output<typeof runPageSchema> {
    this.#runs.markOrphans();
    const { store } = this.#context;
    return { ...searchRuns(store, query), tags: listTags(store, query.shelf) };
  }

  /** Whole runs that a query finds, on all pages, in its order. */
  all(query: ParsedRunQuery): RunSummary[] {
    this.#runs.markOrphans();
    return searchRunIds(this.#context.store, query).map((id) => this.#runs.show(id));
  }

  rename({ run, name }: { run: string; name: string }): RunSummary {
    const { id } = this.#runs.find(run);
    return this.#change(id, { name: this.#freeName(name, id) });
  }

  note({ run, note }: { run: string; note: string }): RunSummary {
    return this.#change(this.#runs.find(run).id, { note });
  }

  /** Puts tags on a run in place of those it had; each once. */
  tag({ run, tags }: { run: string; tags: string[] }): RunSummary {
    return this.#change(this.#runs.find(run).id, { tags: [...new Set(tags)] });
  }

  favourite({ run, favourite }: { run: string; favourite: boolean }): RunSummary {
    return this.#change(this.#runs.find(run).id, { favourite });
  }

  /** Puts runs away, or takes them out again: all of them, or none where one is not known. */
  archive({ runs, archived }: { runs: string[]; archived: boolean }): RunSummary[] {
    const ids = runs.map((run) => this.#runs.find(run).id);
    return ids.map((id) => this.#change(id, { archivedAt: archived ? now() : null }));
  }

  /**
   * Puts a run into the bin. All it measured and made stays until it is purged. One that waits in the queue leaves it.
   * @throws StrataError CONFLICT while it is training.
   */
  remove({ run: reference }: { run: string }): { removed: string } {
    this.#runs.markOrphans();
    const run = this.#runs.find(reference);
    const { store } = this.#context;
    const left = { status: 'paused' as const, ownerPid: null, heartbeatAt: run.heartbeatAt };
    const isTaken = run.status === 'queued' && !changeOwner(store, run, left);
    if (isTaken || GOING_ON.includes(run.status)) {
      throw new StrataError('CONFLICT', 'A run that is training cannot be deleted.', {
        found: `run "${run.name}" is ${run.status}`,
        hint: 'Stop it first.',
      });
    }
    if (run.deletedAt === null) updateRun(store, run.id, { deletedAt: now() });
    return { removed: run.id };
  }

  /** Takes a run out of the bin. Its name may have been given to another meanwhile: then it gets a free one like it. */
  restore({ run: reference }: { run: string }): RunSummary {
    const { id, name, deletedAt } = this.#runs.find(reference);
    return this.#change(id, deletedAt === null ? {} : { deletedAt: null, name: this.#freeName(name, id) });
  }

  /**
   * Deletes a run of the bin for good, with its measurements and checkpoints, or all of them. The model that a run made stays.
   * @throws StrataError CONFLICT for a run that is not in the bin.
   */
  async purge({ run: reference }: { run?: string | undefined }): Promise<{ removed: string[] }> {
    const { store } = this.#context;
    const runs = reference === undefined ? listDeletedRuns(store) : [this.#inBin(reference)];
    for (const run of runs) {
      deleteRun(store, run.id);
      const model = folderOf(this.#context, 'models', run.id);
      const unfinished = run.model === null ? [model, `${model}.partial`] : [];
      for (const folder of [run.directory, ...unfinished]) await rm(folder, { recursive: true, force: true });
    }
    return { removed: runs.map(({ id }) => id) };
  }

  #inBin(reference: string): StoredRun {
    const run = this.#runs.find(reference);
    if (run.deletedAt !== null) return run;
    throw new StrataError('CONFLICT', 'Only what is in the bin is deleted for good.', {
      found: `run "${run.name}" is in the history`,
      hint: 'Delete it first.',
    });
  }

  #change(id: string, fields: Parameters<typeof updateRun>[2]): RunSummary {
    updateRun(this.#context.store, id, fields);
    return this.#runs.show(id);
  }

  /** Names of runs in the bin are free. */
  #freeName(wanted: string, forRun: string): string {
    return uniqueName(
      wanted,
      listRunNames(this.#context.store).filter(({ id }) => id !== forRun),
    );
  }
}
