import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Text that is being sampled from the base, in place of old data. */
export class SelfReplayState {
  readonly #studio: StudioState;
  /** Empty takes the default. */
  tokens = $state<number | null>(null);
  /** How far it is; null while nothing is sampled. */
  progress = $state.raw<{ activity: string; share: number } | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  #abort: AbortController | null = null;

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Samples from a model; the new dataset's id, or null when it was stopped or refused. */
  async make(model: string): Promise<string | null> {
    const abort = new AbortController();
    this.#abort = abort;
    this.failure = null;
    this.progress = { activity: 'starting', share: 0 };
    try {
      const request = { model, ...(this.tokens === null ? {} : { tokens: this.tokens }) };
      const events = await this.#studio.client.datasets.selfReplay(request, { signal: abort.signal });
      let made: string | null = null;
      for await (const { activity, done, of, dataset } of events) {
        made = dataset?.id ?? null;
        this.progress = { activity, share: done / of };
      }
      await this.#studio.refresh();
      return made;
    } catch (error) {
      if (!abort.signal.aborted) this.failure = failureOf(error);
      return null;
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.progress = null;
      }
    }
  }

  stop(): void {
    this.#abort?.abort();
  }
}
