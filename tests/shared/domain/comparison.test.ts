import { describe, expect, it } from 'vitest';
import { bitsPerNat, type ComparedRun, comparabilityOf } from '../../../shared/domain/comparability.ts';
import { atGain, type CoursePoint } from '../../../shared/domain/matched-gain.ts';
import { randomStream } from '../../../shared/domain/random.ts';
import { thin } from '../../../shared/domain/thinning.ts';
import { bestTradeOffs, type TradeOff } from '../../../shared/domain/trade-off.ts';
import { verdictOf } from '../../../shared/domain/verdict.ts';
import type { DatasetMeasure } from '../../../shared/domain/measurement.ts';
import { configurationRecord } from '../../support/run-records.ts';

describe('the best trades', () => {
  /** By walking over points in order of forgetting, and keeping those that gain more than all before. */
  function byWalking(points: readonly TradeOff[]): boolean[] {
    const known = points.filter((point): point is { gain: number; forgetting: number } => point.forgetting !== null);
    const order = known.toSorted((a, b) => a.forgetting - b.forgetting || b.gain - a.gain);
    const front: { gain: number; forgetting: number }[] = [];
    for (const point of order) if (front.length === 0 || point.gain > front.at(-1)!.gain) front.push(point);
    return points.map((point) => front.some(({ gain, forgetting }) => gain === point.gain && forgetting === point.forgetting));
  }

  it('are those that nothing beats in both, as a walk along the front finds them', () => {
    const random = randomStream(7);
    for (let round = 0; round < 200; round++) {
      const points = Array.from({ length: 1 + Math.floor(random() * 12) }, () => ({
        gain: Math.floor(random() * 6),
        forgetting: random() < 0.1 ? null : Math.floor(random() * 6),
      }));
      expect(bestTradeOffs(points)).toEqual(byWalking(points));
    }
  });

  it('are both of two that are equal, and never one without gain or forgetting', () => {
    expect(
      bestTradeOffs([
        { gain: 1, forgetting: 0 },
        { gain: 1, forgetting: 0 },
        { gain: 9, forgetting: null },
        { gain: null, forgetting: -9 },
      ]),
    ).toEqual([true, true, false, false]);
  });
});

describe('forgetting at equal gain', () => {
  /** Gain 1 - e^-t and forgetting t^2 / 100, measured often enough that straight lines between are the curve. */
  const smooth = (every: number): CoursePoint[] =>
    Array.from({ length: Math.floor(400 / every) + 1 }, (_, index) => {
      const time = (index * every) / 100;
      return { step: index * every, gain: 1 - Math.exp(-time), forgetting: time ** 2 / 100 };
    });

  it('is what the course itself has there', () => {
    for (const gain of [0.1, 0.5, 0.9]) {
      const time = -Math.log(1 - gain);
      const reached = atGain(smooth(1), gain)!;
      expect(reached.step).toBeCloseTo(100 * time, 1);
      expect(reached.forgetting).toBeCloseTo(time ** 2 / 100, 5);
    }
  });

  it('is a measurement itself where one was made at just that gain', () => {
    const course = smooth(50);
    expect(atGain(course, course[3]!.gain)).toEqual({ step: 150, forgetting: course[3]!.forgetting });
  });

  it('is halfway in all between two measurements, at the first time that the gain is reached', () => {
    const course = [
      { step: 0, gain: 0, forgetting: 0 },
      { step: 10, gain: 2, forgetting: 4 },
      { step: 20, gain: 0.5, forgetting: 8 },
      { step: 30, gain: 3, forgetting: 1 },
    ];
    expect(atGain(course, 1)).toEqual({ step: 5, forgetting: 2 });
  });

  it('is not known of a run that never gained as much, or was measured at the end alone', () => {
    expect(atGain(smooth(10), 0.99)).toBeNull();
    expect(atGain([], 0.1)).toBeNull();
    expect(atGain([{ step: 40, gain: 1, forgetting: 1 }], 0.5)).toBeNull();
  });
});

describe('a verdict', () => {
  it.each([
    ['gain', [0.1, 0.2], 'better'],
    ['gain', [-0.2, -0.1], 'worse'],
    ['gain', [-0.1, 0.2], 'cannot-tell'],
    ['gain', [0, 0.2], 'cannot-tell'],
    ['forgetting', [0.1, 0.2], 'worse'],
    ['forgetting', [-0.2, -0.1], 'better'],
    ['drift', [-0.2, -0.1], 'better'],
    ['drift', null, 'cannot-tell'],
  ] as const)('of %s in %j is %s', (measure, interval, verdict) => {
    expect(verdictOf(measure, { interval: interval && [...interval] })).toBe(verdict);
  });

  it('is none where the difference is within what measuring may be off by', () => {
    expect(verdictOf('gain', { interval: [1e-5, 3e-4] }, 2e-4)).toBe('cannot-tell');
    expect(verdictOf('gain', { interval: [2.1e-4, 3e-4] }, 2e-4)).toBe('better');
    expect(verdictOf('gain', { interval: [-3e-4, -2.1e-4] }, 2e-4)).toBe('worse');
  });
});

describe('a thinned curve', () => {
  it('keeps its ends, its order and its extremes, also when it is thinned again', () => {
    const random = randomStream(3);
    for (const length of [1, 2, 9, 10, 11, 500, 9999]) {
      const x = Array.from({ length }, (_, index) => 3 * index);
      const y = x.map(() => random());
      y[Math.floor(length / 3)] = 50;
      y[Math.floor(length / 2)] = -50;
      const original = new Map(x.map((each, index) => [each, y[index]]));
      for (const most of [10, 11, 400]) {
        const once = thin({ x, y }, Math.max(most, 400));
        for (const thinned of [once, thin(once, most), thin({ x, y }, most)]) {
          expect(thinned.x.length).toBeLessThanOrEqual(Math.max(most, thinned === once ? 400 : most));
          expect([thinned.x[0], thinned.x.at(-1)]).toEqual([x[0], x.at(-1)]);
          expect(thinned.x).toEqual(thinned.x.toSorted((a, b) => a - b));
          expect(thinned.y).toEqual(thinned.x.map((each) => original.get(each)));
          expect([Math.min(...thinned.y), Math.max(...thinned.y)]).toEqual([Math.min(...y), Math.max(...y)]);
        }
      }
    }
  });

  it('is the curve itself where that is short enough', () => {
    const points = { x: [1, 2, 3], y: [9, 8, 7] };
    expect(thin(points, 10)).toEqual(points);
  });
});

describe('in what runs can be compared', () => {
  const measure = (changes: Partial<DatasetMeasure>): DatasetMeasure => ({
    ...{ datasetId: 'code-1', name: 'code', hash: 'b', role: 'new', tokens: 100, bytes: 400, documents: 4, coverage: 1 },
    ...{ loss: { value: 2, error: null }, bitsPerByte: { value: 0.7, error: null }, agreement: null, drift: null, shift: null },
    ...changes,
  });
  const run = (changes: Partial<ComparedRun> = {}, configuration: Parameters<typeof configurationRecord>[0] = {}): ComparedRun => ({
    name: 'a',
    configuration: configurationRecord(configuration),
    tokenizer: 't1',
    engine: 'wasm',
    baseline: {
      new: { loss: 2, tokens: 100 },
      old: { loss: 3, tokens: 200 },
      drift: null,
      datasets: [measure({}), measure({ datasetId: 'stories-1', role: 'old', tokens: 200, bytes: 700 })],
    },
    ...changes,
  });
  const [code, stories] = configurationRecord().datasets as [
    ComparedRun['configuration']['datasets'][0],
    ComparedRun['configuration']['datasets'][0],
  ];
  const otherBase = { baseModel: { id: 'other', name: 'other', hash: 'x'.repeat(64) } };

  it('is nats where text, tokenizer and windows are the same, however documents are packed for training', () => {
    expect(comparabilityOf([run(), run({ name: 'b' }, { packing: 'documents' })])).toEqual({
      unit: 'nats',
      measures: ['gain', 'forgetting', 'drift'],
      reasons: [],
    });
  });

  it('is nats, with what to mind, for other models of one tokenizer and for other engines', () => {
    const { unit, reasons } = comparabilityOf([run(), run({ engine: 'tensorflow-cpu' }, otherBase)]);
    expect(unit).toBe('nats');
    expect(reasons).toEqual([expect.stringMatching(/start from different models/), expect.stringMatching(/wasm, tensorflow-cpu.*0\.0001/)]);
  });

  it('is nothing for windows taken in another order, unless all of them were', () => {
    const [first, spread] = [undefined, 'spread' as const].map((order) => ({ everySteps: 20, tokens: 100, ...(order && { order }) }));
    const part = { new: { loss: 2, tokens: 50 }, old: null, drift: null, datasets: [measure({ tokens: 50, coverage: 0.5 })] };
    const of = (evaluation: typeof first, changes: Partial<ComparedRun>): ComparedRun => run(changes, { evaluation, datasets: [code] });
    expect(comparabilityOf([of(first, { baseline: part }), of(spread, { baseline: part })])).toMatchObject({
      unit: 'none',
      reasons: [expect.stringMatching(/first windows.*windows from all of it/), expect.any(String)],
    });
    expect(comparabilityOf([of(spread, { baseline: part }), of(spread, { baseline: part })]).measures).toEqual(['gain']);
    expect(comparabilityOf([of(first, {}), of(spread, {})]).measures).toEqual(['gain']);
  });

  it.each([
    ['another one', 't2'],
    ['one that is not known any more', null],
  ])('is bits per byte for %s', (_, tokenizer) => {
    const other = run({ tokenizer }, otherBase);
    other.baseline!.new.tokens = 90; // in other pieces
    expect(comparabilityOf([run(), other])).toMatchObject({ unit: 'bits', measures: ['gain', 'forgetting', 'drift'] });
  });

  it('is nothing across tokenizers where the bytes were not counted, or are not the same', () => {
    const uncounted = run({ tokenizer: 't2', baseline: { ...run().baseline!, datasets: undefined } }, otherBase);
    expect(comparabilityOf([run(), uncounted])).toMatchObject({
      unit: 'none',
      reasons: [/bits per byte of "a"/, /bits per byte/].map((text) => expect.stringMatching(text)),
    });
    const part = run({ tokenizer: 't2' }, otherBase);
    part.baseline!.datasets![0]!.bytes = 300;
    expect(comparabilityOf([run(), part])).toMatchObject({
      unit: 'bits',
      measures: ['forgetting', 'drift'],
      reasons: expect.arrayContaining([expect.stringMatching(/400 \/ 300 bytes/)]) as unknown,
    });
  });

  it.each([
    ['context', { context: 64 }, /32 \/ 64 tokens/],
    ['rendering', { rendering: { completions: 'chat', learn: 'all' } }, /rendered/],
  ] as const)('is nothing where %s differs', (_, changes, reason) => {
    const { unit, measures, reasons } = comparabilityOf([run(), run({}, changes)]);
    expect([unit, measures]).toEqual(['none', []]);
    expect(reasons[0]).toMatch(reason);
  });

  it('leaves out what was measured on other versions of the data, and names them', () => {
    const newer = run({}, { datasets: [{ ...code, name: 'code 2', hash: 'f'.repeat(64) }, stories] });
    expect(comparabilityOf([run(), newer])).toMatchObject({ unit: 'nats', measures: ['forgetting', 'drift'] });
    expect(comparabilityOf([run(), newer]).reasons[0]).toMatch(/Gain is not compared.*code bbbbbb, code 2 ffffff/);
    const both = run(
      {},
      {
        datasets: [
          { ...code, hash: 'f'.repeat(64) },
          { ...stories, hash: 'f'.repeat(64) },
        ],
      },
    );
    expect(comparabilityOf([run(), both])).toMatchObject({ unit: 'none', measures: [] });
  });

  it('leaves out what was measured on another part of the held-out text', () => {
    const part = run();
    part.baseline!.old!.tokens = 150;
    expect(comparabilityOf([run(), part])).toMatchObject({ measures: ['gain'], reasons: [expect.stringMatching(/200 \/ 150 tokens/)] });
  });

  it('minds runs without old data, and those that were not measured', () => {
    const alone = run({ name: 'alone' }, { datasets: [code] });
    expect(comparabilityOf([run(), alone])).toMatchObject({ measures: ['gain'], reasons: [expect.stringMatching(/fewer than two.*old/)] });
    expect(comparabilityOf([run(), run(), alone]).reasons).toEqual([expect.stringMatching(/no forgetting: "alone"/)]);
    expect(comparabilityOf([run(), run({ name: 'new', baseline: null })]).reasons).toEqual([expect.stringMatching(/left out: "new"/)]);
  });

  it('turns nats per token into bits per byte', () => {
    // 200 tokens stand for 700 bytes; 1 nat per token is 200 / ln 2 bits in all.
    expect(bitsPerNat(run().baseline!, 'old')).toBeCloseTo(200 / Math.log(2) / 700, 12);
    expect(bitsPerNat({ ...run().baseline!, datasets: [] }, 'old')).toBeNull();
  });
});
