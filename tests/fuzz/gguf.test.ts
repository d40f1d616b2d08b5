import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeGgufFolder } from '../../main/models/gguf/import-gguf.ts';
import { openModelFolder } from '../../main/models/model-folder.ts';
import { loadTokenizer } from '../../main/models/tokenizer.ts';
import { StrataError } from '../../shared/errors.ts';
import { ggufBytes, tinyGguf } from '../support/gguf-bytes.ts';
import { FUZZ_CASES, FUZZ_SEED, mutate } from '../support/mutate.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
/** The files are small: reading one takes milliseconds and a few megabytes. */
const [LONGEST_MS, MOST_BYTES] = [2000, 200_000_000];

describe.each([
  ['with merges, from the Python package', (): Promise<Buffer> => readFile(join(import.meta.dirname, '../fixtures/gguf/tiny.gguf')), 8000],
  ['with pieces', (): Promise<Buffer> => Promise.resolve(ggufBytes(tinyGguf())), 2400],
])('damaged copies of a GGUF file %s', (_what, read, headBytes) => {
  it(
    'are refused in words or become a model that opens',
    async () => {
      const whole = new Uint8Array(await read());
      const path = join(folder.path, 'model.gguf');
      const out = join(folder.path, 'out');
      const outcomes = { refused: 0, imported: 0 };
      const peakBefore = peakBytes();
      for (let seed = FUZZ_SEED; seed < FUZZ_SEED + Math.ceil(FUZZ_CASES / 2); seed++) {
        await writeFile(path, mutate(whole, seed, headBytes));
        await rm(out, { recursive: true, force: true });
        await mkdir(out);
        const [begin, before] = [performance.now(), allocated()];
        try {
          await writeGgufFolder(path, out);
          await (await openModelFolder(out)).close();
          await loadTokenizer(out);
          outcomes.imported++;
        } catch (error) {
          expect(error, `seed ${seed}: ${String((error as Error).stack)}`).toBeInstanceOf(StrataError);
          expect((error as StrataError).code, `seed ${seed}: ${(error as Error).message}`).not.toBe('INTERNAL');
          outcomes.refused++;
        }
        expect(performance.now() - begin, `seed ${seed}`).toBeLessThan(LONGEST_MS);
        expect(allocated() - before, `seed ${seed}`).toBeLessThan(MOST_BYTES);
      }
      expect(peakBytes() - peakBefore).toBeLessThan(2 * MOST_BYTES);
      // Damage of weights goes unnoticed, damage of the header does not.
      expect(outcomes.refused).toBeGreaterThan(outcomes.imported / 10);
      expect(outcomes.imported).toBeGreaterThan(0);
    },
    60_000 + FUZZ_CASES * 50,
  );
});

/** What the process had at most, freed or not. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function allocated(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
