import { describe, expect, it } from 'vitest';
import { expandedBlocks, keptPositions, parsePlace, type Place, planExpansion } from '../../shared/domain/plan.ts';
import { StrataError } from '../../shared/errors.ts';

const positions = (blocks: number, count: number | undefined, place: Place): number[] =>
  planExpansion(blocks, count, place).inserted.map((block) => block.position);

/** Pairs of a position and the block whose copy stands there. */
const copies = (blocks: number, count: number | undefined, place: Place): [number, number][] =>
  planExpansion(blocks, count, place).inserted.map((block) => [block.position, block.copies]);

const importance = (...rises: number[]): { block: number; loss: number; rise: number; standardError: null }[] =>
  rises.map((rise, block) => ({ block, loss: 2 + rise, rise, standardError: null }));

/** Every model and count that is tried: far beyond what divides. */
function eachSize(check: (blocks: number, count: number) => void, step = 1): void {
  for (let blocks = 1; blocks <= 64; blocks++) for (let count = 1; count <= 2 * blocks; count += step) check(blocks, count);
}

describe('an even spread', () => {
  it("is the paper's interleaving where the numbers divide (section 3.1: 32 blocks, 8 groups)", () => {
    expect(positions(32, 8, 'even')).toEqual([4, 9, 14, 19, 24, 29, 34, 39]);
  });

  it('equals the reference script for every divisible pair: a copy after layer i when (i + 1) % split == 0', () => {
    eachSize((blocks, count) => {
      if (blocks % count !== 0) return;
      const split = blocks / count;
      const after = Array.from({ length: blocks }, (_, layer) => layer).filter((layer) => (layer + 1) % split === 0);
      const { inserted } = planExpansion(blocks, count, 'even');
      expect(inserted.map((block) => block.after)).toEqual(after);
      expect(inserted.map((block) => block.copies)).toEqual(after);
    });
  });

  it('never fails on numbers that do not divide: the count is kept and gaps differ by at most one', () => {
    eachSize((blocks, count) => {
      const { inserted } = planExpansion(blocks, count, 'even');
      expect(inserted).toHaveLength(count);
      expect(inserted.at(-1)!.after).toBe(blocks - 1);
      const gaps = inserted.map((block, index) => block.after - (inserted[index - 1]?.after ?? -1));
      expect(Math.max(...gaps) - Math.min(...gaps), `${count} in ${blocks}`).toBeLessThanOrEqual(1);
    });
  });
});

describe('groups', () => {
  it('are the paper’s: its uppermost P blocks are copied, in order, on top of each', () => {
    // 8 blocks in 2 groups, 2 copies each: blocks 2, 3 behind 3, blocks 6, 7 behind 7.
    expect(copies(8, undefined, { groups: 2, copies: 2 })).toEqual([
      [4, 2],
      [5, 3],
      [10, 6],
      [11, 7],
    ]);
  });

  it('with one copy each are the even spread', () => {
    for (let blocks = 1; blocks <= 64; blocks++) {
      for (let groups = 1; groups <= blocks; groups++) {
        const plan = planExpansion(blocks, undefined, { groups, copies: 1 });
        expect(plan).toEqual(planExpansion(blocks, groups, 'even'));
        expect(planExpansion(blocks, undefined, { groups, copies: null })).toEqual(plan);
      }
    }
  });

  it('take any number of copies: shares differ by at most one, and no block is copied twice before all of its group are', () => {
    const wrong: string[] = [];
    eachSize((blocks, count) => {
      for (const groups of [1, 2, 3, 5, blocks]) {
        if (groups > Math.min(count, blocks)) continue;
        const { inserted } = planExpansion(blocks, count, { groups, copies: null });
        const byGroup = new Map<number, number[]>();
        for (const { after, copies: source } of inserted) byGroup.set(after, [...(byGroup.get(after) ?? []), source]);
        const shares = [...byGroup.values()].map((sources) => sources.length);
        let first = 0;
        const isOwn = [...byGroup].every(([last, sources]) => {
          const size = last - first + 1;
          const isFromHere = sources.at(-1) === last && Math.min(...sources) >= first;
          first = last + 1;
          return isFromHere && new Set(sources).size === Math.min(size, sources.length);
        });
        const right = byGroup.size === groups && Math.max(...shares) - Math.min(...shares) <= 1 && isOwn;
        if (!right) wrong.push(`${count} in ${groups} of ${blocks}`);
      }
    }, 3);
    expect(wrong).toEqual([]);
  });
});

describe('the other places', () => {
  it('top: copies of the uppermost blocks behind the last, as Soup appends them', () => {
    expect(copies(4, 2, 'top')).toEqual([
      [4, 2],
      [5, 3],
    ]);
    expect(copies(2, 3, 'top').map(([, source]) => source)).toEqual([1, 0, 1]); // a whole round, and before it the uppermost
    eachSize((blocks, count) => {
      expect(planExpansion(blocks, count, 'top')).toEqual(planExpansion(blocks, count, { groups: 1, copies: null }));
    });
  });

  it('bottom: copies of the lowest blocks behind the first', () => {
    expect(copies(4, 2, 'bottom')).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect(copies(2, 3, 'bottom').map(([, source]) => source)).toEqual([0, 1, 0]);
  });

  it('more copies than blocks, as the documentation has it', () => {
    expect(copies(6, 9, 'top').map(([, source]) => source)).toEqual([3, 4, 5, 0, 1, 2, 3, 4, 5]);
    expect(copies(6, 9, 'bottom').map(([, source]) => source)).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2]);
  });

  it('free positions, several at one place, in any order', () => {
    expect(positions(12, undefined, [7, 3, 11, 7])).toEqual([4, 9, 10, 15]);
    expect(positions(12, 4, [7, 3, 11, 7])).toEqual([4, 9, 10, 15]);
  });

  it('least important: a copy behind each of the blocks that matter least, and round again when there are more', () => {
    const table = importance(3, 0.2, 0.1, 0.1, -0.5);
    const after = (count: number): number[] => planExpansion(5, count, 'least-important', table).inserted.map((block) => block.after);
    expect(after(1)).toEqual([4]);
    expect(after(2)).toEqual([2, 4]); // of equals the lower
    expect(after(4)).toEqual([1, 2, 3, 4]);
    expect(after(7)).toEqual([0, 1, 2, 2, 3, 4, 4]);
    for (const { after: place, copies: source } of planExpansion(5, 7, 'least-important', table).inserted) expect(source).toBe(place);
  });
});

describe('every plan', () => {
  it('has each block of the base once and in order, and each copy where it says', () => {
    const wrong: string[] = [];
    eachSize((blocks, count) => {
      const table = importance(...Array.from({ length: blocks }, (_, block) => ((block * 7919) % 101) / 100));
      const places: Place[] = ['even', 'top', 'bottom', 'least-important', { groups: Math.min(3, blocks, count), copies: null }];
      for (const place of places) {
        const plan = planExpansion(blocks, count, place, table);
        const layout = expandedBlocks(plan);
        let own = 0; // blocks of the base so far
        let copied = 0;
        const isRight = layout.every(({ base, inserted }, position) => {
          if (!inserted) return base === own++ && keptPositions(plan)[base] === position;
          const { after, copies: source, position: stated } = plan.inserted[copied++]!;
          return stated === position && source === base && after === own - 1;
        });
        if (!isRight || own !== blocks || copied !== count) wrong.push(`${count} in ${blocks}, ${JSON.stringify(place)}`);
      }
    }, 13);
    expect(wrong).toEqual([]);
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
});

describe('a place', () => {
  it.each<[string, Place]>([
    ['even', 'even'],
    [' TOP ', 'top'],
    ['bottom', 'bottom'],
    ['least-important', 'least-important'],
    ['even:8', { groups: 8, copies: null }],
    ['Even:8x2', { groups: 8, copies: 2 }],
    ['3, 7,7,11', [3, 7, 7, 11]],
    ['0', [0]],
  ])('is read: %j', (text, place) => {
    expect(parsePlace(text)).toEqual(place);
  });

  it.each([
    [() => planExpansion(4, undefined, [4]), /after block 4/],
    [() => planExpansion(4, undefined, []), /no positions/],
    [() => planExpansion(4, 3, [1, 2]), /3 blocks, 2 positions/],
    [() => planExpansion(4, undefined, Array<number>(513).fill(1)), /^513$/],
    [() => planExpansion(4, undefined, [99]), /after block 99/],
    [() => planExpansion(4, 0, 'even'), /^0$/],
    [() => planExpansion(4, -1, 'even'), /^-1$/],
    [() => planExpansion(4, 1.5, 'even'), /1\.5/],
    [() => planExpansion(4, 513, 'top'), /^513$/],
    [() => planExpansion(4, undefined, { groups: 5, copies: null }), /5 groups/],
    [() => planExpansion(4, undefined, { groups: 0, copies: null }), /0 groups/],
    [() => planExpansion(4, undefined, { groups: 2, copies: 0 }), /^0$/],
    [() => planExpansion(4, 5, { groups: 2, copies: 2 }), /5 blocks, 2 groups with 2 copies/],
    [() => planExpansion(4, 1, { groups: 2, copies: null }), /1 blocks for 2 groups/],
    [() => planExpansion(4, 1, 'least-important'), /no table/],
    [() => planExpansion(4, 1, 'least-important', importance(1, 2, 3)), /a table of 3 blocks/],
    [() => parsePlace('middle'), /middle/],
    [() => parsePlace('even:'), /even:/],
    [() => parsePlace('even:2x'), /even:2x/],
    [() => parsePlace('even:1e9'), /even:1e9/],
    [() => parsePlace('3,-1'), /-1/],
    [() => parsePlace('3,,4'), /3,,4/],
    [() => parsePlace(''), /^$/],
  ])('that is not possible is refused, saying what was found', (call, found) => {
    try {
      call();
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(StrataError);
      expect((error as StrataError).code).toBe('BAD_INPUT');
      expect((error as StrataError).found).toMatch(found);
      expect((error as StrataError).allowed).toBeTruthy();
      expect((error as StrataError).hint).toBeTruthy();
    }
  });
});
