import { describe, expect, it } from 'vitest';
import { checkShare, Mixture, type MixtureSource } from '../../shared/domain/mixture.ts';
import { permute } from '../../shared/domain/random.ts';

const sources: MixtureSource[] = [
  { datasetId: 'code', role: 'new', windows: 37 },
  { datasetId: 'law', role: 'new', windows: 11 },
  { datasetId: 'stories', role: 'old', windows: 29 },
];

describe('Mixture', () => {
  it.each([0, 0.01, 0.05, 0.1, 0.25, 0.29, 1 / 3, 0.5, 0.9, 0.999])('holds a replay share of %s at every prefix', (share) => {
    const mixture = new Mixture(sources, share, 7);
    let old = 0;
    for (let position = 0; position < 5000; position++) {
      if (mixture.at(position).role === 'old') old++;
      expect(Math.abs(old - share * (position + 1))).toBeLessThan(1 + 1e-6);
      expect(mixture.oldBefore(position + 1)).toBe(old);
    }
  });

  it('goes through every window of a role once before any repeats, in another order each time', () => {
    const mixture = new Mixture(sources, 0, 3);
    const epochs = [0, 1, 2].map((epoch) =>
      Array.from({ length: 48 }, (_, index) => {
        const { datasetId, window } = mixture.at(epoch * 48 + index);
        return `${datasetId}:${window}`;
      }),
    );
    const all = [
      ...Array.from({ length: 37 }, (_, window) => `code:${window}`),
      ...Array.from({ length: 11 }, (_, window) => `law:${window}`),
    ];
    for (const epoch of epochs) expect([...epoch].sort()).toEqual([...all].sort());
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(epochs[1]).not.toEqual(epochs[2]);
  });

  it('is a pure function of position and seed', () => {
    const first = new Mixture(sources, 0.2, 11);
    const again = new Mixture(sources, 0.2, 11);
    expect(again.at(1234)).toEqual(first.at(1234));
    const other = new Mixture(sources, 0.2, 12);
    expect(Array.from({ length: 20 }, (_, i) => other.at(i))).not.toEqual(Array.from({ length: 20 }, (_, i) => first.at(i)));
  });

  it('says beforehand how often each dataset repeats', () => {
    const repeats = new Mixture(sources, 0.5, 1).repeats(96);
    expect(repeats.map(({ datasetId, epochs }) => [datasetId, epochs])).toEqual([
      ['code', 1],
      ['law', 1],
      ['stories', 48 / 29],
    ]);
  });

  it('knows which share of windows was there before: as counted, window by window', () => {
    for (const [share, positions] of [
      [0, 20],
      [0.5, 96],
      [0.25, 300],
    ] as const) {
      const mixture = new Mixture(sources, share, 1);
      const seen = new Set<string>();
      let again = 0;
      for (let position = 0; position < positions; position++) {
        const { datasetId, role, window } = mixture.at(position);
        const key = `${role} ${datasetId} ${window}`;
        if (seen.has(key)) again++;
        seen.add(key);
      }
      expect(mixture.repeatedShare(positions)).toBeCloseTo(again / positions, 10);
    }
    expect(new Mixture(sources, 0, 1).repeatedShare(0)).toBe(0);
  });

  it('refuses shares outside [0, 1), replay without old data, and roles without windows', () => {
    for (const share of [1, -0.1, NaN, 2]) expect(() => checkShare(share, true)).toThrow(/outside its range/);
    expect(() => new Mixture(sources.slice(0, 2), 0.1, 1)).toThrow(/needs old data/);
    expect(() => new Mixture([sources[2]!], 0.1, 1)).toThrow(/no new data/);
    expect(() => new Mixture([sources[0]!, { ...sources[2]!, windows: 0 }], 0.1, 1)).toThrow(/no old data/);
  });
});

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
