import { describe, expect, it } from 'vitest';
import { leastImportantFirst, riseOf, type WindowSum } from '../../shared/domain/importance.ts';
import { randomStream } from '../../shared/domain/random.ts';

describe('the rise of a loss', () => {
  it('is the difference of both means, by hand', () => {
    const whole = [
      { loss: 20, tokens: 10 },
      { loss: 6, tokens: 5 },
    ];
    const without = [
      { loss: 25, tokens: 10 },
      { loss: 7, tokens: 5 },
    ];
    const { loss, rise, standardError } = riseOf(whole, without);
    expect(loss).toBeCloseTo(32 / 15, 12);
    expect(rise).toBeCloseTo(6 / 15, 12);
    // d = 5, 1; d - r n = 5 - 4, 1 - 2 = 1, -1; sqrt(2 / 1 * 2) / 15
    expect(standardError).toBeCloseTo(2 / 15, 12);
  });

  it('has no standard error on a single window, and one of zero where all windows agree', () => {
    expect(riseOf([{ loss: 3, tokens: 3 }], [{ loss: 6, tokens: 3 }])).toEqual({ loss: 2, rise: 1, standardError: null });
    const whole = Array.from({ length: 4 }, () => ({ loss: 4, tokens: 2 }));
    expect(riseOf(whole, whole)).toEqual({ loss: 2, rise: 0, standardError: 0 });
  });

  it('has the standard error that repeated draws of windows have', () => {
    const random = randomStream(3);
    const draw = (): { whole: WindowSum[]; without: WindowSum[] } => {
      const tokens = Array.from({ length: 30 }, () => 20 + Math.floor(random() * 40));
      const whole = tokens.map((count) => ({ tokens: count, loss: count * (2 + random()) }));
      return {
        whole,
        without: whole.map((window) => ({ tokens: window.tokens, loss: window.loss + window.tokens * (0.3 + random() - 0.5) })),
      };
    };
    const tables = Array.from({ length: 400 }, () => draw()).map(({ whole, without }) => riseOf(whole, without));
    const mean = tables.reduce((sum, { rise }) => sum + rise, 0) / tables.length;
    const spread = Math.sqrt(tables.reduce((sum, { rise }) => sum + (rise - mean) ** 2, 0) / (tables.length - 1));
    const stated = tables.reduce((sum, { standardError }) => sum + standardError!, 0) / tables.length;
    expect(mean).toBeCloseTo(0.3, 1);
    expect(Math.abs(stated / spread - 1)).toBeLessThan(0.15);
  });
});

it('blocks are ordered by their rise, equals by their place', () => {
  const rows = [0.5, -0.1, 0.5, 2, -0.1].map((rise, block) => ({ block, loss: 0, rise, standardError: null }));
  expect(leastImportantFirst(rows)).toEqual([1, 4, 0, 2, 3]);
});
