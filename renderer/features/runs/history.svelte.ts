import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { type HistoryPage, type HistoryQuery, requestOf, RUNS_PER_PAGE } from './history-query.ts';

/** A page of the history of runs, as it was asked for last. */
export class HistoryState {
  readonly #studio: StudioState;
  page = $state.raw<HistoryPage | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  readonly #latest = new Latest();

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  get pages(): number {
    return Math.max(1, Math.ceil((this.page?.total ?? 0) / RUNS_PER_PAGE));
  }

  /** Asks; an answer that a newer question has overtaken is dropped, and what is shown stays until there is another. */
  load(query: HistoryQuery): Promise<void> {
    return this.#latest.ask(
      () => this.#studio.client.runs.search(requestOf(query)),
      (page) => {
        this.page = page;
        this.failure = null;
      },
      (error) => (this.failure = failureOf(error)),
    );
  }
}
