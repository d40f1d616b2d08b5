import { describe, expect, it } from 'vitest';
import { openMixture } from '../../shared/domain/mixture-open.ts';
import { FirstMixture } from '../../shared/domain/mixture-v1.ts';
import { checkShare, type MixtureSource } from '../../shared/domain/mixture.ts';
import { configurationRecord } from '../support/run-records.ts';

const sources: MixtureSource[] = [
  { datasetId: 'code', role: 'new', windows: 37 },
  { datasetId: 'law', role: 'new', windows: 11 },
  { datasetId: 'stories', role: 'old', windows: 29 },
];

describe('the first version of the stream', () => {
  it.each([0, 0.01, 0.05, 0.1, 0.25, 0.29, 1 / 3, 0.5, 0.9, 0.999])('holds a replay share of %s at every prefix', (share) => {
    const mixture = new FirstMixture(sources, share, 7);
    let old = 0;
    for (let position = 0; position < 5000; position++) {
      if (mixture.at(position).role === 'old') old++;
      expect(Math.abs(old - share * (position + 1))).toBeLessThan(1 + 1e-6);
    }
  });

  it('goes through every window of a role once before any repeats, in another order each time', () => {
    const mixture = new FirstMixture(sources, 0, 3);
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
    const first = new FirstMixture(sources, 0.2, 11);
    const again = new FirstMixture(sources, 0.2, 11);
    expect(again.at(1234)).toEqual(first.at(1234));
    const other = new FirstMixture(sources, 0.2, 12);
    expect(Array.from({ length: 20 }, (_, i) => other.at(i))).not.toEqual(Array.from({ length: 20 }, (_, i) => first.at(i)));
  });

  it('counts its windows as they come', () => {
    const mixture = new FirstMixture(sources, 0.29, 7);
    const counts = [0, 0, 0];
    for (let position = 0; position < 300; position++) {
      expect(mixture.countsBefore(position)).toEqual(counts);
      counts[sources.findIndex(({ datasetId }) => datasetId === mixture.at(position).datasetId)]!++;
    }
  });

  it('knows which share of windows was there before: as counted, window by window', () => {
    for (const [share, positions] of [
      [0, 20],
      [0.5, 96],
      [0.25, 300],
    ] as const) {
      const mixture = new FirstMixture(sources, share, 1);
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
    expect(new FirstMixture(sources, 0, 1).repeatedShare(0)).toBe(0);
  });

  it('refuses shares outside [0, 1), replay without old data, and roles without windows', () => {
    for (const share of [1, -0.1, NaN, 2]) expect(() => checkShare(share, true)).toThrow(/outside its range/);
    expect(() => new FirstMixture(sources.slice(0, 2), 0.1, 1)).toThrow(/needs old data/);
    expect(() => new FirstMixture([sources[2]!], 0.1, 1)).toThrow(/no new data/);
    expect(() => new FirstMixture([sources[0]!, { ...sources[2]!, windows: 0 }], 0.1, 1)).toThrow(/no old data/);
  });
});

/** Printed by the program as it was before there was a second version: dataset's initial, window, and epoch where it is not the first. */
const RECORDED: [number, number, number, string][] = [
  [0.1, 1, 0, 'l6 l3 c13 c32 c4 l9 c15 c19 c24 s16 l4 c23 l5 c20 c3 c8 c12 c34 c36 s5 c18 c25 c9 c33 l8 c1 c35 c30 l1 s7 c27 c29 c11 c31 c16 c21 c17 l2 c26 s6'],
  [0.1, 1, 1000, 'c5.18 l5.18 c16.18 c18.18 l3.18 l7.18 c32.18 c8.18 c36.18 s7.3 l1.18 c20.18 c10.18 c20.19 c11.19 c6.19 c29.19 c3.19 l9.19 s13.3'],
  [0.29, 7, 0, 'c35 c34 l1 s7 c17 c30 s17 c29 l10 c4 s1 c14 c15 s19 c19 c24 c28 s6 c27 c12 s24 c32 c26 c5 s26 c18 l2 s16 c3 l5 c10 s27 c7 l3 s3 c33 c0 s10 l9 l6'],
  [0.29, 7, 1000, 'c24.14 c2.14 c1.14 s1.10 c27.14 c8.14 s3.10 c5.14 c18.14 c15.14 s24.10 c16.14 c30.14 s4.10 c33.15 c12.15 c5.15 s21.10 c23.15 c2.15'],
  [0, 3, 0, 'c5 c2 c19 l3 l6 c16 c28 c20 c4 c35 l10 c17 c8 c21 c23 c3 c26 c14 c33 c24 c34 l7 c22 c29 c31 c15 l5 c0 c36 c11 c1 l8 c30 c13 l0 c6 c12 l1 c27 c10'],
]; // prettier-ignore

describe('a run from before mixtures were defined', () => {
  it.each(RECORDED)('with a replay share of %s and seed %i goes on from %i with the windows it had', (replayShare, seed, first, wanted) => {
    const mixture = openMixture(configurationRecord({ replayShare, seed }), sources);
    const windows = wanted.split(' ').map((_, index) => {
      const { datasetId, window, epoch } = mixture.at(first + index);
      return `${datasetId[0]}${window}${epoch > 0 ? `.${epoch}` : ''}`;
    });
    expect(windows.join(' ')).toBe(wanted);
  });
});
