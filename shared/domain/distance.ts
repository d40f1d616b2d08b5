import { z } from 'zod';
import { locale, words } from '../words/words.ts';
import type { ReplayBasis } from './mixture.ts';

/** How far new data are from old, measured before anything is trained; what each measure says, and what follows for the replay share. */

const ngramDistanceSchema = z.object({
  /** Words of a gram. */
  n: z.int(),
  /** Jensen-Shannon divergence of the two sides' grams, base 2: 0 the same, 1 nothing in common. */
  divergence: z.number(),
  /** The same between two halves of one side: what a text of this size is from itself. */
  floor: z.object({ new: z.number(), old: z.number() }),
  /** How much of what is above the floor there is, 0 to 1: (divergence - floor) / (1 - floor) with the mean floor. */
  excess: z.number(),
});
export type NgramDistance = z.infer<typeof ngramDistanceSchema>;

const lossSideSchema = z.object({
  bitsPerByte: z.number(),
  /** Over documents; null with one alone. */
  standardError: z.number().nullable(),
  documents: z.int(),
  tokens: z.int(),
  bytes: z.int(),
});
export type LossSide = z.infer<typeof lossSideSchema>;

export const lossGapSchema = z.object({
  model: z.object({ id: z.string(), name: z.string() }),
  new: lossSideSchema,
  old: lossSideSchema,
  /** New less old, in bits per byte. */
  gap: z.number(),
  standardError: z.number().nullable(),
});
export type LossGap = z.infer<typeof lossGapSchema>;

export const distanceSideSchema = z.object({
  datasets: z.array(z.object({ id: z.string(), name: z.string() })),
  /** What was read of them, and whether that is a seeded sample. */
  documents: z.int(),
  bytes: z.int(),
  words: z.int(),
  isSample: z.boolean(),
});
export type DistanceSide = z.infer<typeof distanceSideSchema>;

export const nearestDocumentSchema = z.object({
  dataset: z.string(),
  name: z.string(),
  /** Place in the dataset, counted from 0. */
  document: z.int(),
  heldOut: z.boolean(),
  /** Cosine of the document's TF-IDF vector with the mean of the new documents'. */
  similarity: z.number(),
  excerpt: z.string(),
});
export type NearestDocument = z.infer<typeof nearestDocumentSchema>;

export const distanceReportSchema = z.object({
  new: distanceSideSchema,
  old: distanceSideSchema,
  /** Words of each of the four halves that are compared; all the same, since divergence depends on size. */
  wordsCompared: z.int(),
  /** For 1, 2 and 3 words. */
  ngrams: z.array(ngramDistanceSchema),
  vocabulary: z.object({
    /** The most frequent words that were compared: 10,000, or fewer where there are not so many that come twice. */
    words: z.int(),
    /** Share of them that both sides have, and two halves of one side. */
    shared: z.number(),
    ceiling: z.object({ new: z.number(), old: z.number() }),
  }),
  /** Null when no model was chosen. */
  lossGap: lossGapSchema.nullable(),
  /** Old documents that are closest to the new data, closest first. */
  nearest: z.array(nearestDocumentSchema),
  seed: z.int(),
  seconds: z.number(),
});
export type DistanceReport = z.infer<typeof distanceReportSchema>;

/** What each measure predicts, and what it does not: a sentence each, for beside its number. */
export function distanceMeaning(measure: 'ngrams' | 'vocabulary' | 'lossGap' | 'nearest'): { predicts: string; doesNot: string } {
  return {
    ngrams: { predicts: words('domain.ngramsPredict'), doesNot: words('domain.ngramsDoNot') },
    vocabulary: { predicts: words('domain.vocabularyPredicts'), doesNot: words('domain.vocabularyDoesNot') },
    lossGap: { predicts: words('domain.lossGapPredicts'), doesNot: words('domain.lossGapDoesNot') },
    nearest: { predicts: words('domain.nearestPredicts'), doesNot: words('domain.nearestDoNot') },
  }[measure];
}

/** Default replay shares for a weak and a strong shift (Ibrahim et al. 2024, arXiv 2403.08763). */
export const NEAR_REPLAY = 0.05;
export const FAR_REPLAY = 0.25;
const SOURCE = 'Ibrahim et al. 2024';

/**
 * Excess of the divergence of single words up to which data count as near, and from which as far. A judgement between what real texts show
 * (tests/datasets/distance/real-texts.test.ts): web pages and encyclopedias lie below the first, source code against prose about the second and above,
 * another language far above it. No published run gives its data's divergence beside its replay.
 */
export const NEAR_EXCESS = 0.2;
export const FAR_EXCESS = 0.4;

export interface ReplayRecommendation {
  distance: 'near' | 'middle' | 'far';
  /** Share of the trained tokens, in whole percent. */
  replayShare: number;
  /** Why, in words for beside the number. */
  reason: string;
}

/**
 * The replay share to begin with: 5 % for near data, 25 % for far, in proportion between. Single words decide, since longer grams are nearly all
 * different at the sizes that are compared.
 */
export function recommendReplay({ ngrams }: Pick<DistanceReport, 'ngrams'>): ReplayRecommendation {
  const single = ngrams.find(({ n }) => n === 1);
  if (!single) throw new RangeError('A report has the divergence of single words.');
  const { excess, divergence, floor } = single;
  const said = {
    measured: words('domain.wordsDiffer', { divergence: two(divergence), floor: two((floor.new + floor.old) / 2) }),
    source: SOURCE,
  };
  if (excess <= NEAR_EXCESS) return { distance: 'near', replayShare: NEAR_REPLAY, reason: words('domain.replayNear', said) };
  if (excess >= FAR_EXCESS) return { distance: 'far', replayShare: FAR_REPLAY, reason: words('domain.replayFar', said) };
  const along = (excess - NEAR_EXCESS) / (FAR_EXCESS - NEAR_EXCESS);
  const percent = Math.round(100 * (NEAR_REPLAY + along * (FAR_REPLAY - NEAR_REPLAY)));
  return { distance: 'middle', replayShare: percent / 100, reason: words('domain.replayMiddle', { ...said, percent }) };
}

function two(value: number): string {
  return value.toLocaleString(locale().numbers, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** What a run replays where nobody said how much. */
export interface ReplayDefault {
  basis: ReplayBasis;
  replayShare: number;
  reason: string;
}

/**
 * The replay share where nobody chose one: by the measured distance, else 5 %.
 * @param distance null while it is not measured; the reason where it cannot be.
 */
export function defaultReplay(distance: Pick<DistanceReport, 'ngrams'> | { refused: string } | null): ReplayDefault {
  if (distance === null) {
    return {
      basis: 'unmeasured',
      replayShare: NEAR_REPLAY,
      reason: words('domain.replayUnmeasured', { source: SOURCE }),
    };
  }
  if ('refused' in distance) {
    return {
      basis: 'unmeasurable',
      replayShare: NEAR_REPLAY,
      reason: words('domain.replayUnmeasurable', { reason: distance.refused, source: SOURCE }),
    };
  }
  const { replayShare, reason } = recommendReplay(distance);
  return { basis: 'measured', replayShare, reason };
}
