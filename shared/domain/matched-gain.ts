/**
 * Forgetting at equal gain. Runs that are compared at equal steps differ in how far they came, and whoever learns more slowly seems to forget
 * less; so each is read where it had gained as much as the others (science: comparing at equal steps misleads).
 */

/** A measurement along a run, both against the one before step 1. */
export interface CoursePoint {
  step: number;
  gain: number;
  forgetting: number;
}

/**
 * Where a run first has a gain: between the measurement before and the one that reaches it, on a straight line in gain. A run that gains, loses
 * it and gains again is read at the first time.
 * @param course by rising step, with the measurement before step 1.
 * @returns null for a run that did not reach it, or was never measured below it.
 */
export function atGain(course: readonly CoursePoint[], gain: number): { step: number; forgetting: number } | null {
  const reached = course.findIndex((point) => point.gain >= gain);
  if (reached < 0) return null;
  const after = course[reached]!;
  if (after.gain === gain) return { step: after.step, forgetting: after.forgetting };
  const before = course[reached - 1];
  if (!before) return null;
  const part = (gain - before.gain) / (after.gain - before.gain);
  return {
    step: before.step + part * (after.step - before.step),
    forgetting: before.forgetting + part * (after.forgetting - before.forgetting),
  };
}
