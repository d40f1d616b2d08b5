import type { BinItem, PurgeResult } from '../../../shared/contract/bin.ts';
import { words } from '../../../shared/words/words.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import type { StudioState } from '../../studio.svelte.ts';
import type { ToastsState } from '../../ui/toasts.svelte.ts';

/** The calls of the contract that a bin is made of: those of datasets, or of models. */
export interface BinCalls {
  list: () => Promise<readonly BinItem[]>;
  remove: (id: string) => Promise<unknown>;
  restore: (id: string) => Promise<unknown>;
  purge: (id?: string) => Promise<PurgeResult>;
}

type Named = Pick<BinItem, 'id' | 'name'>;

/** The bin of a page: deleting with the way back at the edge of the window, and what lies in the bin until it is emptied. */
export class ItemBinState extends Attempts {
  readonly #studio: StudioState;
  readonly #toasts: ToastsState;
  readonly #calls: BinCalls;
  items = $state.raw<readonly BinItem[]>([]);
  /** Names of what an emptying left, for a run needs it. */
  kept = $state.raw<readonly string[]>([]);

  constructor(studio: StudioState, toasts: ToastsState, calls: BinCalls) {
    super();
    this.#studio = studio;
    this.#toasts = toasts;
    this.#calls = calls;
  }

  /** Of everything in it, about. */
  get bytes(): number {
    return this.items.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** To be called whenever the studio's lists have been fetched. */
  async load(): Promise<void> {
    if (this.#studio.connection === 'open') this.items = await this.#calls.list();
  }

  async remove(item: Named): Promise<boolean> {
    const isDone = await this.attempt(async () => void (await this.#calls.remove(item.id)));
    if (isDone) {
      const undo = { label: words('ui.undo'), run: () => void this.restore(item) };
      this.#toasts.show(words('bin.deleted', { name: item.name }), undo);
    }
    return isDone;
  }

  restore({ id }: Named): Promise<boolean> {
    return this.attempt(async () => void (await this.#calls.restore(id)));
  }

  /** Deletes for good: one, or all that nothing needs. */
  purge(item?: Named): Promise<boolean> {
    return this.attempt(async () => {
      const { kept } = await this.#calls.purge(item?.id);
      this.kept = this.items.filter(({ id }) => kept.includes(id)).map(({ name }) => name);
    });
  }

  /** Whatever came of it, the lists show what is now. */
  override async attempt(work: () => Promise<void>): Promise<boolean> {
    this.kept = [];
    try {
      return await super.attempt(work);
    } finally {
      await this.#studio.refresh();
    }
  }
}
