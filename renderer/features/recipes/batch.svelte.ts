import type { Comparison } from '../../../shared/contract/comparison.ts';
import type { Batch } from '../../../shared/contract/recipes.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';

/** A comparison of more runs than this is not asked for. */
const MOST_COMPARED = 200;

/** A batch on its page: how far its runs are, and the points of those that have ended. */
export class BatchState {
  readonly #studio: StudioState;
  readonly #id: string;
  batch = $state.raw<Batch | null>(null);
  /** Of the runs with results; null while there are fewer than two. */
  comparison = $state.raw<Comparison | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isBusy = $state(false);
  highlighted = $state<string | null>(null);
  #compared = '';

  constructor(studio: StudioState, id: string) {
    this.#studio = studio;
    this.#id = id;
  }

  highlight(run: string): void {
    this.highlighted = this.highlighted === run ? null : run;
  }

  /** Fetches it; the comparison only when another run has a result. */
  async load(): Promise<void> {
    try {
      this.batch = await this.#studio.client.recipes.show({ batch: this.#id });
      route.itemTitle = this.batch.name;
      const ids = this.batch.runs.flatMap(({ run, gain }) => (gain === null ? [] : [run])).slice(0, MOST_COMPARED);
      if (ids.length >= 2 && ids.join() !== this.#compared) {
        this.comparison = await this.#studio.client.runs.compare({ runs: ids });
        this.#compared = ids.join();
      }
      this.failure = null;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Takes what waits out of the queue, and ends what trains with what it has learned. */
  async cancel(): Promise<void> {
    this.isBusy = true;
    try {
      this.batch = await this.#studio.client.recipes.cancel({ batch: this.#id });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.isBusy = false;
      await this.#studio.refresh();
    }
  }
}
