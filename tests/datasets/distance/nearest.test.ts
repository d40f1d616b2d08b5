import { expect, it } from 'vitest';
import { WordCutter } from '../../../main/datasets/checks/words.ts';
import type { HashedWords } from '../../../main/datasets/distance/gram-counts.ts';
import { nearestDocuments } from '../../../main/datasets/distance/nearest.ts';

const cutter = new WordCutter();

function hashed(text: string): HashedWords {
  const { count, low, high } = cutter.cut(text);
  return { count, low: low.slice(0, count), high: high.slice(0, count) };
}

/** TF-IDF with whole words as keys. */
function slowly(old: readonly string[], others: readonly string[]): number[] {
  const all = [...old, ...others].map((text) => text.split(' '));
  const idf = (word: string): number => Math.log((1 + all.length) / (1 + all.filter((words) => words.includes(word)).length));
  const vectors = all.map((words) => {
    const vector = new Map(
      [...new Set(words)].map((word) => [word, (1 + Math.log(words.filter((each) => each === word).length)) * idf(word)]),
    );
    const norm = Math.hypot(...vector.values());
    return new Map([...vector].map(([word, value]) => [word, value / norm]));
  });
  const centre = new Map<string, number>();
  for (const vector of vectors.slice(old.length)) for (const [word, value] of vector) centre.set(word, (centre.get(word) ?? 0) + value);
  const norm = Math.hypot(...centre.values());
  return vectors
    .slice(0, old.length)
    .map((vector) => [...vector].reduce((sum, [word, value]) => sum + (value * (centre.get(word) ?? 0)) / norm, 0));
}

const filler = 'and then there was a long walk with many words of no other use than to be there';
const OLD = [`cats ${filler} purr`, `ships ${filler} sail sea`, `bread ${filler} oven`, `sea ${filler} harbour ships ships`];
const NEW = [`ships sea harbour wind sail`, `the sea and its ships`];

it('are those of a plain computation, closest first', () => {
  const similarities = slowly(OLD, NEW);
  const order = similarities.map((similarity, place) => ({ similarity, place })).sort((a, b) => b.similarity - a.similarity);
  const found = nearestDocuments(OLD.map(hashed), NEW.map(hashed), 3);
  expect(found.map(({ place }) => place)).toEqual(order.slice(0, 3).map(({ place }) => place));
  for (const { place, similarity } of found) expect(similarity).toBeCloseTo(similarities[place]!, 10);
  expect(new Set(found.slice(0, 2).map(({ place }) => place))).toEqual(new Set([1, 3]));
});

it('leave short documents out, unless all are short', () => {
  const places = (old: string[]): number[] => nearestDocuments(old.map(hashed), NEW.map(hashed), 9).map(({ place }) => place);
  expect(places(['ships sea', OLD[1]!])).toEqual([1]);
  expect(places(['cats purr', 'ships sea', ''])).toEqual([1, 0]);
});

it('are none where nothing tells the new from anything', () => {
  expect(nearestDocuments([hashed('same words')], [hashed('same words')], 3)).toEqual([]);
});
