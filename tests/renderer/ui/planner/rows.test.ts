import { expect, test } from 'vitest';
import { layersOf } from '../../../../renderer/ui/planner/layers.ts';
import { BLOCK_HEIGHTS, firstZoom, isTall, pictureRows } from '../../../../renderer/ui/planner/rows.ts';
import { planExpansion } from '../../../../shared/domain/plan.ts';

test('a gap stands above all that belongs to a base block, and nowhere where nothing can be inserted', () => {
  const layers = layersOf({ blocks: 3, plan: planExpansion(3, undefined, [0, 2, 2]), own: 'frozen' });
  expect(pictureRows(layers, true).map(({ key, isGap, layer }) => (isGap ? key : layer.position))).toEqual([
    ...['gap:2', 5, 4, 3],
    ...['gap:1', 2],
    ...['gap:0', 1, 0],
  ]);
  expect(pictureRows(layers, false).map(({ layer }) => layer.position)).toEqual([5, 4, 3, 2, 1, 0]);
});

test('every row of a tall model has a key of its own', () => {
  const layers = layersOf({ blocks: 80, plan: planExpansion(80, 20, 'even'), own: 'frozen' });
  const keys = pictureRows(layers, true).map(({ key }) => key);
  expect(keys).toHaveLength(180);
  expect(new Set(keys).size).toBe(180);
});

test('a model that does not fit begins small', () => {
  const heightOf = (layers: number): number => layers * BLOCK_HEIGHTS[firstZoom(layers)];
  expect([6, 17, 41, 100].map((layers) => firstZoom(layers))).toEqual([2, 1, 0, 0]);
  expect(heightOf(16)).toBeLessThan(620);
  expect([isTall(20), isTall(21)]).toEqual([false, true]);
});
