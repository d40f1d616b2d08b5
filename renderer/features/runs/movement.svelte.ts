import type { Movement } from '../../../shared/domain/movement.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** How far a run moved its model, once it has been asked for: it takes a while the first time. */
export class MovementState {
  readonly #studio: StudioState;
  readonly #run: string;
  movement = $state.raw<Movement | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isBusy = $state(false);

  constructor(studio: StudioState, run: string) {
    this.#studio = studio;
    this.#run = run;
  }

  async measure(): Promise<void> {
    this.isBusy = true;
    this.failure = null;
    try {
      this.movement = await this.#studio.client.runs.movement({ run: this.#run });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.isBusy = false;
    }
  }
}
