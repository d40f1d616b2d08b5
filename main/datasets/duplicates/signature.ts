import { mix32 } from '../../../shared/domain/random.ts';
import { shinglesOf } from './shingles.ts';

/** Values in a signature. Two texts have as many in common, on average, as their shingles have (Jaccard similarity). */
export const SIGNATURE_VALUES = 128;
const BIN_SHIFT = 25; // 2^7 bins in the highest bits of a hash
const VALUE_MASK = 2 ** BIN_SHIFT - 1;
const NONE = 0xffffffff;

/** Shingles above which a text is first rid of repeated ones, when one round has not filled all bins. */
const MANY_SHINGLES = 4096;

const minima = new Uint32Array(SIGNATURE_VALUES);
const isFilled = new Uint8Array(SIGNATURE_VALUES);

/**
 * The MinHash signature of a text's shingles, by fast similarity sketching (Dahlgaard, Knudsen and Thorup 2017, arXiv 1704.04370): one hash per
 * shingle puts it into a bin, whose least value stays; bins that are still empty are filled by further rounds with other hashes, and after as many
 * rounds as bins by a hash of each bin's own. Long texts need one round (as one-permutation hashing does), short ones a few, and the estimate of the
 * similarity is as good as that of 128 permutations for both. Of each value 16 bits are kept (b-bit minwise hashing, Li and König 2010): two that
 * differ are taken for the same once in 65,536 times.
 * @returns 128 values; all zero for a text without words, which says nothing to compare.
 */
export function signatureOf(text: string): Uint16Array {
  const signature = new Uint16Array(SIGNATURE_VALUES);
  let shingles = shinglesOf(text);
  if (shingles.length === 0) return signature;
  isFilled.fill(0);
  let empty = SIGNATURE_VALUES;
  for (let round = 0; empty > 0; round++) {
    if (round === 1 && shingles.length > MANY_SHINGLES) shingles = distinct(shingles);
    const ownBin = round < SIGNATURE_VALUES ? null : round - SIGNATURE_VALUES;
    if (ownBin !== null && isFilled[ownBin]) continue;
    minima.fill(NONE);
    const salt = Math.imul(round, 0x9e3779b1);
    if (ownBin === null) intoBins(shingles, salt);
    else for (const shingle of shingles) minima[ownBin] = Math.min(minima[ownBin]!, mix32(shingle ^ salt) & VALUE_MASK);
    for (let bin = 0; bin < SIGNATURE_VALUES; bin++) {
      if (isFilled[bin] || minima[bin] === NONE) continue;
      signature[bin] = mix32(minima[bin]! ^ salt) & 0xffff;
      isFilled[bin] = 1;
      empty--;
    }
  }
  return signature;
}

/** The least value of each bin in a round. */
function intoBins(shingles: Uint32Array, salt: number): void {
  for (let index = 0; index < shingles.length; index++) {
    const hash = mix32(shingles[index]! ^ salt);
    const bin = hash >>> BIN_SHIFT;
    const value = hash & VALUE_MASK;
    if (value < minima[bin]!) minima[bin] = value;
  }
}

function distinct(shingles: Uint32Array): Uint32Array {
  const sorted = shingles.slice().sort();
  let count = 0;
  for (let index = 0; index < sorted.length; index++) {
    if (index === 0 || sorted[index] !== sorted[index - 1]) sorted[count++] = sorted[index]!;
  }
  return sorted.subarray(0, count);
}
