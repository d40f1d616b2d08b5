import { describe, expect, it } from 'vitest';
import { capShares, type NamedSource, resolveShares, type SharesRequest } from '../../shared/domain/mixture-shares.ts';
import { MixtureStream } from '../../shared/domain/mixture-stream.ts';
import { randomStream } from '../../shared/domain/random.ts';
import { StrataError } from '../../shared/errors.ts';

const source = (name: string, role: 'new' | 'old', windows: number): NamedSource => ({ datasetId: `${name}-1`, name, role, windows });
const SOURCES = [source('code', 'new', 100), source('law', 'new', 900), source('web', 'old', 10_000), source('books', 'old', 2500)];

const weightsOf = (request: SharesRequest, sources = SOURCES): number[] => {
  const { weights } = resolveShares(sources, request);
  return sources.map(({ datasetId }) => Number(weights[datasetId]!.toFixed(6)));
};

describe('shares', () => {
  it('are by size, by its square root, equal, or by a temperature between', () => {
    expect(weightsOf({})).toEqual([0.1, 0.9, 0.8, 0.2]);
    expect(weightsOf({ weighting: 'sqrt' })).toEqual([0.25, 0.75, 0.666667, 0.333333]);
    expect(weightsOf({ weighting: 'equal' })).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(weightsOf({ temperature: 1 })).toEqual(weightsOf({}));
    expect(weightsOf({ temperature: 2 })).toEqual(weightsOf({ weighting: 'sqrt' }));
    expect(weightsOf({ temperature: 1e9 })).toEqual(weightsOf({ weighting: 'equal' }));
    expect(weightsOf({ temperature: 1e-3 })).toEqual([0, 1, 1, 0]); // the largest takes all
  });

  it('of all tokens say how much is replayed; a role without numbers takes what the other leaves, by size', () => {
    const whole = { 'code-1': 0.5, 'law-1': 0.25, 'web-1': 0.05, 'books-1': 0.2 };
    expect(resolveShares(SOURCES, { shares: whole })).toMatchObject({ weighting: 'manual', replayShare: 0.25 });
    expect(weightsOf({ shares: whole })).toEqual([0.666667, 0.333333, 0.2, 0.8]);
    const old = { 'web-1': 0.15, 'books-1': 0.05 };
    expect(resolveShares(SOURCES, { shares: old }).replayShare).toBeCloseTo(0.2, 12);
    expect(weightsOf({ shares: old })).toEqual([0.1, 0.9, 0.75, 0.25]);
    expect(resolveShares(SOURCES, { shares: { 'code-1': 0.3, 'law-1': 0.3 } }).replayShare).toBeCloseTo(0.4, 12);
  });

  it('are weights within their role where the replay share is given, or where there is one role', () => {
    expect(weightsOf({ replayShare: 0.1, shares: { 'web-1': 1, 'books-1': 3 } })).toEqual([0.1, 0.9, 0.25, 0.75]);
    expect(weightsOf({ shares: { 'code-1': 3, 'law-1': 1 } }, SOURCES.slice(0, 2))).toEqual([0.75, 0.25]);
  });

  it('replay what was asked for, and by default as much as a weak shift needs', () => {
    expect(resolveShares(SOURCES, {}).replayShare).toBe(0.05);
    expect(resolveShares(SOURCES, { replayShare: 0.3 }).replayShare).toBe(0.3);
    expect(resolveShares(SOURCES.slice(0, 2), {}).replayShare).toBe(0);
  });

  const refused: [string, SharesRequest, RegExp][] = [
    ['do not add up', { shares: { 'code-1': 0.5, 'law-1': 0.3, 'web-1': 0.1, 'books-1': 0.2 } }, /new 0\.8, old 0\.3/],
    ['leave nothing for new data', { shares: { 'web-1': 0.5, 'books-1': 0.5 } }, /old 1/],
    ['are weights without a replay share', { shares: { 'web-1': 3, 'books-1': 1 } }, /old 4/],
    ['are given for some of a role', { shares: { 'web-1': 0.1 } }, /none for books/],
    ['are negative', { shares: { 'web-1': -0.1, 'books-1': 0.2 } }, /web=-0\.1/],
    ['are no numbers', { shares: { 'web-1': NaN, 'books-1': 0.2 } }, /web=NaN/],
    ['are all nothing', { replayShare: 0.1, shares: { 'web-1': 0, 'books-1': 0 } }, /0, 0/],
    ['are given with weights by size', { weighting: 'size', shares: { 'web-1': 1, 'books-1': 1 } }, /web=1, books=1/],
    ['are asked for by hand and not given', { weighting: 'manual' }, /none/],
    ['have a temperature and another rule', { weighting: 'sqrt', temperature: 2 }, /temperature 2 with weights by sqrt/],
    ['have a temperature of nothing', { temperature: 0 }, /temperature 0/],
    ['replay everything', { replayShare: 1 }, /1/],
  ];
  it.each(refused)('that %s are refused', (_, request, found) => {
    const error = refusalOf(() => resolveShares(SOURCES, request));
    expect(error.code).toBe('BAD_INPUT');
    expect(error.found).toMatch(found);
    expect(error.allowed).not.toBeUndefined();
  });
});

describe('a cap on repeats', () => {
  const shares = { replayShare: 0.5, weights: { 'code-1': 0.5, 'law-1': 0.5, 'web-1': 0.5, 'books-1': 0.5 } };

  it('gives what one may not to the others of its role, and tells the shortfall', () => {
    const { weights, shortfall } = capShares(SOURCES, shares, 2000, 1, 64);
    expect(weights).toEqual({ 'code-1': 0.1, 'law-1': 0.9, 'web-1': 0.5, 'books-1': 0.5 });
    expect(shortfall).toEqual({ 'code-1': 400 });
  });

  it('changes nothing where nothing is short', () => {
    expect(capShares(SOURCES, shares, 400, 1, 64)).toEqual({ weights: shares.weights, shortfall: {} });
    expect(capShares(SOURCES, shares, 1e6, null, 64)).toEqual({ weights: shares.weights, shortfall: {} });
  });

  it('refuses a run that a role cannot fill, with how many tokens are missing', () => {
    const error = refusalOf(() => capShares(SOURCES, shares, 4000, 1.5, 10));
    expect(error.message).toMatch(/too little new data/);
    expect(error.found).toMatch(/20,000 new tokens are needed.*at most 1\.5 times.*15,000: 5,000 are missing/);
    expect(refusalOf(() => capShares(SOURCES, { ...shares, replayShare: 0.99 }, 50_000, 1, 10)).message).toMatch(/too little old data/);
    for (const repeats of [0, -1, NaN, Infinity])
      expect(refusalOf(() => capShares(SOURCES, shares, 10, repeats, 10)).code).toBe('BAD_INPUT');
  });

  it('is held by the stream, to the window, and the replay share with it (random cases)', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = randomStream(seed);
      const sources = Array.from({ length: 2 + Math.floor(random() * 8) }, (_, index) =>
        source(`d${index}`, index === 0 || random() < 0.5 ? 'new' : 'old', 1 + Math.floor(random() * 200)),
      );
      const hasOld = sources.some(({ role }) => role === 'old');
      const asked = resolveShares(sources, { weighting: 'equal', replayShare: hasOld ? random() * 0.5 : 0 });
      const maxRepeats = 0.5 + random() * 3;
      const held = (role: string): number =>
        sources.filter((each) => each.role === role).reduce((sum, { windows }) => sum + Math.floor(windows * maxRepeats), 0);
      const most = Math.min(held('new') / (1 - asked.replayShare), hasOld ? held('old') / asked.replayShare : Infinity);
      if (most < 1) continue;
      const windows = Math.max(1, Math.floor(most * (random() < 0.3 ? 1 : random())));
      const { weights } = capShares(sources, asked, windows, maxRepeats, 64);
      const curve = [0, 1].map((at) => ({ at, share: asked.replayShare }));
      const definition = {
        version: 2 as const,
        weighting: 'equal' as const,
        temperature: 1,
        maxRepeats,
        schedule: 'constant',
        curve,
        weights,
      };
      const counts = new MixtureStream(sources, definition, windows, seed).countsBefore(windows);
      counts.forEach((count, index) => expect(count / sources[index]!.windows).toBeLessThanOrEqual(maxRepeats));
      for (const role of ['new', 'old']) {
        const of = sources.filter((each) => each.role === role);
        const sum = of.reduce((total, { datasetId }) => total + weights[datasetId]!, 0);
        if (of.length > 0) expect(sum).toBeCloseTo(1, 9);
      }
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(windows);
    }
  });
});

function refusalOf(work: () => unknown): StrataError {
  try {
    work();
  } catch (error) {
    if (error instanceof StrataError) return error;
    throw error;
  }
  return expect.fail('it was not refused');
}
