/** Joining neighbours by a list of merges: the steps that every byte-pair encoding has in common. */

/** In place of an id that the vocabulary does not have, or of a place that is none. */
export const MISSING = -1;
/** For few symbols looking through all pairs is faster than a queue. */
const FEW_SYMBOLS = 24;

/** Merges by their two ids, in a table of numbers: half a million of them would be slow as objects. */
export class MergeTable {
  readonly #mask: number;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  /** Of each merge how early it is done, and the id of what it makes. */
  readonly ranks: Int32Array;
  readonly results: Int32Array;

  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.#mask = size - 1;
    this.#left = new Int32Array(size).fill(MISSING);
    this.#right = new Int32Array(size);
    this.ranks = new Int32Array(size);
    this.results = new Int32Array(size);
  }

  /** Of two merges with the same parts the later one counts. */
  set(left: number, right: number, rank: number, result: number): void {
    const place = this.#placeOf(left, right);
    this.#left[place] = left;
    this.#right[place] = right;
    this.ranks[place] = rank;
    this.results[place] = result;
  }

  /** Place of a merge in `ranks` and `results`, or MISSING. */
  find(left: number, right: number): number {
    const place = this.#placeOf(left, right);
    return this.#left[place] === MISSING ? MISSING : place;
  }

  #placeOf(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let place = (hash ^ (hash >>> 13)) & this.#mask;
    while (this.#left[place] !== MISSING && (this.#left[place] !== left || this.#right[place] !== right)) place = (place + 1) & this.#mask;
    return place;
  }
}

/** Joins, again and again, the neighbours of the least rank, of equal ranks the leftmost, until none is left. */
export function mergePairs(symbols: number[], merges: MergeTable): number[] {
  return symbols.length <= FEW_SYMBOLS ? mergeFew(symbols, merges) : mergeMany(symbols, merges);
}

/** Finds the best pair by looking through all. */
function mergeFew(symbols: number[], merges: MergeTable): number[] {
  const places = symbols.slice(1).map((symbol, index) => merges.find(symbols[index]!, symbol));
  for (;;) {
    let [best, bestRank] = [-1, Infinity];
    for (const [index, place] of places.entries()) {
      if (place !== MISSING && merges.ranks[place]! < bestRank) [best, bestRank] = [index, merges.ranks[place]!];
    }
    if (best === -1) return symbols;
    symbols.splice(best, 2, merges.results[places[best]!]!);
    places.splice(best, 1);
    if (best > 0) places[best - 1] = merges.find(symbols[best - 1]!, symbols[best]!);
    if (best < places.length) places[best] = merges.find(symbols[best]!, symbols[best + 1]!);
  }
}

/**
 * The same for long pieces: pairs wait in a heap by rank and place, and the symbols are a linked list. Time n log n.
 * @param onPair is told of each pair that could be joined when it first stands side by side, as SentencePiece goes through them.
 */
export function mergeMany(
  symbols: readonly number[],
  merges: MergeTable,
  onPair?: (left: number, right: number, result: number) => void,
): number[] {
  const ids = Int32Array.from(symbols);
  const next = Int32Array.from(symbols, (_, index) => (index + 1 < symbols.length ? index + 1 : MISSING));
  const previous = Int32Array.from(symbols, (_, index) => index - 1);
  const heap = new PairHeap();
  const offer = (place: number): void => {
    const neighbour = next[place]!;
    if (neighbour === MISSING) return;
    const merge = merges.find(ids[place]!, ids[neighbour]!);
    if (merge === MISSING) return;
    heap.push(merges.ranks[merge]!, place, merges.results[merge]!);
    onPair?.(ids[place]!, ids[neighbour]!, merges.results[merge]!);
  };
  for (let place = 0; place + 1 < ids.length; place++) offer(place);
  for (let pair = heap.pop(); pair; pair = heap.pop()) {
    const { place, result } = pair;
    const neighbour = next[place]!;
    if (ids[place] === MISSING || neighbour === MISSING) continue;
    const merge = merges.find(ids[place]!, ids[neighbour]!);
    if (merge === MISSING || merges.results[merge] !== result) continue; // one of the two was merged with another since
    ids[place] = result;
    ids[neighbour] = MISSING;
    const after = next[neighbour]!;
    next[place] = after;
    if (previous[place] !== MISSING) offer(previous[place]!);
    if (after !== MISSING) {
      previous[after] = place;
      offer(place);
    }
  }
  return Array.from(ids.filter((id) => id !== MISSING));
}

/** Pairs with the least rank first, of equal ranks the leftmost. */
class PairHeap {
  /** rank and place as one number (places stay below 2^29), with the result beside it. */
  readonly #keys: number[] = [];
  readonly #results: number[] = [];

  push(rank: number, place: number, result: number): void {
    const [keys, results] = [this.#keys, this.#results];
    const key = rank * PLACES + place;
    let index = keys.length;
    keys.push(key);
    results.push(result);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[index] = keys[parent]!;
      results[index] = results[parent]!;
      index = parent;
    }
    keys[index] = key;
    results[index] = result;
  }

  pop(): { place: number; result: number } | null {
    const [keys, results] = [this.#keys, this.#results];
    if (keys.length === 0) return null;
    const top = { place: keys[0]! % PLACES, result: results[0]! };
    const [key, result] = [keys.pop()!, results.pop()!];
    const size = keys.length;
    if (size === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[index] = keys[child]!;
      results[index] = results[child]!;
      index = child;
    }
    keys[index] = key;
    results[index] = result;
    return top;
  }
}

/** More than a text can have characters (V8's longest string has 2^29). */
const PLACES = 2 ** 29;
