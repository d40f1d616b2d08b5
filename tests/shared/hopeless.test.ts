import { describe, expect, it } from 'vitest';
import { type Course, judge } from '../../shared/domain/hopeless.ts';

const STEPS = 100;
/** Gain and forgetting that rise evenly to these ends, measured every tenth step. */
const course = (id: string, gain: number, forgetting: number | null, changes: Partial<Course> = {}): Course => ({
  id,
  name: id,
  points: Array.from({ length: 10 }, (_, index) => (index + 1) / 10).map((part) => ({
    step: part * STEPS,
    gain: gain * part,
    forgetting: forgetting === null ? null : forgetting * part,
  })),
  gainError: 0.01,
  forgettingError: 0.01,
  ...changes,
});
const until = (whole: Course, step: number): Course => ({ ...whole, points: whole.points.filter((point) => point.step <= step) });

describe('a run of a sweep', () => {
  const good = course('good', 1, 0.1);

  it('is hopeless when another had gained more and forgotten less at the same step', () => {
    const verdict = judge(until(course('bad', 0.5, 0.5), 50), [good], STEPS)!;
    expect(verdict).toMatchObject({ by: 'good', step: 50 });
    expect(verdict.gain).toBeCloseTo(0.25, 12);
    expect(verdict.forgetting).toBeCloseTo(0.2, 12);
  });

  it.each<[string, Course]>([
    ['gains more and forgets more: another point of the trade-off', until(course('x', 1.5, 0.9), 50)],
    ['gains less and forgets less', until(course('x', 0.5, 0.01), 50)],
    ['is within the errors', until(course('x', 0.98, 0.5, { gainError: 0.05 }), 50)],
    ['is in its grace period', until(course('x', 0.1, 0.9), 30)],
    [
      'was beaten at one measurement only',
      { ...until(course('x', 1.2, 0.05), 50), points: [...until(course('x', 1.2, 0.05), 40).points, { step: 50, gain: 0, forgetting: 1 }] },
    ],
    ['has nothing measured', { ...good, points: [] }],
  ])('goes on when it %s', (_, run) => {
    expect(judge(run, [good], STEPS)).toBeNull();
  });

  it('is not judged by one that has not got so far', () => {
    expect(judge(until(course('bad', 0.1, 0.9), 60), [until(good, 40)], STEPS)).toBeNull();
    expect(judge(until(course('bad', 0.1, 0.9), 60), [until(good, 60)], STEPS)).not.toBeNull();
  });

  it('is read between measurements at other steps', () => {
    const shifted = { ...good, points: good.points.map((point) => ({ ...point, step: point.step - 5 })) };
    const verdict = judge(until(course('bad', 0.5, 0.5), 50), [shifted], STEPS)!;
    expect(verdict.gain).toBeCloseTo(0.55 - 0.25, 12); // halfway between 0.5 at step 45 and 0.6 at step 55
  });

  it('has to be beaten by what counts as equal where errors are not known', () => {
    const near = until(course('near', 0.97, 0.13, { gainError: null, forgettingError: null }), 50);
    expect(judge(near, [{ ...good, gainError: null, forgettingError: null }], STEPS)).toBeNull(); // 0.015 apart
    const far = until(course('far', 0.9, 0.2, { gainError: null, forgettingError: null }), 50);
    expect(judge(far, [{ ...good, gainError: null, forgettingError: null }], STEPS)).not.toBeNull();
  });

  it('without old data is judged by its gain alone', () => {
    expect(judge(until(course('bad', 0.5, null), 50), [course('good', 1, null)], STEPS)).toMatchObject({ by: 'good', forgetting: null });
  });
});
