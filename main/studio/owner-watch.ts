import type { StoredRun } from '../store/runs.ts';
import { isAlive, livesStill } from '../training/process-sign.ts';

/** An owner that was watched so long without a sign of life is gone, although there is a process of its id. */
const SILENT_OWNER_MS = 60_000;
/**
 * Longest time between two looks that counts as watching. Who looks less often, because it or the whole machine slept, cannot say that the
 * owner was silent meanwhile: it may have slept as long.
 */
const LONGEST_LOOK_MS = 5_000;

/** What a watch knows of the process that trains a run. */
type Owned = Pick<StoredRun, 'id' | 'ownerPid' | 'ownerSign' | 'heartbeatAt'>;

interface Seen {
  heartbeatAt: string | null;
  ownerPid: number;
  /** Watched without a change, and when it was last looked at. */
  silentMs: number;
  lookedAt: number;
}

/**
 * Tells whether the process that trains a run is gone. That it ended, the system knows; where it cannot be asked reliably, because the id was
 * given to another program, or because the process hangs, the heartbeat tells: not when it says it was, for clocks are set, but whether it has
 * changed while it was watched, on a clock that only goes forward.
 */
export class OwnerWatch {
  readonly #seen = new Map<string, Seen>();
  readonly #clock: () => number;

  /** @param clock milliseconds that never go back, as those of `performance.now`. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Whether a run that goes on has lost its owner. Asked again and again: each time is a look. */
  isLost({ id, ownerPid, ownerSign, heartbeatAt }: Owned): boolean {
    if (ownerPid === null || !(ownerSign === null ? isAlive(ownerPid) : livesStill(ownerSign))) {
      this.#seen.delete(id);
      return true;
    }
    const now = this.#clock();
    const before = this.#seen.get(id);
    const isSame = before?.heartbeatAt === heartbeatAt && before.ownerPid === ownerPid;
    const silentMs = isSame ? before.silentMs + Math.min(now - before.lookedAt, LONGEST_LOOK_MS) : 0;
    this.#seen.set(id, { heartbeatAt, ownerPid, silentMs, lookedAt: now });
    return silentMs > SILENT_OWNER_MS;
  }
}
