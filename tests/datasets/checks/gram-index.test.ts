import { describe, expect, it } from 'vitest';
import { GramIndex, type SharedText } from '../../../main/datasets/checks/gram-index.ts';
import { WordCutter } from '../../../main/datasets/checks/words.ts';
import { randomStream } from '../../../shared/domain/random.ts';

const itemCutter = new WordCutter();
const cutter = new WordCutter();

function indexOf(items: readonly string[], mostDocuments = 10): GramIndex {
  const index = new GramIndex({ mostDocuments });
  for (const item of items) index.add(itemCutter.cut(item));
  return index;
}

function findingsOf(items: readonly string[], documents: readonly string[], mostDocuments = 10): SharedText[] {
  const index = indexOf(items, mostDocuments);
  for (const [number, document] of documents.entries()) index.scan(cutter.cut(document), number);
  return index.findings();
}

const numbered = (from: number, count: number, prefix = 'w'): string =>
  Array.from({ length: count }, (_, index) => `${prefix}${from + index}`).join(' ');

/** The definition, word by word: slow, and without a hash. */
function slowly(items: readonly string[], documents: readonly string[]): SharedText[] {
  const found: SharedText[] = [];
  const split = (text: string): string[] => text.split(' ');
  for (const [document, text] of documents.entries()) {
    const grams = (size: number): Set<string> =>
      new Set(split(text).flatMap((_, at, all) => (at + size <= all.length ? [all.slice(at, at + size).join(' ')] : [])));
    for (const [item, itemText] of items.entries()) {
      const words = split(itemText);
      const size = Math.min(13, words.length);
      const there = grams(size);
      const all = words.flatMap((_, at) => (at + size <= words.length ? [words.slice(at, at + size).join(' ')] : []));
      const positions = all.flatMap((gram, at) => (there.has(gram) && all.indexOf(gram) === at ? [at] : []));
      const isWhole = ` ${text} `.includes(` ${itemText} `);
      if (positions.length > 0) found.push({ item, document, positions, isWhole });
    }
  }
  return found;
}

const sorted = (found: readonly SharedText[]): SharedText[] => found.toSorted((a, b) => a.document - b.document || a.item - b.item);

describe('shared runs of words', () => {
  it('are those of the definition, on random texts with many repetitions', () => {
    for (let seed = 0; seed < 30; seed++) {
      const random = randomStream(seed);
      // Few words, so that runs and parts of them come again and again.
      const text = (most: number): string =>
        Array.from({ length: 8 + Math.floor(random() * most) }, () => (random() < 0.97 ? 'a' : 'b')).join(' ');
      const items = Array.from({ length: 12 }, () => text(30));
      const documents = Array.from({ length: 10 }, () => text(80));
      expect(sorted(findingsOf(items, documents, 1000))).toEqual(sorted(slowly(items, documents)));
    }
  });

  it('of 13 words are found, of 12 not', () => {
    const item = numbered(0, 40);
    const twelve = `x ${numbered(10, 12)} y`;
    const thirteen = `x ${numbered(10, 13)} y`;
    expect(findingsOf([item], [twelve, thirteen])).toEqual([{ item: 0, document: 1, positions: [10], isWhole: false }]);
  });

  it('end at whole words', () => {
    const item = `${numbered(0, 12)} end`;
    expect(findingsOf([item], [`${numbered(0, 12)} ending`, `${numbered(0, 12)} en d`, `x${item}`])).toEqual([]);
  });

  it('of shorter items are found whole, from 8 words on', () => {
    const eight = numbered(0, 8);
    const seven = numbered(0, 7);
    const inside = `before ${eight} after`;
    expect(findingsOf([eight, seven], [inside, seven, seven.toUpperCase()]).map(({ item, document }) => [item, document])).toEqual([
      [0, 0],
      [1, 1],
      [1, 2],
    ]);
  });

  it('that more documents have than allowed are common phrases; a whole item counts always', () => {
    const phrase = numbered(0, 20, 'common');
    const item = `${phrase} ${numbered(0, 20)}`;
    const other = `other ${phrase}`;
    const documents = Array.from({ length: 3 }, (_, index) => `${phrase} text ${index}`);
    expect(findingsOf([item], documents, 3)).toHaveLength(3);
    expect(findingsOf([item], documents, 2)).toEqual([]);
    const withItem = findingsOf([item, other], [...documents, `x ${item} y`], 2);
    expect(withItem).toMatchObject([{ item: 0, document: 3, isWhole: true }]);
    expect(withItem[0]!.positions[0]).toBeGreaterThan(7); // what is more than the phrase
    const often = Array.from({ length: 20 }, (_, index) => `copy ${index} ${phrase}`);
    expect(findingsOf([phrase], often, 2).map(({ isWhole }) => isWhole)).toEqual(Array(20).fill(true));
  });

  it('are given as excerpts', () => {
    const index = indexOf(['One two, three! four']);
    expect(index.excerpt(0, 1, 2)).toBe('two three');
    expect(index.excerpt(0, 0, 99)).toBe('one two three four');
  });
});

it('grows with its items, and tells many apart', () => {
  const items = Array.from({ length: 3000 }, (_, index) => numbered(index * 1000, 30, 'v'));
  const index = indexOf(items);
  expect(index.grams).toBe(3000 * 18);
  for (let document = 0; document < 3000; document += 7) index.scan(cutter.cut(items[document]!), document);
  const found = index.findings();
  expect(found).toHaveLength(429);
  expect(found.every(({ item, document, positions, isWhole }) => item === document && positions.length === 18 && isWhole)).toBe(true);
});

it('does not look for an item in the document that owns it', () => {
  const [item, other] = [numbered(0, 20), `${numbered(0, 15)} else`];
  const index = new GramIndex({ mostDocuments: 10 });
  index.add(itemCutter.cut(item), 0);
  index.add(itemCutter.cut(other), 1);
  for (const document of [0, 1, 2]) index.scan(cutter.cut(item), document);
  expect(index.findings().map(({ item: found, document, isWhole }) => [found, document, isWhole])).toEqual([
    [1, 0, false],
    [0, 1, true],
    [1, 2, false],
    [0, 2, true],
  ]);
});

it('takes no item once documents were scanned', () => {
  const index = indexOf(['one']);
  index.scan(cutter.cut('two'), 0);
  expect(() => index.add(cutter.cut('three'))).toThrow('after documents had been scanned');
});
