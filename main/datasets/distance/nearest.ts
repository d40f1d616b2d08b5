import type { HashedWords } from './gram-counts.ts';

/** Words share one of so many features by their hash: with few enough different words, a feature is nearly always one word. */
const FEATURES = 2 ** 18;
/** A shorter document is like others by chance. */
const LEAST_WORDS = 20;

/**
 * Which of the `old` documents are closest to the `others`: cosine of TF-IDF vectors (1 + log of the count, times the logarithm of how rare a word is
 * among all documents of both sides) with the mean of the others' vectors. Documents of fewer than 20 words are left out, unless all are so short.
 * @returns places in `old`, closest first.
 */
export function nearestDocuments(
  old: readonly HashedWords[],
  others: readonly HashedWords[],
  most: number,
): { place: number; similarity: number }[] {
  const rarity = rarities([...old, ...others]);
  const centre = new Float64Array(FEATURES);
  for (const words of others) {
    for (const [feature, value] of vectorOf(words, rarity)) centre[feature]! += value;
  }
  const length = norm(centre);
  if (length === 0) return [];
  const isAnyLong = old.some(({ count }) => count >= LEAST_WORDS);
  return old
    .flatMap((words, place) => {
      if (words.count === 0 || (isAnyLong && words.count < LEAST_WORDS)) return [];
      let product = 0;
      for (const [feature, value] of vectorOf(words, rarity)) product += value * centre[feature]!;
      return [{ place, similarity: product / length }];
    })
    .sort((a, b) => b.similarity - a.similarity || a.place - b.place)
    .slice(0, most);
}

function featureOf(words: HashedWords, index: number): number {
  return words.high[index]! & (FEATURES - 1);
}

/** Logarithm of how rare each feature is: ln((1 + N) / (1 + documents that have it)). */
function rarities(documents: readonly HashedWords[]): Float64Array {
  const having = new Float64Array(FEATURES);
  const lastDocument = new Int32Array(FEATURES).fill(-1);
  for (const [document, words] of documents.entries()) {
    for (let index = 0; index < words.count; index++) {
      const feature = featureOf(words, index);
      if (lastDocument[feature] === document) continue;
      lastDocument[feature] = document;
      having[feature]!++;
    }
  }
  return having.map((count) => Math.log((1 + documents.length) / (1 + count)));
}

/** Features of a document with their weights, of length 1; none when every word is in all documents. */
function vectorOf(words: HashedWords, rarity: Float64Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (let index = 0; index < words.count; index++) {
    const feature = featureOf(words, index);
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  }
  let squares = 0;
  for (const [feature, count] of counts) {
    const weight = (1 + Math.log(count)) * rarity[feature]!;
    counts.set(feature, weight);
    squares += weight * weight;
  }
  if (squares === 0) return new Map();
  for (const [feature, weight] of counts) counts.set(feature, weight / Math.sqrt(squares));
  return counts;
}

function norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
