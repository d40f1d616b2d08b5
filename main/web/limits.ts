import { createHash } from 'node:crypto';

/** What one server bears. Far above what pages ask for: who meets a limit is a program that runs wild, or one that guesses. */
export interface WebLimits {
  /** Pages that are connected at once. */
  connections: number;
  /** Calls of one connection: so many at once, and so many a second after that; more are read later. */
  callsAtOnce: number;
  callsPerSecond: number;
  /** Different wrong tokens before each further one shuts the door for a while. */
  wrongTokens: number;
  /** Messages of one connection that are no calls, after which it is closed. */
  malformedMessages: number;
}

export const WEB_LIMITS: WebLimits = { connections: 64, callsAtOnce: 1000, callsPerSecond: 200, wrongTokens: 10, malformedMessages: 10 };

/** The door stays shut for a second, then for twice as long each time, up to this. */
const LONGEST_SHUT_MS = 60_000;
/** After so long without a wrong token, all is forgotten. */
const FORGOTTEN_AFTER_MS = 600_000;

/** A clock that no change of the machine's time moves, in milliseconds. */
export type Clock = () => number;

const steadily: Clock = () => performance.now();

/**
 * Wrong tokens of all comers together: they all come from this machine, where a program has as many addresses as it likes. A token that was wrong
 * before counts once, for a page of an earlier start asks with its own again and again, and must not shut out the new one.
 */
export class WrongTokens {
  readonly #most: number;
  readonly #now: Clock;
  readonly #seen = new Set<string>();
  #shutUntil = 0;
  #last = 0;

  constructor(most: number, now: Clock = steadily) {
    this.#most = most;
    this.#now = now;
  }

  /** Whole seconds until a token is looked at again; 0 while the door is open. */
  get secondsShut(): number {
    return Math.max(0, Math.ceil((this.#shutUntil - this.#now()) / 1000));
  }

  note(token: string): void {
    const now = this.#now();
    if (now - this.#last > FORGOTTEN_AFTER_MS) this.#seen.clear();
    const hash = createHash('sha256').update(token).digest('base64');
    if (this.#seen.has(hash)) return;
    this.#seen.add(hash);
    this.#last = now;
    const beyond = this.#seen.size - this.#most;
    if (beyond > 0) this.#shutUntil = now + Math.min(LONGEST_SHUT_MS, 1000 * 2 ** Math.min(beyond - 1, 16));
  }
}

/** How fast one connection may call. What comes faster is not refused but waits, so that nothing of a page is lost. */
export class CallRate {
  readonly #perSecond: number;
  readonly #atOnce: number;
  readonly #now: Clock;
  #left: number;
  #at: number;

  constructor({ callsPerSecond, callsAtOnce }: Pick<WebLimits, 'callsPerSecond' | 'callsAtOnce'>, now: Clock = steadily) {
    this.#perSecond = callsPerSecond;
    this.#atOnce = this.#left = callsAtOnce;
    this.#now = now;
    this.#at = now();
  }

  /** Counts a call. @returns milliseconds until the next one may be read. */
  take(): number {
    const now = this.#now();
    this.#left = Math.min(this.#atOnce, this.#left + ((now - this.#at) / 1000) * this.#perSecond) - 1;
    this.#at = now;
    return this.#left >= 0 ? 0 : (-this.#left / this.#perSecond) * 1000;
  }
}
