import { setTimeout as delay } from 'node:timers/promises';
import { StrataError, type ErrorDetails } from '../../../shared/errors.ts';

/** A failure that may not happen again: a lost connection, a server that is busy. */
export class NetworkError extends StrataError {
  /** How long the server asks to be left alone; null when it says nothing. */
  readonly retryAfterMs: number | null;

  constructor(message: string, details: ErrorDetails & { cause?: unknown } = {}, retryAfterMs: number | null = null) {
    super('NETWORK', message, details);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface RetryLimits {
  /** Attempts in a row that bring nothing before it is given up. */
  attempts: number;
  /** The first wait; each further one is twice as long, up to {@link MAX_WAIT_MS}. */
  firstWaitMs: number;
  /** No byte for so long, and the connection counts as lost. */
  stallMs: number;
}

export const RETRY_LIMITS: RetryLimits = { attempts: 6, firstWaitMs: 500, stallMs: 30_000 };

const MAX_WAIT_MS = 60_000;

/**
 * Does work again while it fails with a {@link NetworkError}. The count of attempts starts anew whenever one brought something (`hasProgress`,
 * which also forgets it).
 * @throws the last error; StrataError INTERRUPTED when the signal is aborted.
 */
export async function withRetries<Result>(
  work: () => Promise<Result>,
  limits: RetryLimits,
  options: { signal: AbortSignal; hasProgress?: () => boolean; onWait: (text: string) => void },
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    throwIfCancelled(options.signal);
    try {
      return await work();
    } catch (error) {
      throwIfCancelled(options.signal);
      if (!(error instanceof NetworkError)) throw error;
      if (options.hasProgress?.()) attempt = 1;
      const wait = error.retryAfterMs ?? Math.min(MAX_WAIT_MS, limits.firstWaitMs * 2 ** (attempt - 1));
      if (attempt >= limits.attempts || wait > MAX_WAIT_MS) throw error;
      options.onWait(`${error.message} Trying again in ${Math.ceil(wait / 1000)} s (attempt ${attempt + 1} of ${limits.attempts})`);
      await delay(wait, undefined, { signal: options.signal }).catch(() => undefined); // aborted: thrown above
    }
  }
}

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted)
    throw new StrataError('INTERRUPTED', 'The download was stopped.', {
      hint: 'What has arrived is kept; start it again to go on from there.',
    });
}
