import { expect, it } from 'vitest';
import { jensenShannon } from '../../../main/datasets/distance/divergence.ts';

it.each<[string, [number, number][], [number, number], number]>([
  [
    'equal distributions',
    [
      [3, 6],
      [1, 2],
    ],
    [4, 8],
    0,
  ],
  [
    'distributions with nothing in common',
    [
      [4, 0],
      [0, 7],
      [2, 0],
    ],
    [6, 7],
    1,
  ],
  // p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): JS = log2(4/3)/2 + (log2(2/3) + 1)/4
  [
    'a coin and a certainty',
    [
      [5, 3],
      [0, 3],
    ],
    [5, 6],
    Math.log2(4 / 3) / 2 + (Math.log2(2 / 3) / 2 + Math.log2(2) / 2) / 2,
  ],
  // Two thirds shared: p = (2/3, 1/3, 0), q = (2/3, 0, 1/3): the third is nothing in common.
  [
    'distributions that share two thirds',
    [
      [2, 20],
      [1, 0],
      [0, 10],
    ],
    [3, 30],
    1 / 3,
  ],
])('of %s', (_, pairs, total, wanted) => {
  expect(jensenShannon(pairs, total)).toBeCloseTo(wanted, 14);
  expect(
    jensenShannon(
      pairs.map(([a, b]) => [b, a] as const),
      [total[1], total[0]],
    ),
  ).toBeCloseTo(wanted, 14);
});
