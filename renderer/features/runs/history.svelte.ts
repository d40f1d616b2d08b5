import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { type HistoryPage, type HistoryQuery, requestOf, RUNS_PER_PAGE } from './history-query.ts';

/** A page of the history of runs, as it was asked for last. */
export class HistoryState {
  readonly #studio: StudioState;
  page = $state.raw<HistoryPage | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  #latest = 0;

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  get pages(): number {
    return Math.max(1, Math.ceil((this.page?.total ?? 0) / RUNS_PER_PAGE));
  }

  /** Asks; an answer that a newer question has overtaken is dropped, and what is shown stays until there is another. */
  async load(query: HistoryQuery): Promise<void> {
    const question = ++this.#latest;
    try {
      const page = await this.#studio.client.runs.search(requestOf(query));
      if (question !== this.#latest) return;
      this.page = page;
      this.failure = null;
    } catch (error) {
      if (question === this.#latest) this.failure = failureOf(error);
    }
  }
}
