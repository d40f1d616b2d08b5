import { StrataError } from '../errors.ts';
import { ReplayCurve } from './mixture-curve.ts';
import { type Mixture, type MixtureDefinition, type MixtureSource, type MixtureWindow, repeatedShareOf } from './mixture.ts';
import { mix32, permute } from './random.ts';

/** Positions that are decided in one go, and how many such blocks stay at hand: a batch may lie in two. */
const BLOCK = 1024;
const BLOCKS_KEPT = 2;

/** So many starts of blocks are remembered; of a longer run every second, fourth, ... one. */
const MOST_STARTS = 4096;

/** Sums of shares fall a hair short of the whole number they mean. */
const ROUNDING = 1e-6;

/** A run of positions, decided: at each the dataset, and how many of the dataset's windows came before. */
interface Block {
  number: number;
  countsAtStart: Float64Array;
  sources: Uint32Array;
  indices: Float64Array;
}

/**
 * The stream of windows: each dataset's count is within one window of its share at every prefix, whatever the shares and however they change
 * over the run. Who comes next is the chairman assignment problem: of those that have been short of at least 1/(2k-2) of a window, the one
 * comes that would soonest be short of 1 - 1/(2k-2), and nobody ever gets further off than that (Tijdeman 1980, "The chairman assignment
 * problem", Discrete Mathematics 32, 323-330). Each dataset's windows are shuffled anew each time it is gone through.
 *
 * The decisions follow from each other, so they are made in blocks from remembered counts: any position can be asked for, in any order.
 */
export class MixtureStream implements Mixture {
  readonly sources: readonly MixtureSource[];
  /** Of the whole run. */
  readonly windows: number;
  readonly #curve: ReplayCurve;
  readonly #weights: readonly number[];
  readonly #seeds: readonly number[];
  /** Who has a share at all, and the slack that so many leave. */
  readonly #active: readonly number[];
  readonly #slack: number;
  /** Counts at the start of every #stride-th block, as far as the run has been decided. */
  #starts: Float64Array[];
  #stride = 1;
  /** Latest first. */
  #blocks: Block[] = [];

  /** Windows of each source that were taken before this stream begins. */
  readonly #taken: readonly number[];

  /**
   * @param windows of the whole run: the curve lies over them.
   * @param taken windows of each source that were taken before: it goes on where they end.
   * @throws StrataError BAD_INPUT when a dataset that has a share has no window.
   */
  constructor(
    sources: readonly MixtureSource[],
    definition: Pick<MixtureDefinition, 'curve' | 'weights'>,
    windows: number,
    seed: number,
    taken: readonly number[] = sources.map(() => 0),
  ) {
    this.sources = sources;
    this.#taken = taken;
    this.windows = windows;
    this.#curve = new ReplayCurve(definition.curve, windows);
    this.#weights = sources.map(({ datasetId }) => definition.weights[datasetId] ?? 0);
    // Of its own for each place in the list: what a dataset's order is does not depend on the others.
    this.#seeds = sources.map((_, index) => mix32(mix32(seed) + Math.imul(index + 1, 0x9e3779b1)));
    this.#active = sources.flatMap((_, index) => (this.planned(index, windows) > 0 ? [index] : []));
    this.#slack = 1 / Math.max(2, 2 * this.#active.length - 2);
    this.#starts = [new Float64Array(sources.length)];
    const empty = this.#active.find((index) => sources[index]!.windows === 0);
    if (empty === undefined) return;
    throw new StrataError('BAD_INPUT', `The dataset ${sources[empty]!.datasetId} has nothing to train on.`, {
      found: 'less than one window of tokens',
      hint: 'Import more text into it, or use a shorter context.',
    });
  }

  /** How many windows of a source the first `positions` should hold: its share of them, which is no whole number. */
  planned(source: number, positions: number): number {
    const old = this.#curve.before(positions);
    return this.#weights[source]! * (this.sources[source]!.role === 'old' ? old : positions - old);
  }

  at(position: number): MixtureWindow {
    const block = this.#blockOf(position);
    const place = position % BLOCK;
    const source = block.sources[place]!;
    const index = this.#taken[source]! + block.indices[place]!;
    const { datasetId, role, windows } = this.sources[source]!;
    const epoch = Math.floor(index / windows);
    return { datasetId, role, window: permute(index % windows, windows, mix32(this.#seeds[source]! + epoch)), epoch };
  }

  countsBefore(positions: number): number[] {
    if (positions === 0) return this.sources.map(() => 0);
    const { countsAtStart, sources } = this.#blockOf(positions - 1);
    const counts = [...countsAtStart];
    for (let place = 0; place <= (positions - 1) % BLOCK; place++) counts[sources[place]!]!++;
    return counts;
  }

  repeatedShare(positions: number): number {
    return repeatedShareOf(this.countsBefore(positions), this.sources);
  }

  #blockOf(position: number): Block {
    if (position < 0 || position >= this.windows) {
      throw new StrataError('INTERNAL', `There is no position ${position} in a run of ${this.windows} windows.`);
    }
    const number = Math.floor(position / BLOCK);
    const kept = this.#blocks.find((block) => block.number === number);
    if (kept) return kept;
    const remembered = Math.min(this.#starts.length - 1, Math.floor(number / this.#stride));
    let counts = this.#starts[remembered]!;
    for (let before = remembered * this.#stride; before < number; before++) {
      counts = this.#decide(before, counts, null);
      this.#remember(before + 1, counts);
    }
    const block: Block = { number, countsAtStart: counts, sources: new Uint32Array(BLOCK), indices: new Float64Array(BLOCK) };
    this.#remember(number + 1, this.#decide(number, counts, block));
    this.#blocks = [block, ...this.#blocks].slice(0, BLOCKS_KEPT);
    return block;
  }

  #remember(block: number, counts: Float64Array): void {
    if (block !== this.#starts.length * this.#stride) return;
    this.#starts.push(counts);
    if (this.#starts.length <= MOST_STARTS) return;
    this.#starts = this.#starts.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }

  /** Decides a block from the counts at its start, into `block` where there is one; returns the counts at its end. */
  #decide(number: number, countsAtStart: Float64Array, block: Pick<Block, 'sources' | 'indices'> | null): Float64Array {
    const counts = countsAtStart.slice();
    const first = number * BLOCK;
    const deadlines = new Float64Array(counts.length);
    for (const source of this.#active) deadlines[source] = this.#deadline(source, counts[source]!, first);
    for (let position = first; position < Math.min(first + BLOCK, this.windows); position++) {
      const next = this.#next(position, counts, deadlines);
      if (block) {
        block.sources[position - first] = next;
        block.indices[position - first] = counts[next]!;
      }
      counts[next]!++;
      deadlines[next] = this.#deadline(next, counts[next]!, position);
    }
    return counts;
  }

  /** Of those that are short enough, the one whose deadline comes first; the first in the list of several. */
  #next(position: number, counts: Float64Array, deadlines: Float64Array): number {
    const old = this.#curve.before(position + 1);
    const byRole = { new: position + 1 - old, old };
    let next = -1;
    for (const source of this.#active) {
      const short = this.#weights[source]! * byRole[this.sources[source]!.role] - counts[source]!;
      if (short < this.#slack - ROUNDING) continue;
      if (next === -1 || deadlines[source]! < deadlines[next]!) next = source;
    }
    if (next !== -1) return next; // together they are short of one window, so one of them of 1/k of it
    throw new StrataError('INTERNAL', `No dataset is due at position ${position}: the shares do not add up to 1.`);
  }

  /** The number of windows after which a source with so many would be short of more than it may be; beyond the run if never. */
  #deadline(source: number, count: number, after: number): number {
    const wanted = count + 1 - this.#slack - ROUNDING;
    let low = after; // not yet, or long ago: it comes at once in both cases
    let step = 1;
    while (low + step <= this.windows && this.planned(source, low + step) < wanted) {
      low += step;
      step *= 2;
    }
    let high = Math.min(low + step, this.windows + 1);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.planned(source, middle) < wanted) low = middle;
      else high = middle;
    }
    return high;
  }
}
