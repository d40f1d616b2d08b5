import { describe, expect, it } from 'vitest';
import { curveOf, parseSchedule, REPLAY_SCHEDULE_NAMES, ReplayCurve } from '../../shared/domain/mixture-curve.ts';

describe('the course of the replay share', () => {
  const SCHEDULES = [...REPLAY_SCHEDULE_NAMES, '0:2,0.5:1,1:0', '0:1,0.5:1,0.5:0,1:0', '0:0,0.1:7,1:3'];

  it.each(SCHEDULES)('%s replays as much over the run as was said', (schedule) => {
    for (const share of [0, 0.01, 0.05, 0.25]) {
      const curve = curveOf(parseSchedule(schedule), share);
      expect(curve.every((point) => point.share >= 0 && point.share <= 1)).toBe(true);
      expect(new ReplayCurve(curve, 4000).before(4000)).toBeCloseTo(4000 * share, 6);
      // The area, summed up window by window from the straight lines between the points.
      let sum = 0;
      for (let window = 0; window < 4000; window++) {
        const x = (window + 0.5) / 4000;
        const next = curve.findIndex(({ at }) => at > x);
        const [a, b] = [curve[next - 1]!, curve[next]!];
        sum += a.share + ((b.share - a.share) * (x - a.at)) / (b.at - a.at);
        if (window % 500 === 0) expect(new ReplayCurve(curve, 4000).before(window + 1)).toBeCloseTo(sum, 1);
      }
    }
  });

  it('is what its name says', () => {
    const sharesOf = (name: string): number[] => curveOf(parseSchedule(name), 0.1).map(({ share }) => Number(share.toFixed(4)));
    expect(sharesOf('constant')).toEqual([0.1, 0.1]);
    expect(sharesOf('falling')).toEqual([0.2, 0]);
    expect(sharesOf('replay-heavy-start')).toEqual([0.2667, 0.0444, 0.0444]);
    expect(sharesOf('new-heavy-end')).toEqual([0.1143, 0.1143, 0]);
  });

  it('that would rise above all tokens is refused, with the most that is possible', () => {
    expect(curveOf(parseSchedule('falling'), 0.5)[0]).toEqual({ at: 0, share: 1 });
    expect(() => curveOf(parseSchedule('falling'), 0.6)).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', allowed: expect.stringContaining('0.5') as string }),
    );
    expect(() => curveOf(parseSchedule('replay-heavy-start'), 0.4)).toThrow(
      expect.objectContaining({ allowed: expect.stringContaining('0.375') as string }),
    );
  });

  it.each([
    'sometimes',
    '',
    '0:1',
    '0:1,1',
    '0.1:1,1:1',
    '0:1,0.9:1',
    '0:1,0.7:1,0.3:1,1:1',
    '0:0,1:0',
    '0:-1,1:1',
    '0:1;1:2',
    '0:1,1:1e999',
  ])('that is none (%j) is refused with what may be written', (text) => {
    expect(() => parseSchedule(text)).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', allowed: expect.stringContaining('new-heavy-end') as string }),
    );
  });
});
