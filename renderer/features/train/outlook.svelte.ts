import type { PlanReport } from '../../../shared/contract/planning.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Typing a number must not ask at every key. */
const DELAY_MS = 250;

/** What is asked of a plan alone. */
export interface PlanQuestion {
  model: string;
  place: string;
  blocks?: number;
  oldDatasets: string[];
}

/** What the chosen plan means whatever will be learned: shown as long as there is no run to preview. */
export class OutlookState {
  readonly #studio: StudioState;
  report = $state.raw<PlanReport | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  readonly #latest = new Latest();

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Asks for a plan, or forgets the last one; an answer that a newer question has overtaken is dropped. Returns how to take the question back. */
  ask(question: PlanQuestion | null): () => void {
    if (!question) {
      this.#latest.next();
      this.report = null;
      this.failure = null;
      return () => undefined;
    }
    return this.#latest.askLater(
      DELAY_MS,
      () => this.#studio.client.models.plan(question),
      (report) => {
        this.report = report;
        this.failure = null;
      },
      (error: unknown) => {
        this.report = null;
        this.failure = failureOf(error);
      },
    );
  }
}
