import { expect, it } from 'vitest';
import { WordCutter } from '../../../main/datasets/checks/words.ts';
import { GramCounts } from '../../../main/datasets/distance/gram-counts.ts';
import { randomStream } from '../../../shared/domain/random.ts';

const cutter = new WordCutter();

function randomText(seed: number, words: number): string {
  const random = randomStream(seed);
  return Array.from({ length: words }, () => `w${Math.floor(random() ** 3 * 4000)}`).join(' ');
}

it.each([1, 2, 3])('runs of %s words are counted as a plain table does', (n) => {
  const texts = [randomText(1, 20_000), randomText(2, 15_000)];
  const counts = new GramCounts(2);
  const plain = new Map<string, [number, number]>();
  for (const [text, content] of texts.entries()) {
    counts.add(text, cutter.cut(content), n);
    const words = content.split(' ');
    for (let at = 0; at + n <= words.length; at++) {
      const gram = words.slice(at, at + n).join(' ');
      const row = plain.get(gram) ?? [0, 0];
      row[text]!++;
      plain.set(gram, row);
    }
  }
  const sorted = (pairs: Iterable<readonly [number, number]>): string[] => Array.from(pairs, (pair) => pair.join()).sort();
  expect(sorted(counts.pairs(0, 1))).toEqual(sorted(plain.values()));
  expect(counts.totals).toEqual([20_001 - n, 15_001 - n]);
  const twice = [...plain.values()].map(([first]) => first).filter((count) => count >= 2);
  expect(counts.mostFrequent(0).map(({ count }) => count)).toEqual(twice.sort((a, b) => b - a));
});

it('no run goes over the end of a text', () => {
  const counts = new GramCounts(1);
  counts.add(0, cutter.cut('one two'), 3);
  counts.add(0, cutter.cut('three'), 3);
  expect(counts.totals).toEqual([0]);
});
