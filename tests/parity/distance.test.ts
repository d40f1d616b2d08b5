import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WordCutter } from '../../main/datasets/checks/words.ts';
import { jensenShannon } from '../../main/datasets/distance/divergence.ts';
import { GramCounts } from '../../main/datasets/distance/gram-counts.ts';
import { sharedData } from '../support/shared-data.ts';
import { python } from './sides.ts';

/** The divergence of real texts beside scipy's, which counts whole n-grams and not their hashes. */
describe.skipIf(!sharedData)('the divergence of n-grams', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-distance-parity-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is the square of scipy's Jensen-Shannon distance", { timeout: 300_000 }, async () => {
    const read = async (path: string): Promise<string[]> => {
      const bytes = await readFile(join(sharedData!, path));
      return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split(/\n+/).slice(0, 600);
    };
    const sides = [await read('text/tinystories/tinystories.txt.gz'), await read('text/wikitext2/wikitext2-valid.txt.gz')];
    const halves = sides.flatMap((side) => [0, 1].map((half) => side.filter((_, index) => index % 2 === half)));
    const cutter = new WordCutter();
    const asWords = halves.map((texts) =>
      texts.map((text) => {
        const { count, codes, starts } = cutter.cut(text);
        return Array.from({ length: count }, (_, index) => String.fromCharCode(...codes.subarray(starts[index], starts[index + 1]! - 1)));
      }),
    );
    const input = join(folder, 'halves.json');
    await writeFile(input, JSON.stringify(asWords));
    const wanted = JSON.parse(await python('distance.py', input)) as number[][];
    for (const n of [1, 2, 3]) {
      const counts = new GramCounts(4);
      for (const [half, texts] of halves.entries()) for (const text of texts) counts.add(half, cutter.cut(text), n);
      const between = (a: number, b: number): number => jensenShannon(counts.pairs(a, b), [counts.totals[a]!, counts.totals[b]!]);
      const measured = [between(0, 1), between(0, 2), between(2, 3)];
      for (const [index, value] of measured.entries()) expect(Math.abs(value - wanted[n - 1]![index]!)).toBeLessThan(1e-9);
    }
  });
});
