import type { RerunVerdict } from '../../../shared/contract/runs.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { route } from '../../ui/route.svelte.ts';

/** Doing a run again, exactly, and whether the same came of it. */
export class RerunState {
  readonly #studio: StudioState;
  verdict = $state.raw<RerunVerdict | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isBusy = $state(false);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Starts it, or puts it into the queue, and goes to its page. */
  async rerun(run: string): Promise<void> {
    this.isBusy = true;
    this.failure = null;
    try {
      const { id } = await this.#studio.client.runs.rerun({ run });
      await this.#studio.refresh();
      route.go(`runs/${encodeURIComponent(id)}`);
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.isBusy = false;
    }
  }

  async load(run: string): Promise<void> {
    try {
      this.verdict = await this.#studio.client.runs.rerunVerdict({ run });
    } catch (error) {
      this.failure = failureOf(error);
    }
  }
}
