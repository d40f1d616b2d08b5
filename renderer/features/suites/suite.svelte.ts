import type { ScoreProgress, SuiteTable } from '../../../shared/contract/suites.ts';
import type { ErrorRecord } from '../../../shared/errors.ts';
import { failureOf } from '../../client/failure.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { count, duration } from '../../ui/format.ts';

/** One suite while its page is open: what was measured with it. */
export class SuiteState {
  readonly #studio: StudioState;
  readonly #suite: string;
  table = $state.raw<SuiteTable | null>(null);
  failure = $state.raw<ErrorRecord | null>(null);
  isBusy = $state(false);
  #asked = 0;

  constructor(studio: StudioState, suite: string) {
    this.#studio = studio;
    this.#suite = suite;
  }

  /** @param baseline that all are compared with; null: each with its own base. */
  async load(baseline: string | null): Promise<void> {
    const asked = ++this.#asked;
    await this.#attempt(async () => {
      const table = await this.#studio.client.suites.results({ suite: this.#suite, ...(baseline !== null && { baseline }) });
      if (asked === this.#asked) this.table = table;
    });
  }

  /** Answers whether it was done. */
  rename(name: string): Promise<boolean> {
    return this.#attempt(async () => {
      const suite = await this.#studio.client.suites.rename({ suite: this.#suite, name });
      if (this.table) this.table = { ...this.table, suite };
    });
  }

  remove(): Promise<boolean> {
    return this.#attempt(async () => {
      await this.#studio.client.suites.remove({ suite: this.#suite });
    });
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    this.failure = null;
    this.isBusy = true;
    try {
      await work();
      return true;
    } catch (error) {
      this.failure = failureOf(error);
      return false;
    } finally {
      this.isBusy = false;
    }
  }
}

/** How far a measuring is, in words. */
export function progressWords(progress: ScoreProgress | null): string {
  if (!progress) return 'starting';
  const { activity, done, of, partsDone, parts, secondsLeft } = progress;
  const part = parts > 1 ? `${count(partsDone + 1)} of ${count(parts)}: ` : '';
  const items = of > 0 ? `, ${count(done)} of ${count(of)}` : '';
  return `${part}${activity}${items}${secondsLeft === null ? '' : `, ${duration(secondsLeft)} left`}`;
}
