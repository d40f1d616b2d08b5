import { describe, expect, it } from 'vitest';
import { permute } from '../../shared/domain/random.ts';

describe('permute', () => {
  it('is a bijection for every size', () => {
    for (const size of [1, 2, 3, 7, 16, 100, 257, 1000]) {
      const images = Array.from({ length: size }, (_, index) => permute(index, size, 42));
      expect(new Set(images).size).toBe(size);
      expect(Math.max(...images)).toBe(size - 1);
    }
  });

  it('shuffles well: neighbours land far apart on average', () => {
    const size = 10_000;
    let distance = 0;
    for (let index = 0; index + 1 < size; index++) distance += Math.abs(permute(index, size, 5) - permute(index + 1, size, 5));
    // Two independent uniform positions lie size / 3 apart on average.
    expect(distance / size / size).toBeGreaterThan(0.3);
    expect(distance / size / size).toBeLessThan(0.37);
  });
});
