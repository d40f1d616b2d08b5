import type { TokenCount } from '../../../shared/contract/datasets.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';

/** How many tokens the datasets have for the model of the next run. */
export class TokenCountsState {
  readonly #studio: StudioState;
  #counts = $state.raw<Readonly<Record<string, TokenCount>>>({});
  failure = $state.raw<ErrorRecord | null>(null);
  isCounting = $state(false);

  constructor(studio: StudioState) {
    this.#studio = studio;
  }

  /** Null as long as nobody knows. */
  of(dataset: string): TokenCount | null {
    return this.#counts[dataset] ?? null;
  }

  /** Asks for a model's counts; null for none. Returns how to take the question back. */
  ask(model: string | null): () => void {
    const abort = new AbortController();
    if (model === null) this.#counts = {};
    else void this.#fetch(model, abort.signal);
    return () => abort.abort();
  }

  async #fetch(model: string, signal: AbortSignal): Promise<void> {
    this.isCounting = true;
    this.failure = null;
    try {
      const counts = await this.#studio.client.datasets.tokenCounts({ model }, { signal });
      if (!signal.aborted) this.#counts = Object.fromEntries(counts.map((each) => [each.dataset, each]));
    } catch (error) {
      if (signal.aborted) return;
      this.#counts = {};
      this.failure = failureOf(error);
    } finally {
      if (!signal.aborted) this.isCounting = false;
    }
  }
}
