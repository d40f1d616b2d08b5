import { StrataError } from '../errors.ts';
import { checkShare, type Mixture, type MixtureSource, type MixtureWindow, repeatedShareOf } from './mixture.ts';
import { mix32, permute } from './random.ts';

/** Products such as 100 * 0.29 fall a hair short of the whole number they mean. */
const ROUNDING = 1e-6;

/**
 * The first version of the stream, for runs that were started with it: a constant replay share, exact at every prefix, and the datasets of
 * a role as one long list of windows, shuffled anew each time it is gone through. It must stay as it is, to the last window.
 */
export class FirstMixture implements Mixture {
  readonly sources: readonly MixtureSource[];
  readonly #replayShare: number;
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
    this.#replayShare = replayShare;
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

  at(position: number): MixtureWindow {
    const oldBefore = this.#oldBefore(position);
    const isOld = this.#oldBefore(position + 1) > oldBefore;
    const role = isOld ? 'old' : 'new';
    return this.#pick(role, isOld ? oldBefore : position - oldBefore);
  }

  countsBefore(positions: number): number[] {
    const counts = new Map(this.sources.map(({ datasetId }) => [datasetId, 0]));
    for (let position = 0; position < positions; position++) {
      const { datasetId } = this.at(position);
      counts.set(datasetId, counts.get(datasetId)! + 1);
    }
    return this.sources.map(({ datasetId }) => counts.get(datasetId)!);
  }

  repeatedShare(positions: number): number {
    // A role's datasets are gone through together, so they repeat together.
    const old = this.#oldBefore(positions);
    const roles = (['new', 'old'] as const).map((role) => ({ datasetId: role, role, windows: this.#byRole[role].windows }));
    return repeatedShareOf([positions - old, old], roles);
  }

  /** How many of the first `positions` windows are old. */
  #oldBefore(positions: number): number {
    return Math.floor(positions * this.#replayShare + ROUNDING);
  }

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
