/** Seeded randomness: everything random in Strata comes from here, so that a seed reproduces a run. */

/** 32-bit mixing function (finaliser of MurmurHash3): a good hash of an integer. */
export function mix32(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A stream of numbers in [0, 1) from a seed (mulberry32). */
export function randomStream(seed: number): () => number {
  let state = mix32(seed ^ 0x9e3779b9);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Standard normal numbers from a uniform stream (Box-Muller). */
export function normalStream(uniform: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/**
 * A permutation of 0..size-1 without a table: where `index` goes. A four-round Feistel network on the next even power of
 * two, walked until it falls inside the range, so it is a bijection for every size and seed.
 */
export function permute(index: number, size: number, seed: number): number {
  if (size <= 1) return 0;
  const halfBits = Math.max(1, Math.ceil(Math.log2(size) / 2));
  const half = 2 ** halfBits;
  let value = index;
  do {
    let left = Math.floor(value / half);
    let right = value % half;
    for (let round = 0; round < 4; round++) {
      const next = (left ^ mix32(right + Math.imul(seed + round, 0x9e3779b1))) & (half - 1);
      left = right;
      right = next;
    }
    value = left * half + right;
  } while (value >= size);
  return value;
}
