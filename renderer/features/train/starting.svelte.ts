import type { TrainRequest } from '../../../shared/contract/training.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** The start of a run: once, however often the button is pressed, and whether or not the answer arrives. */
export class StartState {
  readonly #studio: StudioState;
  isBusy = $state(false);
  failure = $state.raw<ErrorRecord | null>(null);
  /** The request that was sent last and not answered with a run, and its key: sent again it is the same start. */
  #sent: { request: string; key: string } | null = null;

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Starts the run; its id, or null when it was refused or is being started already. */
  async start(request: TrainRequest): Promise<string | null> {
    if (this.isBusy) return null;
    this.isBusy = true;
    this.failure = null;
    try {
      const run = await this.#studio.client.training.start({ ...request, key: this.#keyOf(request) });
      this.#sent = null;
      await this.#studio.refresh();
      return run.id;
    } catch (error) {
      this.failure = failureOf(error);
      return null;
    } finally {
      this.isBusy = false;
    }
  }

  #keyOf(request: TrainRequest): string {
    const asked = JSON.stringify(request);
    // crypto.randomUUID exists in secure contexts only, which the page of another machine need not be.
    const key = this.#sent?.request === asked ? this.#sent.key : [...crypto.getRandomValues(new Uint32Array(4))].join('-');
    this.#sent = { request: asked, key };
    return key;
  }
}
