import { describe, expect, it } from 'vitest';
import { curveOf, type CurveHeight, ReplayCurve } from '../../shared/domain/mixture-curve.ts';
import { MixtureStream } from '../../shared/domain/mixture-stream.ts';
import type { MixtureDefinition, MixtureSource } from '../../shared/domain/mixture.ts';
import { randomStream } from '../../shared/domain/random.ts';

/** STRATA_MIXTURE_CASES asks for more of the random cases; the seed of each is in its message. */
const CASES = Number(process.env.STRATA_MIXTURE_CASES ?? 60);

interface Case {
  sources: MixtureSource[];
  definition: MixtureDefinition;
  windows: number;
  seed: number;
}

const definitionOf = (curve: MixtureDefinition['curve'], weights: Record<string, number>): MixtureDefinition => ({
  version: 2,
  weighting: 'manual',
  temperature: 1,
  maxRepeats: null,
  schedule: 'own',
  curve,
  weights,
});

/** A random mixture: up to a dozen datasets of each role, shares from none to nearly all, a course with steps and slopes. */
function randomCase(seed: number): Case {
  const random = randomStream(seed);
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const hasOld = random() < 0.9;
  const sources: MixtureSource[] = [];
  const weights: Record<string, number> = {};
  for (const role of ['new', 'old'] as const) {
    if (role === 'old' && !hasOld) continue;
    const some = Array.from({ length: whole(1, random() < 0.2 ? 12 : 4) }, (_, index) => `${role}${index}`);
    const raw = some.map((_, index) => (index > 0 && random() < 0.1 ? 0 : random() ** whole(1, 6)));
    const sum = raw.reduce((total, each) => total + each, 0);
    some.forEach((datasetId, index) => {
      sources.push({ datasetId, role, windows: whole(1, 300) });
      weights[datasetId] = raw[index]! / sum;
    });
  }
  const ats = [0, ...Array.from({ length: whole(0, 3) }, () => random()).sort((a, b) => a - b), 1];
  if (random() < 0.3) ats.splice(1, 0, ats[1]!); // a step
  const heights: CurveHeight[] = ats.map((at) => ({ at, height: random() < 0.2 ? 0 : random() }));
  const highest = Math.max(...heights.map(({ height }) => height), 1e-9);
  const peak = random() ** whole(0, 2);
  const curve = heights.map(({ at, height }) => ({ at, share: hasOld ? (height / highest) * peak : 0 }));
  return { sources, definition: definitionOf(curve, weights), windows: whole(1, 4000), seed: whole(0, 2 ** 31 - 1) };
}

/** The area below a course up to x of its length 1, by hand: trapezoids. */
function areaBelow(curve: MixtureDefinition['curve'], x: number): number {
  return curve.slice(1).reduce((area, end, index) => {
    const start = curve[index]!;
    if (x <= start.at || end.at === start.at) return area;
    const to = Math.min(x, end.at);
    const share = start.share + ((end.share - start.share) * (to - start.at)) / (end.at - start.at);
    return area + ((start.share + share) / 2) * (to - start.at);
  }, 0);
}

const open = ({ sources, definition, windows, seed }: Case): MixtureStream => new MixtureStream(sources, definition, windows, seed);
const cases = Array.from({ length: CASES }, (_, index) => index + 1);

describe('the stream of a mixture', () => {
  it.each(cases)('has every dataset within one window of its share at every prefix (case %i)', (number) => {
    const random = randomCase(number);
    const mixture = open(random);
    const counts = new Map(random.sources.map(({ datasetId }) => [datasetId, 0]));
    for (let position = 0; position < random.windows; position++) {
      const { datasetId, role } = mixture.at(position);
      expect(random.sources.find((source) => source.datasetId === datasetId)!.role).toBe(role);
      counts.set(datasetId, counts.get(datasetId)! + 1);
      const old = random.windows * areaBelow(random.definition.curve, (position + 1) / random.windows);
      for (const { datasetId, role } of random.sources) {
        const share = random.definition.weights[datasetId]! * (role === 'old' ? old : position + 1 - old);
        const error = Math.abs(counts.get(datasetId)! - share);
        if (error >= 1) expect.fail(`${datasetId} is ${error} windows off its share after ${position + 1} windows`);
      }
    }
    expect(mixture.countsBefore(random.windows)).toEqual([...counts.values()]);
  });

  it('stays within the bound that Tijdeman proved, 1 - 1/(2k-2), which nothing can undercut', () => {
    for (const datasets of [2, 3, 5, 20]) {
      const sources = Array.from({ length: datasets }, (_, index): MixtureSource => ({
        datasetId: `d${index}`,
        role: index === 0 ? 'old' : 'new',
        windows: 50,
      }));
      for (let seed = 0; seed < 10; seed++) {
        const random = randomStream(seed);
        const raw = sources.slice(1).map(() => random());
        const sum = raw.reduce((total, each) => total + each, 0);
        const weights = Object.fromEntries([['d0', 1], ...raw.map((each, index) => [`d${index + 1}`, each / sum])]) as Record<
          string,
          number
        >;
        const curve = [0, 0.3, 1].map((at) => ({ at, share: random() }));
        const mixture = open({ sources, definition: definitionOf(curve, weights), windows: 3000, seed });
        let worst = 0;
        for (let positions = 1; positions <= 3000; positions += 7) {
          const counts = mixture.countsBefore(positions);
          sources.forEach((_, index) => (worst = Math.max(worst, Math.abs(counts[index]! - mixture.planned(index, positions)))));
        }
        expect(worst).toBeLessThanOrEqual(1 - 1 / (2 * datasets - 2) + 1e-5);
      }
    }
  });

  it('keeps the role of a single new dataset within one window, however many old ones there are', () => {
    const old = Array.from({ length: 15 }, (_, index): MixtureSource => ({ datasetId: `o${index}`, role: 'old', windows: 9 }));
    const weights = Object.fromEntries([['n', 1], ...old.map(({ datasetId }) => [datasetId, 1 / 15])]) as Record<string, number>;
    const curve = curveOf([{ at: 0, height: 2 }, { at: 1, height: 0 }], 0.25); // prettier-ignore
    const mixture = open({
      sources: [{ datasetId: 'n', role: 'new', windows: 40 }, ...old],
      definition: definitionOf(curve, weights),
      windows: 5000,
      seed: 1,
    });
    const area = new ReplayCurve(curve, 5000);
    let count = 0;
    for (let position = 0; position < 5000; position++) {
      if (mixture.at(position).role === 'old') count++;
      expect(Math.abs(count - area.before(position + 1))).toBeLessThan(1);
    }
    expect(count).toBe(1250);
  });

  it.each(cases.slice(0, 20))(
    'is a function of the position: any window in any order, in a stream that was just opened (case %i)',
    (number) => {
      const random = { ...randomCase(number), windows: 6000 };
      const whole = Array.from({ length: random.windows }, (_, position) => open1(random).at(position));
      const draw = randomStream(number);
      for (let resume = 0; resume < 5; resume++) {
        const from = Math.floor(draw() * random.windows);
        const resumed = open(random);
        const length = Math.min(random.windows, from + 40) - from;
        expect(Array.from({ length }, (_, index) => resumed.at(from + index))).toEqual(whole.slice(from, from + length));
        const anywhere = Math.floor(draw() * random.windows);
        expect(resumed.at(anywhere)).toEqual(whole[anywhere]);
      }
    },
  );

  it('goes through every window of a dataset once before any comes again, in another order each time', () => {
    for (const number of cases.slice(0, 20)) {
      const random = randomCase(number);
      const mixture = open(random);
      const seen = new Map<string, number[][]>();
      for (let position = 0; position < random.windows; position++) {
        const { datasetId, window, epoch } = mixture.at(position);
        const epochs = seen.get(datasetId) ?? [];
        seen.set(datasetId, epochs);
        (epochs[epoch] ??= []).push(window);
        expect(epochs).toHaveLength(epoch + 1);
      }
      for (const [datasetId, epochs] of seen) {
        const { windows } = random.sources.find((source) => source.datasetId === datasetId)!;
        const all = Array.from({ length: windows }, (_, window) => window);
        for (const epoch of epochs.slice(0, -1)) expect([...epoch].sort((a, b) => a - b)).toEqual(all);
        expect(new Set(epochs.at(-1)).size).toBe(epochs.at(-1)!.length);
        const orders = epochs.slice(0, -1).map(String);
        if (windows > 20) expect(new Set(orders).size).toBe(orders.length);
      }
    }
  });

  it('has the same order within a dataset whatever else is in the mixture, and another with another seed', () => {
    const code: MixtureSource = { datasetId: 'code', role: 'new', windows: 60 };
    const orderOf = (others: MixtureSource[], seed: number): number[] => {
      const sources = [code, ...others];
      const weights = Object.fromEntries(sources.map(({ datasetId }) => [datasetId, 1]));
      const curve = [0, 1].map((at) => ({ at, share: others.length > 0 ? 0.4 : 0 }));
      const mixture = open({ sources, definition: definitionOf(curve, weights), windows: 200, seed });
      return Array.from({ length: 200 }, (_, position) => mixture.at(position))
        .filter(({ role }) => role === 'new')
        .slice(0, 60)
        .map(({ window }) => window);
    };
    const alone = orderOf([], 1);
    expect(orderOf([{ datasetId: 'stories', role: 'old', windows: 7 }], 1)).toEqual(alone);
    expect(orderOf([], 2)).not.toEqual(alone);
  });

  it('knows which share of windows was there before: as counted, window by window', () => {
    for (const number of cases.slice(0, 10)) {
      const random = randomCase(number);
      const mixture = open(random);
      const seen = new Set<string>();
      let again = 0;
      for (let position = 0; position < random.windows; position++) {
        const { datasetId, window } = mixture.at(position);
        if (seen.has(`${datasetId} ${window}`)) again++;
        seen.add(`${datasetId} ${window}`);
      }
      expect(mixture.repeatedShare(random.windows)).toBeCloseTo(again / random.windows, 10);
    }
  });

  it('reads a window in a few microseconds and keeps little of a long run', () => {
    const sources = Array.from({ length: 4 }, (_, index): MixtureSource => ({
      datasetId: `d${index}`,
      role: index < 2 ? 'new' : 'old',
      windows: 1000 * (index + 1),
    }));
    const weights = Object.fromEntries(sources.map(({ datasetId }) => [datasetId, 1 / 2]));
    const windows = 5_000_000; // the starts of blocks are thinned out
    const mixture = open({ sources, definition: definitionOf([{ at: 0, share: 0.5 }, { at: 1, share: 0 }], weights), windows, seed: 1 }); // prettier-ignore
    const started = performance.now();
    for (let position = 0; position < 1_000_000; position++) mixture.at(position);
    // About 0.5 on the machine it was written on; a step of the smallest model takes a hundred times as long as its windows at this limit.
    expect((performance.now() - started) / 1_000_000).toBeLessThan(0.02);
    const [early, late] = [5000, windows - 1];
    const seen = [mixture.at(early), mixture.at(late)];
    expect([mixture.at(7_000), mixture.at(early)][1]).toEqual(seen[0]);
    mixture.at(2_000_000); // two blocks are kept, so the last has to be decided again
    expect(mixture.at(late)).toEqual(seen[1]);
  });

  it('refuses positions outside the run, and a dataset with a share and no window', () => {
    const random = randomCase(1);
    expect(() => open(random).at(random.windows)).toThrow(/no position/);
    const sources: MixtureSource[] = [{ datasetId: 'short', role: 'new', windows: 0 }];
    const definition = definitionOf([{ at: 0, share: 0 }, { at: 1, share: 0 }], { short: 1 }); // prettier-ignore
    expect(() => open({ sources, definition, windows: 5, seed: 1 })).toThrow(/nothing to train on/);
  });
});

/** One stream per case, read from its start. */
const opened = new WeakMap<Case, MixtureStream>();
function open1(random: Case): MixtureStream {
  const present = opened.get(random) ?? open(random);
  opened.set(random, present);
  return present;
}
