import { expect, it } from 'vitest';
import { shownValue } from '../../main/models/shown-value.ts';

it.each<[unknown, string]>([
  [undefined, 'nothing'],
  [null, 'null'],
  [2.5, '2.5'],
  ['a"b', '"a\\"b"'],
  ['x'.repeat(100), `"${'x'.repeat(59)}…`],
  [[], '[]'],
  [[1, 'a'], '[1,"a"]'],
  [[[1]], 'a list of 1'],
  [Array(9).fill(0), 'a list of 9'],
  [{}, '{}'],
  [{ a: 1 }, 'an object'],
  [JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)), 'a list of 1'],
])('a value is shown in short: case %#', (value, text) => {
  expect(shownValue(value)).toBe(text);
});
