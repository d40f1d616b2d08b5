/**
 * When a run of a sweep is hopeless: another one of the sweep had, at the same step, gained more and forgotten less than it, both by more than
 * the errors of the two allow. That is asked at measurements beyond a grace period, because losses at the beginning tell little of the end
 * (the stability gap: De Lange et al., ICLR 2023), and of two measurements in a row, because one may be chance.
 */

/** What a run measured so far, in the order of steps. */
export interface Course {
  id: string;
  name: string;
  points: readonly CoursePoint[];
  /** Standard errors of its gain and forgetting, nats per token; null where they are not known. */
  gainError: number | null;
  forgettingError: number | null;
}
export interface CoursePoint {
  step: number;
  gain: number;
  /** Null without old data: then gain alone decides. */
  forgetting: number | null;
}

/** Of a run's steps, the first in which nothing is judged. */
export const GRACE = 0.3;
/** Nats per token that count as equal where errors are not known. */
export const LEAST_MARGIN = 0.02;
/** Measurements in a row at which it must be beaten. */
const MEASUREMENTS = 2;

export interface Verdict {
  /** The run that beats it. */
  by: string;
  step: number;
  /** How much more that one had gained, and how much less forgotten, at this step. */
  gain: number;
  forgetting: number | null;
}

/**
 * @param steps of a whole run of the sweep.
 * @returns the best of what beats it; null while there is hope.
 */
export function judge(course: Course, others: readonly Course[], steps: number): Verdict | null {
  const judged = course.points.filter(({ step }) => step >= GRACE * steps).slice(-MEASUREMENTS);
  if (judged.length < MEASUREMENTS) return null;
  const verdicts = others.flatMap((other) => {
    const leads = judged.map((point) => leadOf(other, course, point));
    const last = leads.at(-1);
    return last && leads.every((lead) => lead !== null) ? [last] : [];
  });
  return verdicts.reduce<Verdict | null>((best, each) => (best === null || each.gain > best.gain ? each : best), null);
}

/** How far another run was ahead at a step in both; null where it was not, or had not got so far. */
function leadOf(other: Course, course: Course, point: CoursePoint): Verdict | null {
  const there = pointAt(other.points, point.step);
  if (there === null) return null;
  const gain = there.gain - point.gain;
  if (gain <= marginOf(other.gainError, course.gainError)) return null;
  if (there.forgetting === null || point.forgetting === null) return { by: other.name, step: point.step, gain, forgetting: null };
  const forgetting = point.forgetting - there.forgetting;
  if (forgetting <= marginOf(other.forgettingError, course.forgettingError)) return null;
  return { by: other.name, step: point.step, gain, forgetting };
}

/** The errors of two figures as one, at least what counts as equal where one of them is not known. */
function marginOf(a: number | null, b: number | null): number {
  const margin = Math.hypot(a ?? 0, b ?? 0);
  return a === null || b === null ? Math.max(LEAST_MARGIN, margin) : margin;
}

/** A course at a step, in a straight line between the measurements around it; null outside of them. */
function pointAt(points: readonly CoursePoint[], step: number): CoursePoint | null {
  const next = points.findIndex((point) => point.step >= step);
  if (next < 0) return null;
  const after = points[next]!;
  const before = points[next - 1];
  if (after.step === step) return after;
  if (!before) return null;
  const part = (step - before.step) / (after.step - before.step);
  const between = (a: number, b: number): number => a + part * (b - a);
  return {
    step,
    gain: between(before.gain, after.gain),
    forgetting: before.forgetting === null || after.forgetting === null ? null : between(before.forgetting, after.forgetting),
  };
}
