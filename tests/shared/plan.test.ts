import { describe, expect, it } from 'vitest';
import { expandedBlocks, parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';

const positions = (blocks: number, count: number | undefined, place: Parameters<typeof planExpansion>[2]): number[] =>
  planExpansion(blocks, count, place).inserted.map((block) => block.position);

describe('planExpansion', () => {
  it("is the paper's interleaving where the numbers divide (section 3.1: 32 blocks, 8 groups)", () => {
    expect(positions(32, 8, 'even')).toEqual([4, 9, 14, 19, 24, 29, 34, 39]);
  });

  it('equals the reference script for every divisible pair: a copy after layer i when (i + 1) % split == 0', () => {
    for (const blocks of [4, 6, 12, 22, 24, 30, 32]) {
      for (let count = 1; count <= blocks; count++) {
        if (blocks % count !== 0) continue;
        const split = blocks / count;
        const after = Array.from({ length: blocks }, (_, layer) => layer).filter((layer) => (layer + 1) % split === 0);
        expect(planExpansion(blocks, count, 'even').inserted.map((block) => block.after)).toEqual(after);
      }
    }
  });

  it('never fails on numbers that do not divide: the count is kept and gaps differ by at most one', () => {
    for (let blocks = 1; blocks <= 40; blocks++) {
      for (let count = 1; count <= 50; count++) {
        const { inserted } = planExpansion(blocks, count, 'even');
        expect(inserted).toHaveLength(count);
        expect(inserted.at(-1)!.after).toBe(blocks - 1);
        const gaps = inserted.map((block, index) => block.after - (inserted[index - 1]?.after ?? -1));
        expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('puts blocks at the top, at the bottom, and freely, several at one place', () => {
    expect(positions(4, 2, 'top')).toEqual([4, 5]);
    expect(positions(4, 2, 'bottom')).toEqual([1, 2]);
    expect(positions(12, undefined, [7, 3, 11, 7])).toEqual([4, 9, 10, 15]);
  });

  it('lists the expanded model in order', () => {
    expect(expandedBlocks(planExpansion(3, undefined, [0, 2, 2]))).toEqual([
      { base: 0, inserted: false },
      { base: 0, inserted: true },
      { base: 1, inserted: false },
      { base: 2, inserted: false },
      { base: 2, inserted: true },
      { base: 2, inserted: true },
    ]);
  });

  it.each([
    [() => planExpansion(4, undefined, [4]), /after block 4/],
    [() => planExpansion(4, 3, [1, 2]), /3 blocks, 2 positions/],
    [() => planExpansion(4, 0, 'even'), /^0$/],
    [() => planExpansion(4, 1.5, 'even'), /1\.5/],
    [() => parsePlace('middle'), /middle/],
    [() => parsePlace('3,-1'), /-1/],
    [() => parsePlace(''), /^$/],
  ])('refuses what is not possible, saying what was found', (call, found) => {
    try {
      call();
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(StrataError);
      expect((error as StrataError).code).toBe('BAD_INPUT');
      expect((error as StrataError).found).toMatch(found);
      expect((error as StrataError).allowed).toBeTruthy();
    }
  });
});
