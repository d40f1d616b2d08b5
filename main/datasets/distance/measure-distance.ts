import { randomStream } from '../../../shared/domain/random.ts';
import type { DistanceReport, DistanceSide, NearestDocument, NgramDistance } from '../../../shared/domain/distance.ts';
import { StrataError } from '../../../shared/errors.ts';
import { sampleDocuments } from '../checks/sample.ts';
import { WordCutter } from '../checks/words.ts';
import { beginningOf } from '../beginning.ts';
import { readManifest } from '../dataset-manifest.ts';
import { jensenShannon } from './divergence.ts';
import { GramCounts, type HashedWords } from './gram-counts.ts';
import { nearestDocuments } from './nearest.ts';

export interface DistanceDataset {
  id: string;
  name: string;
  directory: string;
}

export interface DistanceRequest {
  new: DistanceDataset[];
  old: DistanceDataset[];
  seed: number;
}

/** What texts say of their distance, without a model. */
export type TextDistance = Omit<DistanceReport, 'lossGap' | 'seconds'>;

export interface DistanceLimits {
  /** Bytes that are read of a side. */
  sideBytes: number;
  /** Words of a half that are compared. */
  halfWords: number;
}
const LIMITS: DistanceLimits = { sideBytes: 16_000_000, halfWords: 700_000 };

/** With fewer words in a half, chance decides. */
const LEAST_WORDS = 100;
const TOP_WORDS = 10_000;
const NEAREST = 10;
const EXCERPT_CHARACTERS = 240;

/** The halves that are counted, by their place in the counts. */
const NEW = [0, 1] as const;
const OLD = [2, 3] as const;

interface ReadDocument extends HashedWords {
  dataset: DistanceDataset;
  index: number;
  heldOut: boolean;
  excerpt: string;
}

/**
 * How far new texts are from old: divergence of their 1-, 2- and 3-grams of words, and common vocabulary, each beside the same between two random
 * halves of one side. Each side is cut into halves by whole documents, and all four halves to the same number of words, since both measures depend on
 * size: a half of the new is compared with a half of the old, and with the other half of its own side.
 * @throws StrataError BAD_INPUT when a half has fewer than 100 words.
 */
export async function measureDistance(
  request: DistanceRequest,
  onProgress: (activity: string) => void = () => undefined,
  limits: Partial<DistanceLimits> = {},
): Promise<TextDistance> {
  const { sideBytes, halfWords } = { ...LIMITS, ...limits };
  const sides = {
    new: await readSide(request.new, sideBytes, request.seed, onProgress),
    old: await readSide(request.old, sideBytes, request.seed, onProgress),
  };
  const halves = [...halvesOf(sides.new.documents, request.seed), ...halvesOf(sides.old.documents, request.seed)];
  const wordsCompared = Math.min(halfWords, ...halves.map(countWords));
  if (wordsCompared < LEAST_WORDS) throw tooLittle(halves);
  const ngrams: NgramDistance[] = [];
  let vocabulary: DistanceReport['vocabulary'] | null = null;
  for (const n of [1, 2, 3]) {
    onProgress(n === 1 ? 'comparing single words' : `comparing runs of ${n} words`);
    const counts = countGrams(halves, wordsCompared, n);
    ngrams.push(distanceOf(counts, n));
    vocabulary ??= vocabularyOf(counts);
  }
  onProgress('looking for the old documents nearest to the new data');
  return {
    new: sides.new.facts,
    old: sides.old.facts,
    wordsCompared,
    ngrams,
    vocabulary: vocabulary!,
    nearest: nearestDocuments(sides.old.documents, sides.new.documents, NEAREST).map(({ place, similarity }) =>
      describe(sides.old.documents[place]!, similarity),
    ),
    seed: request.seed,
  };
}

/** The beginning of a near document, to be shown. */
export function excerptOf(text: string): string {
  return beginningOf(text, EXCERPT_CHARACTERS);
}

/** Reads of each dataset a part in proportion to its size. */
async function readSide(
  datasets: readonly DistanceDataset[],
  sideBytes: number,
  seed: number,
  onProgress: (activity: string) => void,
): Promise<{ facts: DistanceSide; documents: ReadDocument[] }> {
  const cutter = new WordCutter();
  const manifests = await Promise.all(datasets.map(({ directory }) => readManifest(directory)));
  const allBytes = manifests.reduce((sum, { bytes }) => sum + bytes, 0);
  const allDocuments = manifests.reduce((sum, manifest) => sum + manifest.documents, 0);
  const documents: ReadDocument[] = [];
  let bytes = 0;
  for (const [place, dataset] of datasets.entries()) {
    onProgress(`reading ${dataset.name}`);
    const mostBytes = sideBytes * (manifests[place]!.bytes / Math.max(1, allBytes));
    for await (const { text, index, heldOut } of sampleDocuments(dataset.directory, { mostBytes, seed: seed + place })) {
      const { count, low, high } = cutter.cut(text);
      bytes += Buffer.byteLength(text);
      documents.push({
        dataset,
        index,
        heldOut,
        count,
        low: low.slice(0, count),
        high: high.slice(0, count),
        excerpt: excerptOf(text),
      });
    }
  }
  const facts = {
    datasets: datasets.map(({ id, name }) => ({ id, name })),
    documents: documents.length,
    bytes,
    words: countWords(documents),
    isSample: documents.length < allDocuments,
  };
  return { facts, documents };
}

/** Documents in a seeded order, each to the half that has fewer words so far. */
function halvesOf(documents: readonly ReadDocument[], seed: number): [ReadDocument[], ReadDocument[]] {
  const random = randomStream(seed);
  const shuffled = [...documents];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  const halves: [ReadDocument[], ReadDocument[]] = [[], []];
  const words = [0, 0];
  for (const document of shuffled) {
    const half = words[0]! <= words[1]! ? 0 : 1;
    halves[half].push(document);
    words[half]! += document.count;
  }
  return halves;
}

function countWords(documents: readonly HashedWords[]): number {
  return documents.reduce((sum, { count }) => sum + count, 0);
}

/** Grams of the first so many words of each half. */
function countGrams(halves: readonly (readonly HashedWords[])[], words: number, n: number): GramCounts {
  const counts = new GramCounts(halves.length);
  for (const [half, documents] of halves.entries()) {
    let left = words;
    for (const document of documents) {
      counts.add(half, { ...document, count: Math.min(left, document.count) }, n);
      left -= Math.min(left, document.count);
    }
  }
  return counts;
}

function distanceOf(counts: GramCounts, n: number): NgramDistance {
  const between = (a: number, b: number): number => jensenShannon(counts.pairs(a, b), [counts.totals[a]!, counts.totals[b]!]);
  // Both pairs of halves, so that no half alone decides.
  const divergence = (between(NEW[0], OLD[0]) + between(NEW[1], OLD[1])) / 2;
  const floor = { new: between(...NEW), old: between(...OLD) };
  const mean = (floor.new + floor.old) / 2;
  return { n, divergence, floor, excess: mean === 1 ? 0 : Math.max(0, (divergence - mean) / (1 - mean)) };
}

/** Share of the most frequent words that two halves have in common (Gururangan et al. 2020, "Don't stop pretraining", section 3.1). */
function vocabularyOf(counts: GramCounts): DistanceReport['vocabulary'] {
  const frequent = [...NEW, ...OLD].map((half) => counts.mostFrequent(half));
  const words = Math.min(TOP_WORDS, ...frequent.map(({ length }) => length));
  const top = frequent.map((list) => new Set(list.slice(0, words).map(({ slot }) => slot)));
  const shared = (a: number, b: number): number => (words === 0 ? 0 : top[a]!.intersection(top[b]!).size / words);
  return {
    words,
    shared: (shared(NEW[0], OLD[0]) + shared(NEW[1], OLD[1])) / 2,
    ceiling: { new: shared(...NEW), old: shared(...OLD) },
  };
}

function describe({ dataset, index, heldOut, excerpt }: ReadDocument, similarity: number): NearestDocument {
  return { dataset: dataset.id, name: dataset.name, document: index, heldOut, similarity, excerpt };
}

function tooLittle(halves: readonly (readonly HashedWords[])[]): StrataError {
  const [a, b, c, d] = halves.map(countWords) as [number, number, number, number];
  return new StrataError('BAD_INPUT', 'There is too little text to compare.', {
    found: `halves of ${a} and ${b} words of new data, ${c} and ${d} of old`,
    allowed: `at least ${LEAST_WORDS} words in each half, whose documents are kept whole`,
    hint: 'Import more text, or texts of more documents.',
  });
}
