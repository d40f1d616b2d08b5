import type { ScoreProgress, SuiteTable } from '../../../shared/contract/suites.ts';
import { words } from '../../../shared/words/words.ts';
import { Attempts } from '../../client/attempts.svelte.ts';
import { failureOf } from '../../client/failure.ts';
import { Latest } from '../../client/latest.ts';
import type { StudioState } from '../../studio.svelte.ts';
import { duration } from '../../ui/format.ts';

/** One suite while its page is open: what was measured with it. */
export class SuiteState extends Attempts {
  readonly #studio: StudioState;
  readonly #suite: string;
  table = $state.raw<SuiteTable | null>(null);
  readonly #tables = new Latest();

  constructor(studio: StudioState, suite: string) {
    super();
    this.#studio = studio;
    this.#suite = suite;
  }

  /** @param baseline that all are compared with; null: each with its own base. */
  load(baseline: string | null): Promise<void> {
    this.failure = null;
    return this.#tables.ask(
      () => this.#studio.client.suites.results({ suite: this.#suite, ...(baseline !== null && { baseline }) }),
      (table) => (this.table = table),
      (error) => (this.failure = failureOf(error)),
    );
  }

  /** Answers whether it was done. */
  rename(name: string): Promise<boolean> {
    return this.attempt(async () => {
      const suite = await this.#studio.client.suites.rename({ suite: this.#suite, name });
      if (this.table) this.table = { ...this.table, suite };
    });
  }

  remove(): Promise<boolean> {
    return this.attempt(async () => {
      await this.#studio.client.suites.remove({ suite: this.#suite });
    });
  }
}

/** How far a measuring is, in words. */
export function progressWords(progress: ScoreProgress | null): string {
  if (!progress) return words('suites.starting');
  const { activity, done, of, partsDone, parts, secondsLeft } = progress;
  const said = { activity, done, all: of, part: partsDone + 1, parts };
  const isOfItems = of > 0;
  const now =
    parts > 1
      ? isOfItems
        ? words('suites.activityItemsOfParts', said)
        : words('suites.activityOfParts', said)
      : isOfItems
        ? words('suites.activityItems', said)
        : activity;
  return secondsLeft === null ? now : words('suites.timeLeft', { progress: now, time: duration(secondsLeft) });
}
