import { describe, expect, it } from 'vitest';
import { openMixture, plannedShare } from '../../shared/domain/mixture-open.ts';
import type { MixtureDefinition, MixtureSource } from '../../shared/domain/mixture.ts';

const sources: MixtureSource[] = [
  { datasetId: 'code', role: 'new', windows: 50 },
  { datasetId: 'law', role: 'old', windows: 30 },
  { datasetId: 'news', role: 'old', windows: 90 },
];
const definition: MixtureDefinition = {
  version: 2,
  weighting: 'size',
  temperature: 1,
  maxRepeats: null,
  schedule: 'constant',
  curve: [0, 1].map((at) => ({ at, share: 0.1 })),
  weights: { code: 1, law: 0.25, news: 0.75 },
};
const run = { mixture: definition, replayShare: 0.1, steps: 100, batch: 4, seed: 3 };
const raises = [
  { position: 120, replayShare: 0.2 },
  { position: 248, replayShare: 0.4 },
];
const raised = openMixture(run, sources, raises);
const first = openMixture(run, sources);
const windows = run.steps * run.batch;

describe('a mixture whose replay share was raised', () => {
  it('is what it was up to each raise', () => {
    const once = openMixture(run, sources, raises.slice(0, 1));
    for (let position = 0; position < 120; position++) expect(raised.at(position)).toEqual(first.at(position));
    for (let position = 120; position < 248; position++) expect(raised.at(position)).toEqual(once.at(position));
  });

  it('holds the share of each stretch at every prefix, each dataset within a window of its own', () => {
    const wanted = [0, 0, 0];
    for (let position = 0; position < windows; position++) {
      const share = position < 120 ? 0.1 : position < 248 ? 0.2 : 0.4;
      [1 - share, share * 0.25, share * 0.75].forEach((part, index) => (wanted[index]! += part));
      const counts = raised.countsBefore(position + 1);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(position + 1);
      // One window for each stretch so far.
      for (const [index, count] of counts.entries()) expect(Math.abs(count - wanted[index]!)).toBeLessThanOrEqual(3);
    }
  });

  it('counts what it gives, and goes on in each dataset where it was: no window comes again before all others have come', () => {
    const seen = new Map<string, number[]>();
    for (let position = 0; position < windows; position++) {
      const { datasetId, window, epoch } = raised.at(position);
      const key = `${datasetId} ${epoch}`;
      seen.set(key, [...(seen.get(key) ?? []), window]);
    }
    for (const [key, list] of seen) expect(new Set(list).size, key).toBe(list.length);
    const given = sources.map(({ datasetId }) => [...seen].filter(([key]) => key.startsWith(datasetId)).flatMap(([, list]) => list).length);
    expect(raised.countsBefore(windows)).toEqual(given);
    const repeated = given.reduce((sum, count, index) => sum + Math.max(0, count - sources[index]!.windows), 0);
    expect(raised.repeatedShare(windows)).toBeCloseTo(repeated / windows, 12);
  });

  it('can be asked in any order', () => {
    const positions = [399, 0, 247, 248, 119, 120];
    const other = openMixture(run, sources, raises);
    for (const position of positions) expect(other.at(position)).toEqual(raised.at(position));
  });

  it('shares by size where nothing old had a share', () => {
    const none = {
      ...run,
      mixture: { ...definition, curve: [0, 1].map((at) => ({ at, share: 0 })), weights: { code: 1, law: 0, news: 0 } },
    };
    const counts = openMixture(none, sources, [{ position: 0, replayShare: 0.5 }]).countsBefore(400);
    expect(counts).toEqual([200, 50, 150]);
  });

  it('tells the share that is planned from a position on', () => {
    expect(plannedShare(run, 120, [])).toBeCloseTo(0.1, 12);
    expect(plannedShare(run, 120, raises)).toBe(0.4);
    const falling = {
      ...definition,
      curve: [
        { at: 0, share: 0.2 },
        { at: 1, share: 0 },
      ],
    };
    expect(plannedShare({ ...run, mixture: falling }, windows / 2, [])).toBeCloseTo(0.05, 12);
  });
});
