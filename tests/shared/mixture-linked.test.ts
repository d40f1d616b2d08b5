import { describe, expect, it } from 'vitest';
import { partsOf, setPart } from '../../shared/domain/mixture-linked.ts';
import { randomStream } from '../../shared/domain/random.ts';

const none: string[] = [];
const sum = (parts: Readonly<Record<string, number>>): number => Object.values(parts).reduce((total, part) => total + part, 0);

describe('linked parts', () => {
  it('rescale the others in proportion', () => {
    expect(setPart({ a: 50, b: 30, c: 20 }, none, 'a', 75)).toEqual({ a: 75, b: 15, c: 10 });
    expect(setPart({ a: 50, b: 30, c: 20 }, none, 'a', 0)).toEqual({ a: 0, b: 60, c: 40 });
    expect(setPart({ a: 100, b: 0, c: 0 }, none, 'a', 40)).toEqual({ a: 40, b: 30, c: 30 });
    expect(setPart({ a: 50, b: 30, c: 20 }, none, 'a', 250)).toEqual({ a: 100, b: 0, c: 0 });
  });

  it('leave locked ones as they are, and take no more than those leave', () => {
    expect(setPart({ a: 50, b: 30, c: 20 }, ['b'], 'a', 60)).toEqual({ a: 60, b: 30, c: 10 });
    expect(setPart({ a: 50, b: 30, c: 20 }, ['b'], 'a', 90)).toEqual({ a: 70, b: 30, c: 0 });
    expect(setPart({ a: 50, b: 30, c: 20 }, ['b', 'c'], 'a', 10)).toEqual({ a: 50, b: 30, c: 20 });
  });

  it('go on from parts of other datasets: a new one gets an equal part', () => {
    expect(partsOf(['a', 'b', 'c', 'd'], { a: 60, b: 40 })).toEqual({ a: 30, b: 20, c: 25, d: 25 });
    expect(partsOf(['a'], { a: 60, b: 40 })).toEqual({ a: 100 });
    expect(sum(partsOf(['a', 'b', 'c'], {}))).toBeCloseTo(100, 9);
  });

  it('stay a whole whatever is done to them (random cases)', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomStream(seed);
      const ids = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, index) => `d${index}`);
      let parts = partsOf(ids, {});
      for (let move = 0; move < 40; move++) {
        const locked = ids.filter(() => random() < 0.3);
        const id = ids[Math.floor(random() * ids.length)]!;
        const before = parts;
        parts = setPart(parts, locked, id, random() * 120 - 10);
        expect(sum(parts)).toBeCloseTo(100, 6);
        for (const each of ids) {
          expect(parts[each]).toBeGreaterThanOrEqual(0);
          if (locked.includes(each) && each !== id) expect(parts[each]).toBe(before[each]);
        }
      }
    }
  });
});
