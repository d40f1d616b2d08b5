import { randomStream } from '../../shared/domain/random.ts';

/** Pairs of texts whose similarity is known, made and measured without the code that is to find them. */

const SHINGLE = 5;

/** Words tried one by one at the end. */
const FINER = 15;

/** Jaccard similarity of the sets of runs of five words, by sets of strings. */
export function exactSimilarity(one: string, other: string): number {
  const [a, b] = [shingleSet(one), shingleSet(other)];
  let common = 0;
  for (const shingle of a) if (b.has(shingle)) common++;
  return common / (a.size + b.size - common);
}

function shingleSet(text: string): Set<string> {
  const words = text.split(' ');
  return new Set(Array.from({ length: words.length - SHINGLE + 1 }, (_, start) => words.slice(start, start + SHINGLE).join(' ')));
}

/**
 * Pairs of texts of random words of which the second has as many replaced as leave the similarity at the wished value or, as little as can be, above it.
 * @param words of each text, drawn between these.
 */
export function plantedPairs(count: number, wished: number, words: readonly [number, number], seed: number): [string, string][] {
  const random = randomStream(seed);
  const word = (): string => `w${Math.floor(random() * 50_000)}`;
  return Array.from({ length: count }, () => {
    const one = Array.from({ length: words[0] + Math.floor(random() * (words[1] - words[0] + 1)) }, word);
    const replacements = one.map((_, place) => ({ place, word: word(), draw: random() })).sort((a, b) => a.draw - b.draw);
    const replaced = (chosen: typeof replacements): string => {
      const other = [...one];
      for (const replacement of chosen) other[replacement.place] = replacement.word;
      return other.join(' ');
    };
    // Every run of five words without a replaced one is common: what `exactSimilarity` finds, told sooner.
    const isEnough = (chosen: typeof replacements): boolean => {
      const isReplaced = new Uint8Array(one.length);
      for (const { place } of chosen) isReplaced[place] = 1;
      let [common, unchanged] = [0, 0];
      for (const each of isReplaced) {
        unchanged = each ? 0 : unchanged + 1;
        if (unchanged >= SHINGLE) common++;
      }
      return common / (2 * (one.length - SHINGLE + 1) - common) >= wished;
    };
    // The more are replaced, the less is common: the largest number that leaves enough, by halving.
    let [enough, tooMany] = [0, one.length + 1];
    while (tooMany - enough > 1) {
      const middle = (enough + tooMany) >> 1;
      if (isEnough(replacements.slice(0, middle))) enough = middle;
      else tooMany = middle;
    }
    // Words beside replaced ones and at the ends are in fewer runs that still are common: they bring a short text nearer.
    const chosen = replacements.slice(0, enough);
    for (const replacement of replacements.slice(enough, enough + FINER)) if (isEnough([...chosen, replacement])) chosen.push(replacement);
    return [one.join(' '), replaced(chosen)];
  });
}
