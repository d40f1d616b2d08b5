import { expect, test } from 'vitest';
import { frontLine, placeLabels, rangeOf, scaleOf, ticksOf } from '../../../renderer/features/compare/trade-off.ts';

const sure = (value: number): { value: number; error: null } => ({ value, error: null });

test('an axis covers the values with their errors, and zero where that costs little', () => {
  const [least, most] = rangeOf([{ value: 0.1, error: 0.02 }, sure(0.3)]);
  expect(least).toBeLessThan(0);
  expect(least).toBeGreaterThan(-0.05);
  expect(most).toBeGreaterThan(0.3);
  const [far] = rangeOf([sure(2), sure(2.1)]);
  expect(far).toBeGreaterThan(1.9);
  expect(rangeOf([sure(-0.1), sure(-0.3)])[1]).toBeGreaterThan(0);
});

test('equal values have an axis too', () => {
  for (const value of [0, 0.5, -3]) {
    const [least, most] = rangeOf([sure(value), sure(value)]);
    expect(least).toBeLessThan(value);
    expect(most).toBeGreaterThan(value);
  }
});

test('ticks are round', () => {
  expect(ticksOf([-0.02, 0.31], 6)).toEqual([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
  expect(ticksOf([0, 1000], 3)).toEqual([0, 500, 1000]);
  expect(ticksOf([-0.0042, -0.0007], 4)).toEqual([-0.004, -0.003, -0.002, -0.001]);
});

test('values are placed in proportion, also upside down', () => {
  const y = scaleOf([0, 2], [100, 20]);
  expect([y(0), y(1), y(2)]).toEqual([100, 60, 20]);
});

test('the best line is, for each gain, the least forgetting of any run that gained so much', () => {
  const best = [
    { gain: 3, forgetting: 0.5 },
    { gain: 1, forgetting: 0.1 },
    { gain: 2, forgetting: 0.2 },
  ];
  const line = frontLine(best);
  expect(line[0]).toEqual({ gain: 1, forgetting: 0.1 });
  expect(line.at(-1)).toEqual({ gain: 3, forgetting: 0.5 });
  // Read off the line as drawn, and from the runs themselves.
  for (const gain of [0.5, 1.5, 2.5, 2.999]) {
    const cheapest = Math.min(...best.filter((run) => run.gain >= gain).map(({ forgetting }) => forgetting));
    const at = line.findIndex((point) => point.gain >= gain);
    expect(line[at]!.forgetting).toBe(cheapest);
  }
  expect(frontLine([])).toEqual([]);
});

test('names stand beside their points, never on each other or outside', () => {
  const bounds = { left: 0, top: 0, right: 400, bottom: 200 };
  const sure = { reachX: 0, reachY: 0 };
  const points = [
    { x: 50, y: 100, width: 80, ...sure },
    { x: 380, y: 100, width: 80, ...sure },
    { x: 55, y: 115, width: 80, ...sure },
  ];
  const [free, atTheEdge, beside] = placeLabels(points, bounds);
  expect(free).toEqual({ x: 60, y: 104, anchor: 'start' });
  expect(atTheEdge?.anchor).toBe('end');
  expect(beside).toEqual({ x: 65, y: 119, anchor: 'start' });
  expect(placeLabels([points[0]!, { x: 100, y: 104, width: 80, ...sure }], bounds)[0]?.anchor).toBe('middle');
  expect(placeLabels([{ ...points[0]!, reachX: 30 }], bounds)[0]?.x).toBe(85);
  const crowd = placeLabels(
    Array.from({ length: 40 }, () => ({ x: 200, y: 100, width: 300, ...sure })),
    bounds,
  );
  expect(crowd.filter((place) => place !== null).length).toBeLessThan(5);
});
