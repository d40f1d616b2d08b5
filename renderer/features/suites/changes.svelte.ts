import type { SuiteChanges } from '../../../shared/contract/suites.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Items that are fetched at a time. */
const SHOWN = 20;

export interface ChangesQuery {
  suite: string;
  model: string;
  part: string;
  change: 'gained' | 'lost';
  /** Null: the model's own base. */
  baseline: string | null;
}

/** The items of a part that one model answers otherwise than another, as many as were asked for. */
export class ChangesState {
  readonly #studio: StudioState;
  readonly #questions = new Latest();
  #query: ChangesQuery | null = null;
  changes = $state.raw<SuiteChanges | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isBusy = $state(false);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Shows the first items of what is asked for. */
  async show(query: ChangesQuery): Promise<void> {
    this.#query = query;
    await this.#fetch(query, 0);
  }

  async more(): Promise<void> {
    if (this.#query && this.changes) await this.#fetch(this.#query, this.changes.items.length);
  }

  #fetch({ baseline, ...rest }: ChangesQuery, from: number): Promise<void> {
    this.isBusy = true;
    this.failure = null;
    return this.#questions.ask(
      () => this.#studio.client.suites.changes({ ...rest, from, count: SHOWN, ...(baseline !== null && { baseline }) }),
      (found) => {
        this.changes = from === 0 ? found : { ...found, items: [...(this.changes?.items ?? []), ...found.items] };
        this.isBusy = false;
      },
      (error) => {
        this.failure = failureOf(error);
        this.isBusy = false;
      },
    );
  }
}
