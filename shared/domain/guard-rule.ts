import { z } from 'zod';
import { type Guard, guardEventSchema } from './guard.ts';

/** When a guard acts, and what it has done so far: part of a checkpoint, so that a resumed run goes on as it would have. */

/**
 * Evaluations after the warm-up that a guard lets pass: when training on something new begins, old loss rises to a peak and in part falls
 * again (the stability gap: De Lange et al., ICLR 2023, arXiv 2205.13452; Guo et al. 2024, arXiv 2406.14833).
 */
export const GRACE_EVALUATIONS = 2;

/** A raised share is twice what it was, within these. */
const LEAST_RAISED_SHARE = 0.05;
const MOST_RAISED_SHARE = 0.9;

export const guardStateSchema = z.object({
  /** What was measured at the last evaluation, in the guard's measure. */
  previous: z.number().nullable(),
  /** Whether it has acted, and the measure has not come back within the limit since. */
  isBeyond: z.boolean(),
  /** What the learning rate is multiplied with. */
  rateFactor: z.number(),
  /** After so many steps the rest of the run replays so much. */
  raises: z.array(z.object({ step: z.int(), replayShare: z.number() })),
  events: z.array(guardEventSchema),
  /** Whether it has ended the run. */
  hasEnded: z.boolean(),
  /** The state that is kept apart to go back to, with its loss on new. */
  best: z.object({ step: z.int(), loss: z.number() }).nullable(),
});
export type GuardState = z.infer<typeof guardStateSchema>;

export function freshGuardState(): GuardState {
  return { previous: null, isBeyond: false, rateFactor: 1, raises: [], events: [], hasEnded: false, best: null };
}

/**
 * Whether a guard acts on what was measured. Beyond its limit it does, except
 * - until {@link GRACE_EVALUATIONS} evaluations after the warm-up have passed, unless it acts from the start;
 * - while the measure falls: it recovers by itself, or because of what was done;
 * - again with what is done only once (a warning, a pause), until the measure has been within the limit.
 * At the end of a run, where nothing recovers any more, the limit alone decides.
 * @param evaluation how many evaluations there have been since the warm-up ended, with this one.
 */
export function guardActs(
  { limit, action, fromStart }: Guard,
  { previous, isBeyond, events }: GuardState,
  { found, evaluation, isEnd }: { found: number; evaluation: number; isEnd: boolean },
): boolean {
  if (found <= limit) return false;
  if (action === 'roll-back' && isEnd) return true;
  if (isEnd) return !isBeyond;
  if (fromStart && events.length === 0) return true;
  if (!fromStart && evaluation <= GRACE_EVALUATIONS) return false;
  if (previous !== null && found < previous) return false;
  return !isBeyond || action === 'lower-rate' || action === 'raise-replay' || action === 'roll-back';
}

/** What share the rest of a run replays when it is raised. */
export function raisedShare(share: number): number {
  return Math.max(share, Math.min(MOST_RAISED_SHARE, Math.max(LEAST_RAISED_SHARE, 2 * share)));
}
