import { expect, test } from 'vitest';
import { movementRows } from '../../../renderer/features/runs/movement-rows.ts';

const block = (
  number: number,
  relative: number | null,
  similarity: number | null,
  inserted = false,
): Parameters<typeof movementRows>[0]['blocks'][number] => ({
  ...{ block: number, inserted, from: inserted ? number - 1 : number, relative, changed: relative ? 1 : 0, similarity },
});

test('blocks are drawn from the top, beside the one that went furthest', () => {
  const rows = movementRows({ blocks: [block(0, 0, 1), block(1, 0.02, 0.9, true), block(2, 0.01, 0.95)] });
  expect(rows.map(({ block: number, label }) => [number, label])).toEqual([
    [2, 'block 2 of the base'],
    [1, 'new, copy of 0'],
    [0, 'block 0 of the base'],
  ]);
  expect(rows.map(({ moved }) => moved)).toEqual([0.5, 1, 0]);
  expect(rows.map(({ unlike }) => Number(unlike.toFixed(6)))).toEqual([0.5, 1, 0]);
});

test('a model that went nowhere, or has no text to compare on, has no bars', () => {
  expect(movementRows({ blocks: [block(0, 0, null), block(1, null, null)] }).map(({ moved, unlike }) => [moved, unlike])).toEqual([
    [0, 0],
    [0, 0],
  ]);
});
