import { HIGH_MULTIPLIER, LOW_MULTIPLIER, mixed } from '../checks/words.ts';

/** The words of a text as hashes. */
export interface HashedWords {
  count: number;
  low: Int32Array;
  high: Int32Array;
}

/**
 * How often each run of n words comes in each of several texts, counted under its 64-bit hash: with a few million runs, two share one with a chance
 * of less than one in a million. 8 bytes for a hash and 4 for each text's count, in a table that is at most three quarters full.
 */
export class GramCounts {
  readonly #texts: number;
  #low = new Int32Array(1 << 12);
  #high = new Int32Array(1 << 12);
  #isUsed = new Uint8Array(1 << 12);
  #counts: Uint32Array;
  /** Distinct runs. */
  #distinct = 0;
  readonly totals: number[];

  constructor(texts: number) {
    this.#texts = texts;
    this.#counts = new Uint32Array(texts << 12);
    this.totals = Array<number>(texts).fill(0);
  }

  /** Counts the runs of n words among the first `words.count`; none goes over the end. */
  add(text: number, words: HashedWords, n: number): void {
    for (let position = 0; position + n <= words.count; position++) {
      let [low, high] = [0, 0];
      for (let index = position; index < position + n; index++) {
        low = (Math.imul(low, LOW_MULTIPLIER) + words.low[index]!) | 0;
        high = (Math.imul(high, HIGH_MULTIPLIER) + words.high[index]!) | 0;
      }
      this.#count(text, mixed(low), mixed(high));
    }
  }

  /** Counts in two of the texts, of every run that one of them has. */
  *pairs(a: number, b: number): Generator<readonly [number, number]> {
    for (let start = 0; start < this.#counts.length; start += this.#texts) {
      const [first, second] = [this.#counts[start + a]!, this.#counts[start + b]!];
      if (first > 0 || second > 0) yield [first, second];
    }
  }

  /** Runs that come at least twice in a text, the most frequent first; equally frequent ones in an order that depends on the run alone. */
  mostFrequent(text: number): { slot: number; count: number }[] {
    const found: { slot: number; count: number }[] = [];
    for (let slot = 0; slot < this.#low.length; slot++) {
      const count = this.#counts[slot * this.#texts + text]!;
      if (count >= 2) found.push({ slot, count });
    }
    return found.sort((a, b) => b.count - a.count || this.#low[a.slot]! - this.#low[b.slot]! || this.#high[a.slot]! - this.#high[b.slot]!);
  }

  #count(text: number, low: number, high: number): void {
    if (4 * (this.#distinct + 1) > 3 * this.#low.length) this.#enlarge();
    const slot = this.#slotOf(low, high);
    const start = slot * this.#texts;
    if (this.#isUsed[slot] === 0) {
      this.#isUsed[slot] = 1;
      this.#low[slot] = low;
      this.#high[slot] = high;
      this.#distinct++;
    }
    this.#counts[start + text]!++;
    this.totals[text]!++;
  }

  #slotOf(low: number, high: number): number {
    const mask = this.#low.length - 1;
    let slot = low & mask;
    while (this.#isUsed[slot] === 1 && (this.#low[slot] !== low || this.#high[slot] !== high)) slot = (slot + 1) & mask;
    return slot;
  }

  #enlarge(): void {
    const [low, high, isUsed, counts] = [this.#low, this.#high, this.#isUsed, this.#counts];
    const size = 2 * low.length;
    this.#low = new Int32Array(size);
    this.#high = new Int32Array(size);
    this.#isUsed = new Uint8Array(size);
    this.#counts = new Uint32Array(size * this.#texts);
    for (let old = 0; old < low.length; old++) {
      if (isUsed[old] === 0) continue;
      const slot = this.#slotOf(low[old]!, high[old]!);
      this.#low[slot] = low[old]!;
      this.#high[slot] = high[old]!;
      this.#isUsed[slot] = 1;
      this.#counts.set(counts.subarray(old * this.#texts, (old + 1) * this.#texts), slot * this.#texts);
    }
  }
}
