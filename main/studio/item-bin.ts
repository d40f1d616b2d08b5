import { rm } from 'node:fs/promises';
import type { BinItem, PurgeResult } from '../../shared/contract/bin.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { type BinnedRow, type BinnedTable, deleteFromBin, listBin, putIntoBin, takeOutOfBin } from '../store/item-bins.ts';
import { listRuns } from '../store/runs.ts';
import { commandOf, now, resolve, type StudioContext, uniqueName } from './context.ts';

/** What a bin is of. */
export interface BinnedKind {
  table: BinnedTable;
  /** `dataset`, for messages. */
  word: 'dataset' | 'model';
  /** Whether a run with this configuration needs the item as long as it is not finished, and what it does with it. */
  needs: (configuration: RunConfiguration, id: string) => boolean;
  does: string;
  /** Names that an item must not come back with. */
  present: () => readonly { name: string }[];
}

/**
 * The bin of datasets, or of models. What is in it is on no list, and its name is free; its files stay until it is deleted for good. An
 * unfinished run of the history keeps what it needs out of the bin, and what lies in there from being deleted for good.
 */
export class ItemBin {
  readonly #context: StudioContext;
  readonly #kind: BinnedKind;

  constructor(context: StudioContext, kind: BinnedKind) {
    this.#context = context;
    this.#kind = kind;
  }

  /** What was deleted last comes first. */
  list(): BinItem[] {
    return this.#rows().map(({ path: _, ...item }) => item);
  }

  /** @throws StrataError CONFLICT while an unfinished run needs it; NOT_FOUND when somebody else was quicker. */
  put({ id }: { id: string }): { removed: string } {
    const { table, word } = this.#kind;
    this.#refuseNeeded(id);
    if (putIntoBin(this.#context.store, table, id, now())) return { removed: id };
    throw new StrataError('NOT_FOUND', `There is no ${word} "${id}" any more.`, {
      found: id,
      hint: `It has just been deleted elsewhere: ${commandOf(this.#kind.word)} list --deleted shows the bin.`,
    });
  }

  /**
   * Takes an item out of the bin. Its name may have been given to another meanwhile: then it gets a free one like it.
   * @returns its id.
   * @throws StrataError NOT_FOUND for what is not in the bin; BAD_INPUT when several in it have the name.
   */
  restore(reference: string): string {
    const { store } = this.#context;
    // In one transaction: another process may be giving the name away.
    const restore = store.transaction((): string => {
      const { id, name } = this.#find(reference);
      takeOutOfBin(store, this.#kind.table, id, uniqueName(name, this.#kind.present()));
      return id;
    });
    return restore.immediate();
  }

  /**
   * Deletes one item of the bin for good, with its files, or all that nothing needs.
   * @throws StrataError NOT_FOUND for what is not in the bin; CONFLICT for one that an unfinished run needs.
   */
  async purge(reference?: string): Promise<PurgeResult> {
    if (reference !== undefined) {
      const row = this.#find(reference);
      this.#refuseNeeded(row.id);
      await this.#delete(row);
      return { removed: [row.id], kept: [] };
    }
    const result: PurgeResult = { removed: [], kept: [] };
    for (const row of this.#rows()) {
      if (this.#userOf(row.id)) result.kept.push(row.id);
      else {
        await this.#delete(row);
        result.removed.push(row.id);
      }
    }
    return result;
  }

  async #delete({ id, path }: BinnedRow): Promise<void> {
    // The row first: a folder that nothing names is harmless, a row without its folder is not.
    if (deleteFromBin(this.#context.store, this.#kind.table, id)) await rm(path, { recursive: true, force: true });
  }

  #rows(): BinnedRow[] {
    return listBin(this.#context.store, this.#kind.table);
  }

  #find(reference: string): BinnedRow {
    const rows = this.#rows();
    if (rows.some(({ id, name }) => id === reference || name === reference)) return resolve(this.#kind.word, reference, rows);
    throw new StrataError('NOT_FOUND', `There is no ${this.#kind.word} "${reference}" in the bin.`, {
      found: reference,
      allowed:
        rows
          .map(({ id, name }) => `${id} (${name})`)
          .slice(0, 20)
          .join(', ') || 'none: the bin is empty',
      hint: `${commandOf(this.#kind.word)} list --deleted shows the bin.`,
    });
  }

  #userOf(id: string): { name: string; status: string } | undefined {
    return listRuns(this.#context.store).find(
      ({ status, configuration, deletedAt }) =>
        deletedAt === null && !['done', 'stopped', 'failed'].includes(status) && this.#kind.needs(configuration, id),
    );
  }

  #refuseNeeded(id: string): void {
    const user = this.#userOf(id);
    if (!user) return;
    const { word, does } = this.#kind;
    throw new StrataError('CONFLICT', `A run that is not finished ${does} this ${word}.`, {
      found: `run ${user.name} (${user.status})`,
      hint: 'Let it finish or delete it first.',
      allowed: `${word}s that no unfinished run ${does}`,
    });
  }
}
