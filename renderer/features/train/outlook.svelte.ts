import type { PlanReport } from '../../../shared/contract/planning.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
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
  #latest = 0;

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Asks for a plan, or forgets the last one; an answer that a newer question has overtaken is dropped. Returns how to take the question back. */
  ask(question: PlanQuestion | null): () => void {
    const number = ++this.#latest;
    if (!question) {
      this.report = null;
      this.failure = null;
      return () => undefined;
    }
    const timer = setTimeout(() => {
      this.#studio.client.models.plan(question).then(
        (report) => {
          if (number !== this.#latest) return;
          this.report = report;
          this.failure = null;
        },
        (error: unknown) => {
          if (number !== this.#latest) return;
          this.report = null;
          this.failure = failureOf(error);
        },
      );
    }, DELAY_MS);
    return () => clearTimeout(timer);
  }
}
