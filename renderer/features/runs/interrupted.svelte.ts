import { createContext } from 'svelte';
import type { Resumable } from '../../../shared/contract/runs.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** Runs that a crash or a power cut left in the middle, offered until they go on or the user leaves them for this time. */
export class InterruptedState {
  readonly #studio: StudioState;
  #found = $state.raw<readonly Resumable[]>([]);
  /** Ids of those that are not offered again before the studio is opened anew. */
  #left = $state.raw<readonly string[]>([]);
  busy = $state<string | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  get offered(): readonly Resumable[] {
    return this.#found.filter(({ run }) => !this.#left.includes(run.id));
  }

  /** What is known of a run that was interrupted and can go on, whether it is offered or left; null of any other. */
  find(run: string): Resumable | null {
    return this.#found.find((each) => each.run.id === run) ?? null;
  }

  async refresh(): Promise<void> {
    try {
      this.#found = await this.#studio.client.runs.resumable();
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  leave(run: string): void {
    this.#left = [...this.#left, run];
  }

  /** Goes on as the same run, or waits while another one trains. */
  async resume(run: string): Promise<void> {
    this.busy = run;
    this.failure = null;
    try {
      await this.#studio.client.runs.resume({ run });
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.busy = null;
      await this.refresh();
      await this.#studio.refresh();
    }
  }
}

export const [getInterrupted, setInterrupted] = createContext<InterruptedState>();
