import { expect, test } from 'vitest';
import { assignLooks, LOOKS, SHAPES, shapePath } from '../../../renderer/features/compare/run-look.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => `run-${index}`);

test('fifty runs look different from each other', () => {
  const looks = [...assignLooks(ids(50), new Map()).values()];
  expect(new Set(looks.map(({ colour, shape }) => colour + shape)).size).toBe(50);
  expect(LOOKS).toBe(50);
  // Curves have no shape: they are told apart by colour and dashes.
  expect(new Set(looks.map(({ colour, dash }) => `${colour} ${dash}`)).size).toBe(50);
});

test('a run keeps its look when others come and go, and gets another one only where two would share it', () => {
  const given = new Map<string, number>();
  const first = assignLooks(['a', 'b', 'c'], given);
  const second = assignLooks(['c', 'd', 'a'], given);
  expect(second.get('a')).toEqual(first.get('a'));
  expect(second.get('c')).toEqual(first.get('c'));
  expect(second.get('d')).toEqual(first.get('b')); // it was free
  const third = assignLooks(['b', 'd'], given);
  expect(third.get('b')).not.toEqual(third.get('d'));
});

test('more runs than looks begin anew', () => {
  expect(assignLooks(ids(LOOKS + 5), new Map()).size).toBe(LOOKS + 5);
});

test.each(SHAPES)('a %s is drawn around its point', (shape) => {
  const path = shapePath(shape, 100, 200, 5);
  expect(path).toMatch(/^M9\d(\.\d+)?,|^M100(\.\d+)?,/);
  expect(path).not.toContain('NaN');
});
