import { expect } from 'vitest';
import { StrataError } from '../../shared/errors.ts';
import { FUZZ_CASES, FUZZ_SEED } from './mutate.ts';

/** A reader that takes longer over a small file than this hangs, as far as a person can tell. */
const CASE_LIMIT_MS = 2000;
/** Far more than any of the small files needs, far less than what a wild size in one of them asks for. */
const CASE_LIMIT_BYTES = 64_000_000;

/** Time for all cases of one reader: the nightly command has twenty times as many as the ordinary suite. */
export const FUZZ_TIMEOUT_MS = 30_000 + 60 * FUZZ_CASES;

/**
 * Gives a reader one damaged file after the other. Each must be read or refused with a StrataError that says what was found, in bounded
 * time and memory.
 * @param attempt writes the file of a seed and reads it
 * @param cases how many, where one takes longer than a reader of a few kilobytes does
 * @returns how many were read and how many refused
 */
export async function fuzz(attempt: (seed: number) => Promise<unknown>, cases = FUZZ_CASES): Promise<{ read: number; refused: number }> {
  const counts = { read: 0, refused: 0 };
  for (let seed = FUZZ_SEED; seed < FUZZ_SEED + cases; seed++) {
    const before = process.memoryUsage().arrayBuffers;
    const startedAt = performance.now();
    try {
      await attempt(seed);
      counts.read++;
    } catch (error) {
      if (!(error instanceof StrataError)) throw new Error(`Seed ${seed}: ${String(error)}`, { cause: error });
      if (error.code === 'INTERNAL') throw new Error(`Seed ${seed}: ${error.message}`, { cause: error });
      expect(JSON.stringify(error.toRecord()).length, `length of the refusal of seed ${seed}`).toBeLessThan(20_000);
      counts.refused++;
    }
    expect(performance.now() - startedAt, `milliseconds for seed ${seed}`).toBeLessThan(CASE_LIMIT_MS);
    expect(process.memoryUsage().arrayBuffers - before, `bytes allocated for seed ${seed}`).toBeLessThan(CASE_LIMIT_BYTES);
  }
  return counts;
}
