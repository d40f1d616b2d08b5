import { z } from 'zod';
import { StrataError } from '../errors.ts';

/**
 * The mixture: which window of which dataset is trained on at each position of a run. A pure function of the datasets, the definition and
 * the seed, so a pause needs to remember one integer. All windows have the same number of tokens, so a share of windows is a share of tokens,
 * and each window is of one dataset, so none mixes what is new with what is old.
 */
export interface MixtureSource {
  datasetId: string;
  role: 'new' | 'old';
  /** Training windows the dataset has. */
  windows: number;
}

export interface MixtureWindow {
  datasetId: string;
  role: 'new' | 'old';
  /** Which window of the dataset. */
  window: number;
  /** How many times the dataset has been gone through before this one. */
  epoch: number;
}

export interface Mixture {
  readonly sources: readonly MixtureSource[];
  /** The window at a position (0-based). */
  at(position: number): MixtureWindow;
  /** How many of the first `positions` windows are of each source, in the order of the sources. */
  countsBefore(positions: number): number[];
  /** Which share of the first `positions` windows has been there before, 0 to 1. */
  repeatedShare(positions: number): number;
}

/** Replayed where old data is given, nothing else is said and nothing was measured: what Ibrahim et al. (arXiv 2403.08763) found enough for a weak shift. */
export const DEFAULT_REPLAY_SHARE = 0.05;

/** Where a replay share comes from: the person, the measured distance, or neither because nothing was or could be measured, or nothing is old. */
export const REPLAY_BASES = ['chosen', 'measured', 'unmeasured', 'unmeasurable', 'no-old-data'] as const;
export type ReplayBasis = (typeof REPLAY_BASES)[number];

/** How the datasets of a role share its tokens: by their size (tempered: size^(1/T)), by its square root, equally, or as numbers say. */
export const WEIGHTINGS = ['size', 'sqrt', 'equal', 'manual'] as const;
export type Weighting = (typeof WEIGHTINGS)[number];

/** The share of old tokens at a moment of the run: a fraction of its windows. Straight lines lie between such points. */
export const curvePointSchema = z.object({ at: z.number().min(0).max(1), share: z.number().min(0).max(1) });
export type CurvePoint = z.infer<typeof curvePointSchema>;

/**
 * What a mixture is defined by, resolved to numbers: a power or a root need not be the same to the last bit on every machine, so they are
 * taken once, before a run starts. A run whose configuration has none was started before there was one: see mixture-v1.ts.
 */
export const mixtureSchema = z.object({
  version: z.literal(2),
  /** How the weights came about. */
  weighting: z.enum(WEIGHTINGS),
  temperature: z.number().positive(),
  maxRepeats: z.number().positive().nullable(),
  /** The name of the curve, or the heights that were given for it. */
  schedule: z.string(),
  /** From 0 to 1; its mean is the run's replay share. */
  curve: z.array(curvePointSchema).min(2),
  /** By dataset: its part of its role's tokens. Those of a role add up to 1. */
  weights: z.record(z.string(), z.number().min(0)),
});
export type MixtureDefinition = z.infer<typeof mixtureSchema>;

/**
 * @throws StrataError BAD_INPUT when the share is outside [0, 1), or when replay is asked for without old data.
 */
export function checkShare(replayShare: number, hasOld: boolean): void {
  if (!Number.isFinite(replayShare) || replayShare < 0 || replayShare >= 1) {
    throw new StrataError('BAD_INPUT', 'The replay share is outside its range.', {
      found: String(replayShare),
      allowed: 'a number from 0 up to, but not including, 1: the fraction of trained tokens that are old (0.1 is 10 %)',
    });
  }
  if (replayShare > 0 && !hasOld) {
    throw new StrataError('BAD_INPUT', 'A replay share needs old data to replay.', {
      found: `a replay share of ${replayShare} and no old dataset`,
      hint: 'Add a dataset with the old role (--old), or set the replay share to 0.',
    });
  }
}

/** Of windows drawn from sources, the share that was drawn before. */
export function repeatedShareOf(counts: readonly number[], sources: readonly MixtureSource[]): number {
  const drawn = counts.reduce((sum, count) => sum + count, 0);
  const repeated = counts.reduce((sum, count, index) => sum + Math.max(0, count - sources[index]!.windows), 0);
  return drawn === 0 ? 0 : repeated / drawn;
}
