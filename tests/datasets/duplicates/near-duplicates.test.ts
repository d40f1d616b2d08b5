import { describe, expect, it } from 'vitest';
import { Clusters } from '../../../main/datasets/duplicates/clusters.ts';
import { NearDuplicates } from '../../../main/datasets/duplicates/near-duplicates.ts';
import { shinglesOf } from '../../../main/datasets/duplicates/shingles.ts';
import { SIGNATURE_VALUES, signatureOf } from '../../../main/datasets/duplicates/signature.ts';
import { randomStream } from '../../../shared/domain/random.ts';
import { exactSimilarity, plantedPairs } from '../../support/planted-pairs.ts';

function clustersOf(texts: readonly string[], similarity = 0.8): Clusters {
  const near = new NearDuplicates();
  for (const text of texts) near.add(signatureOf(text));
  return near.clusters(similarity);
}

/** Share of the pairs of which both are in one cluster. */
function foundShare(pairs: readonly [string, string][], similarity = 0.8): number {
  const clusters = clustersOf(pairs.flat(), similarity);
  return pairs.filter((_, pair) => clusters.of(2 * pair) === clusters.of(2 * pair + 1)).length / pairs.length;
}

describe('planted pairs', () => {
  it.each([
    ['short', 40, 80],
    ['middle', 150, 400],
    ['long', 600, 900],
  ])('of similarity 0.8: at least 95 %% are found among %s texts', (_, least, most) => {
    const pairs = plantedPairs(least > 500 ? 100 : 1000, 0.8, [least, most], least);
    const similarities = pairs.map(([one, other]) => exactSimilarity(one, other));
    expect(Math.min(...similarities)).toBeGreaterThanOrEqual(0.8);
    expect(similarities.reduce((sum, each) => sum + each, 0) / pairs.length).toBeLessThan(0.835);
    expect(foundShare(pairs)).toBeGreaterThanOrEqual(0.95);
  });

  it('below 0.5 are taken for near-duplicates in less than 1 % of 1,000, and those of 0.65 seldom', () => {
    const apart = plantedPairs(1000, 0.42, [80, 300], 5);
    expect(Math.max(...apart.map(([one, other]) => exactSimilarity(one, other)))).toBeLessThan(0.5);
    expect(foundShare(apart)).toBeLessThan(0.01);
    expect(foundShare(plantedPairs(500, 0.65, [40, 300], 6))).toBeLessThan(0.1);
  });

  it.each([0.5, 0.6, 0.9])('are found at a threshold of %s as well', (similarity) => {
    expect(foundShare(plantedPairs(500, similarity, [60, 200], 7), similarity)).toBeGreaterThanOrEqual(0.95);
    expect(foundShare(plantedPairs(300, similarity - 0.25, [60, 200], 8), similarity)).toBeLessThan(0.01);
  });
});

describe('signatures', () => {
  it('estimate the similarity without bias, with the error of 128 independent values, for short and long texts', () => {
    for (const [similarity, words] of [
      [0.8, [20, 40]],
      [0.8, [200, 400]],
      [0.5, [20, 40]],
      [0.3, [100, 200]],
    ] as [number, [number, number]][]) {
      const errors = plantedPairs(400, similarity, words, 11).map(([one, other]) => {
        const [a, b] = [signatureOf(one), signatureOf(other)];
        const estimate = a.filter((value, index) => value === b[index]).length / SIGNATURE_VALUES;
        return (estimate - exactSimilarity(one, other)) / Math.sqrt((similarity * (1 - similarity)) / SIGNATURE_VALUES);
      });
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      const variance = errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length;
      // Standard errors of a mean and of a variance of 400: 0.05 and 0.07.
      expect(Math.abs(mean)).toBeLessThan(0.2);
      expect(variance).toBeLessThan(1.28);
    }
  });

  it('do not depend on case, punctuation, blanks or repetitions', () => {
    const text = 'The quick brown fox jumps over the lazy dog, and again';
    expect(signatureOf(`${text} ${text}`)).toEqual(signatureOf(`${text} ${text} ${text}`));
    expect(signatureOf('  the QUICK “brown” fox—jumps\nover the lazy dog: and again!')).toEqual(signatureOf(text));
    expect(signatureOf('the quick brown fox jumps over the lazy cat and again')).not.toEqual(signatureOf(text));
  });

  it('say nothing of texts without words, and such texts are no duplicates', () => {
    for (const text of ['', '  \n', '\0\0', '--- *** ---']) expect(signatureOf(text).every((value) => value === 0)).toBe(true);
    expect(clustersOf(['', '---', '***', '']).groups()).toEqual([]);
  });

  it('take texts of fewer than five words, lone halves of pairs, and lines of 10 MB', () => {
    expect(clustersOf(['two words', 'Two words!', 'two other', 'three whole words']).groups()).toEqual([[0, 1]]);
    expect(clustersOf(['\ud83d', '\ud83d', '\ude00']).groups()).toEqual([[0, 1]]);
    // Quadratic time would be a day for these.
    const long = ['x'.repeat(10_000_000), 'a '.repeat(1_000_000), '日'.repeat(1_000_000)];
    expect(clustersOf([...long, ...long]).groups()).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
  });

  it('compare scripts without blanks by their characters', () => {
    const text =
      '永和九年歲在癸丑暮春之初會于會稽山陰之蘭亭修禊事也群賢畢至少長咸集此地有崇山峻領茂林脩竹又有清流激湍映帶左右引以為流觴曲水列坐其次';
    expect(shinglesOf(text)).toHaveLength(text.length - 4);
    expect(
      clustersOf([text, text.replace('蘭亭', '兰亭'), text.slice(30) + text.slice(0, 30).split('').reverse().join('')]).groups(),
    ).toEqual([[0, 1]]);
  });
});

describe('clusters', () => {
  it('are chains of pairs, and a copied template of many is found in time', () => {
    const template = plantedPairs(1, 1, [200, 200], 1)[0]![0];
    const others = plantedPairs(500, 0.2, [50, 60], 2).flat();
    const copies = Array.from({ length: 5000 }, (_, index) => `${template} number ${index}`);
    const start = performance.now();
    const groups = clustersOf([...others, ...copies]).groups();
    expect(groups).toHaveLength(1);
    expect(groups[0]).toHaveLength(copies.length);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  it('are forgotten from a document on', () => {
    const near = new NearDuplicates();
    for (const text of ['a b c d e f', 'g h i j k l', 'a b c d e f']) near.add(signatureOf(text));
    near.truncate(2);
    expect(near.documents).toBe(2);
    expect(near.clusters(0.8).groups()).toEqual([]);
    near.add(signatureOf('g h i j k l'));
    expect(near.clusters(0.8).groups()).toEqual([[1, 2]]);
    near.truncate(0);
    expect(near.clusters(0.8).groups()).toEqual([]);
  });

  it('have the longest as representative, of equally long ones the first', () => {
    const clusters = new Clusters(7);
    clusters.join(5, 1);
    clusters.join(3, 5);
    clusters.join(6, 4);
    expect(clusters.groups()).toEqual([
      [1, 3, 5],
      [4, 6],
    ]);
    expect([...clusters.representatives([1, 2, 3, 9, 4, 9, 4])]).toEqual([0, 3, 2, 3, 4, 3, 4]);
  });

  it('agree with a plain search over random joins', () => {
    const random = randomStream(4);
    const clusters = new Clusters(200);
    const names = Array.from({ length: 200 }, (_, index) => index);
    for (let round = 0; round < 150; round++) {
      const [a, b] = [Math.floor(random() * 200), Math.floor(random() * 200)];
      clusters.join(a, b);
      const [keep, lose] = [Math.min(names[a]!, names[b]!), Math.max(names[a]!, names[b]!)];
      names.forEach((name, index) => name === lose && (names[index] = keep));
    }
    expect(names.map((_, index) => clusters.of(index))).toEqual(names);
  });
});
