import type { ErrorRecord } from '../../shared/errors.ts';
import { failureOf } from './failure.ts';

/** What a page does for its user, and what went wrong with the last of it: the base of states that do things. */
export class Attempts {
  /** Of the last that was tried; null when it was done. */
  failure = $state.raw<ErrorRecord | null>(null);
  isBusy = $state(false);

  /** Does something, and keeps what went wrong. @returns whether it was done. */
  async attempt(work: () => Promise<void>): Promise<boolean> {
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
