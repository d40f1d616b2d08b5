import { StrataError } from '../errors.ts';
import { mix32, permute } from './random.ts';

/**
 * The mixture stream: which window of which dataset is trained on at each position. A pure function of (sources, share,
 * seed), so a pause needs to remember one integer. The replay share holds at every prefix: among the first n windows,
 * the old ones number floor(n * share), never off by more than one. All windows have the same number of tokens, so the
 * share of windows is the share of tokens.
 */
export interface MixtureSource {
  datasetId: string;
  role: 'new' | 'old';
  /** Training windows the dataset has. */
  windows: number;
}

export interface MixtureWindow {
  datasetId: string;
  role: 'new' | 'old';
  /** Which window of the dataset. */
  window: number;
  /** How many times the dataset has been gone through before this one. */
  epoch: number;
}

/** Replayed where old data is given and nothing else is said: what Ibrahim et al. (arXiv 2403.08763) found enough for a weak shift. */
export const DEFAULT_REPLAY_SHARE = 0.05;

/** Products such as 100 * 0.29 fall a hair short of the whole number they mean. */
const ROUNDING = 1e-6;

/**
 * @throws StrataError BAD_INPUT when the share is outside [0, 1), when there is no new data, or when replay is asked for
 * without old data.
 */
export function checkShare(replayShare: number, hasOld: boolean): void {
  if (!Number.isFinite(replayShare) || replayShare < 0 || replayShare >= 1) {
    throw new StrataError('BAD_INPUT', 'The replay share is outside its range.', {
      found: String(replayShare),
      allowed: 'a number from 0 up to, but not including, 1: the fraction of trained tokens that are old (0.1 is 10 %)',
    });
  }
  if (replayShare > 0 && !hasOld) {
    throw new StrataError('BAD_INPUT', 'A replay share needs old data to replay.', {
      found: `a replay share of ${replayShare} and no old dataset`,
      hint: 'Add a dataset with the old role (--old), or set the replay share to 0.',
    });
  }
}

export class Mixture {
  readonly sources: readonly MixtureSource[];
  readonly replayShare: number;
  readonly #seed: number;
  readonly #byRole: Record<'new' | 'old', { sources: MixtureSource[]; windows: number }>;

  constructor(sources: readonly MixtureSource[], replayShare: number, seed: number) {
    checkShare(
      replayShare,
      sources.some((source) => source.role === 'old'),
    );
    const roleOf = (role: 'new' | 'old'): { sources: MixtureSource[]; windows: number } => {
      const list = sources.filter((source) => source.role === role);
      return { sources: list, windows: list.reduce((sum, source) => sum + source.windows, 0) };
    };
    this.sources = sources;
    this.replayShare = replayShare;
    this.#seed = seed;
    this.#byRole = { new: roleOf('new'), old: roleOf('old') };
    for (const role of ['new', 'old'] as const) {
      const needed = role === 'new' || replayShare > 0;
      if (needed && this.#byRole[role].windows === 0) {
        throw new StrataError('BAD_INPUT', `There is no ${role} data to train on.`, {
          found: this.#byRole[role].sources.length === 0 ? 'no dataset' : 'datasets shorter than one window',
          hint: `Add a ${role} dataset, or use a shorter context.`,
        });
      }
    }
  }

  /** How many of the first `positions` windows are old. */
  oldBefore(positions: number): number {
    return Math.floor(positions * this.replayShare + ROUNDING);
  }

  /** The window at a position (0-based). */
  at(position: number): MixtureWindow {
    const oldBefore = this.oldBefore(position);
    const isOld = this.oldBefore(position + 1) > oldBefore;
    const role = isOld ? 'old' : 'new';
    return this.#pick(role, isOld ? oldBefore : position - oldBefore);
  }

  /** How often each dataset is gone through in `positions` windows: shown before the start, so no repeat surprises. */
  repeats(positions: number): { datasetId: string; role: 'new' | 'old'; windows: number; epochs: number }[] {
    const old = this.oldBefore(positions);
    return this.sources.map((source) => {
      const group = this.#byRole[source.role];
      const drawn = source.role === 'old' ? old : positions - old;
      const windows = group.windows === 0 ? 0 : (drawn * source.windows) / group.windows;
      return { datasetId: source.datasetId, role: source.role, windows, epochs: source.windows === 0 ? 0 : windows / source.windows };
    });
  }

  /** Which share of the first `positions` windows has been there before, 0 to 1. */
  repeatedShare(positions: number): number {
    const repeated = this.repeats(positions).reduce((sum, { windows, epochs }) => sum + windows * Math.max(0, 1 - 1 / epochs), 0);
    return positions === 0 ? 0 : repeated / positions;
  }

  /** The datasets of a role are one long list of windows, shuffled anew each time it is gone through. */
  #pick(role: 'new' | 'old', index: number): MixtureWindow {
    const group = this.#byRole[role];
    const epoch = Math.floor(index / group.windows);
    const seed = mix32(this.#seed * 2 + (role === 'old' ? 1 : 0)) + epoch;
    let window = permute(index % group.windows, group.windows, seed);
    for (const source of group.sources) {
      if (window < source.windows) return { datasetId: source.datasetId, role, window, epoch };
      window -= source.windows;
    }
    throw new StrataError('INTERNAL', `No window ${index} for role ${role}.`);
  }
}
