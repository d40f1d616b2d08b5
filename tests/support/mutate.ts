import { randomStream } from '../../shared/domain/random.ts';

/** How many mutated files a fuzz test tries: few in the ordinary suite, many in the nightly one. */
export const FUZZ_CASES = Number(process.env.STRATA_FUZZ_CASES ?? 1000);
/** Where the nightly command starts; a failure prints the seed that repeats it. */
export const FUZZ_SEED = Number(process.env.STRATA_FUZZ_SEED ?? 1);

/** Numbers that readers trip over, as 8 bytes of which fewer may be written. */
const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/**
 * A damaged copy of a file, the same for the same seed: one to four of bits flipped, extreme numbers written over, pieces cut out, doubled,
 * overwritten or appended, or the end cut off. Half of the changes fall into the first `headBytes`, where headers are.
 */
export function mutate(bytes: Uint8Array, seed: number, headBytes = Math.min(bytes.length, 4096)): Uint8Array {
  const random = randomStream(seed);
  const below = (limit: number): number => Math.floor(random() * Math.max(1, limit));
  let result = new Uint8Array(bytes);
  for (let change = 1 + below(4); change > 0; change--) {
    const place = below(random() < 0.5 ? Math.min(headBytes, result.length) : result.length);
    const length = 1 + below(Math.min(64, result.length - place));
    switch (below(7)) {
      case 0:
        if (result.length > 0) result[place] = result[place]! ^ (1 << below(8));
        break;
      case 1: {
        const value = Buffer.alloc(8);
        value.writeBigUInt64LE(EXTREMES[below(EXTREMES.length)]!);
        result.set(value.subarray(0, Math.min([1, 2, 4, 8][below(4)]!, result.length - place)), place);
        break;
      }
      case 2:
        result = result.slice(0, place);
        break;
      case 3:
        result = joined(result.subarray(0, place), result.subarray(place + length));
        break;
      case 4:
        result = joined(result.subarray(0, place + length), result.subarray(place));
        break;
      case 5:
        for (let index = place; index < Math.min(place + length, result.length); index++) result[index] = below(256);
        break;
      case 6:
        result = joined(result, result.subarray(place, place + length));
        break;
    }
  }
  return result;
}

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
