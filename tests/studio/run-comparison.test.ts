import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comparisonSchema, type Comparison, curveSchema } from '../../shared/contract/comparison.ts';
import { insertModel } from '../../main/store/models.ts';
import type { Writer } from '../../main/store/open-store.ts';
import { insertMetrics } from '../../main/store/runs.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { insertMeasuredRun } from '../support/measured-runs.ts';
import { storeOf } from '../support/measured-runs.ts';
import { configurationRecord, modelRecord } from '../support/run-records.ts';
import { openStudioAt } from '../support/workspace.ts';

let home: string;
let studio: Studio;
let store: Writer;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'strata-compare-'));
  studio = openStudioAt(home);
  store = storeOf(home);
  const before = { new: [3, 4, 5, 6], old: [2, 2, 3, 3] };
  insertMeasuredRun(store, { id: 'plain', before, after: { new: [2, 3, 4, 5], old: [2.5, 2.5, 3.5, 3.5] } });
  insertMeasuredRun(store, {
    id: 'replayed',
    before,
    after: { new: [2.2, 3.1, 4.2, 5.1], old: [2.1, 2.1, 3.1, 3.1] },
    configuration: { replayShare: 0.5 },
  });
  // On some documents better, on others worse.
  insertMeasuredRun(store, { id: 'mixed', before, after: { new: [1, 4, 3, 6], old: [3, 2, 4, 3] } });
  insertMeasuredRun(store, { id: 'undone', before, after: null });
  insertMeasuredRun(store, { id: 'earlier', before, after: { new: [2, 3, 4, 5.5], old: [2, 2, 3, 3] }, hasDocuments: false });
});
afterAll(async () => {
  store.close();
  await studio.close();
  await rm(home, { recursive: true });
});

const compare = async (runs: string[], more: { baseline?: string; gain?: number } = {}): Promise<Comparison> => {
  const { gain, baseline = null } = more;
  const comparison = await studio.comparison.compare({ runs, baseline, ...(gain === undefined ? {} : { gain }) });
  return comparisonSchema.parse(comparison);
};

describe('runs side by side', () => {
  it('have their gain and forgetting with errors, and the best of them are marked', async () => {
    const { points, comparability } = await compare(['plain', 'replayed', 'mixed', 'undone']);
    expect(comparability.unit).toBe('nats');
    expect(points.map(({ run }) => run)).toEqual(['plain', 'replayed', 'mixed']);
    // 10, 20, 30 and 40 tokens, every document a nat less.
    expect(points[0]!.gain!.value).toBeCloseTo(1, 12);
    expect(points[0]).toMatchObject({ gain: { error: 0.02 }, forgetting: { error: 0.01 }, drift: 0.5, isBest: true });
    expect(points[0]!.forgetting!.value).toBeCloseTo(0.5, 12);
    expect(points.map(({ isBest }) => isBest)).toEqual([true, true, false]);
  });

  it('differ in what is told, and in nothing else', async () => {
    const { differences } = await compare(['plain', 'replayed']);
    expect(Object.keys(differences).sort()).toEqual(['final.new', 'final.old', 'forgetting', 'gain', 'replayShare']);
    expect(differences.replayShare).toEqual([0.1, 0.5]);
  });

  it('that learnt other text have their forgetting and drift side by side, and no gain', async () => {
    const law = { id: 'law', name: 'law', role: 'new', hash: 'd'.repeat(64) } as const;
    const [, old] = configurationRecord().datasets;
    insertMeasuredRun(store, {
      ...{ id: 'law', configuration: { datasets: [law, old!] } },
      ...{ before: { new: [9, 9, 9, 9], old: [2, 2, 3, 3] }, after: { new: [8, 8, 8, 8], old: [2.1, 2.1, 3.1, 3.1] } },
    });
    const { points, comparability, differences } = await compare(['plain', 'law']);
    expect(Object.keys(differences).sort(), 'losses on other text are not told as a difference').toEqual([
      'datasets',
      'final.old',
      'forgetting',
    ]);
    expect(comparability.measures).toEqual(['forgetting', 'drift']);
    expect(points).toEqual([
      { run: 'plain', gain: null, forgetting: { value: expect.closeTo(0.5, 12), error: 0.01 }, drift: 0.5, isBest: false },
      { run: 'law', gain: null, forgetting: { value: expect.closeTo(0.1, 12), error: 0.01 }, drift: 0.5, isBest: false },
    ]);
    const { text } = await studio.runExport.export({ runs: ['plain', 'law'], format: 'report.html', baseline: null });
    expect(text).toContain('Held-out loss on old text by step');
    expect(text, 'other texts are not put on one axis').not.toContain('Held-out loss on new text by step');
  });

  it('are not one run named twice', async () => {
    await expect(compare(['plain', 'plain'])).rejects.toMatchObject({ code: 'BAD_INPUT', found: 'plain, plain' });
  });

  it('are refused where one is not there', async () => {
    await expect(compare(['plain', 'nobody'])).rejects.toMatchObject({ code: 'NOT_FOUND', found: 'nobody' });
  });
});

describe('against a baseline', () => {
  it('a run is better or worse where documents agree, and nobody can tell where they do not', async () => {
    const { verdicts } = await compare(['plain', 'replayed', 'mixed'], { baseline: 'plain' });
    const of = (run: string, measure: string): Comparison['verdicts'][number] =>
      verdicts.find((each) => each.run === run && each.measure === measure)!;
    expect(verdicts).toHaveLength(6);
    // 0.2, 0.1, 0.2 and 0.1 nats more on 10, 20, 30 and 40 tokens.
    expect(of('replayed', 'gain').difference).toBeCloseTo(-(2 + 2 + 6 + 4) / 100, 12);
    expect(of('replayed', 'gain').verdict).toBe('worse');
    expect(of('replayed', 'forgetting')).toMatchObject({ verdict: 'better', reason: null });
    expect(of('replayed', 'forgetting').interval![0]).toBeCloseTo(-0.4, 12); // the same on all documents: no doubt at all
    expect(of('replayed', 'forgetting').interval![1]).toBeCloseTo(-0.4, 12);
    expect(of('mixed', 'gain').verdict).toBe('cannot-tell');
    expect(of('mixed', 'gain').interval![0]).toBeLessThan(0);
    expect(of('mixed', 'gain').interval![1]).toBeGreaterThan(0);
    expect(of('mixed', 'drift')).toMatchObject({ difference: 0, verdict: 'cannot-tell' });
  });

  it('that has no measurement there is no verdict, and it is said why', async () => {
    const { verdicts } = await compare(['plain', 'undone'], { baseline: 'undone' });
    expect(verdicts.map(({ difference, verdict }) => [difference, verdict])).toEqual(Array(3).fill([null, 'cannot-tell']));
    expect(verdicts[0]!.reason).toBe('"undone" has no measurement at its end.');
  });

  it('whose documents were not kept there is a difference, and no verdict', async () => {
    const { verdicts } = await compare(['plain', 'earlier'], { baseline: 'plain' });
    expect(verdicts[0]).toMatchObject({ run: 'earlier', measure: 'gain', interval: null, verdict: 'cannot-tell' });
    expect(verdicts[0]!.difference).toBeCloseTo(-0.2, 12);
    expect(verdicts[0]!.reason).toMatch(/"earlier" no single documents/);
  });

  it('that is none of them the comparison is refused', async () => {
    await expect(compare(['plain', 'mixed'], { baseline: 'replayed' })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      allowed: 'plain, mixed',
    });
  });

  it('on another engine a difference within what engines agree to tells nothing', async () => {
    const near = { new: [2.00005, 3.00005, 4.00005, 5.00005], old: [2.5, 2.5, 3.5, 3.5] };
    insertMeasuredRun(store, { id: 'near', before: { new: [3, 4, 5, 6], old: [2, 2, 3, 3] }, after: near, engine: 'tensorflow-cpu' });
    const { verdicts, comparability } = await compare(['plain', 'near'], { baseline: 'plain' });
    expect(comparability.reasons[0]).toMatch(/different engines/);
    expect(verdicts[0]).toMatchObject({
      measure: 'gain',
      verdict: 'cannot-tell',
      reason: 'The difference is within what the two engines agree to.',
    });
  });
});

describe('at equal gain', () => {
  const before = { new: [4, 4, 4, 4], old: [2, 2, 2, 2] };
  beforeAll(() => {
    insertMeasuredRun(store, {
      ...{ id: 'fast', before, after: { new: [1, 1, 1, 1], old: [4, 4, 4, 4] } },
      course: [
        [0, 4, 2],
        [10, 2, 3],
        [40, 1, 4],
      ],
    });
    insertMeasuredRun(store, {
      ...{ id: 'slow', before, after: { new: [2.5, 2.5, 2.5, 2.5], old: [3.5, 3.5, 3.5, 3.5] } },
      course: [
        [0, 4, 2],
        [20, 3, 3],
        [40, 2.5, 3.5],
      ],
    });
    insertMeasuredRun(store, { id: 'astray', before, after: { new: [5, 5, 5, 5], old: [3, 3, 3, 3] } });
  });

  it('the run that seems to forget less at equal steps may forget more', async () => {
    const { matched } = await compare(['fast', 'slow']);
    expect(matched!.gain).toBe(1.5); // all that the slow one reached
    // The fast one is three quarters of the way to a gain of 2 then.
    expect(matched!.runs).toEqual([
      { run: 'fast', forgetting: 0.75, step: 7.5 },
      { run: 'slow', forgetting: 1.5, step: 40 },
    ]);
  });

  it('that was asked for, a run that never gained as much has none', async () => {
    const { matched } = await compare(['fast', 'slow', 'undone'], { gain: 2.5 });
    expect(matched!.runs).toEqual([
      { run: 'fast', forgetting: 1.5, step: 25 },
      { run: 'slow', forgetting: null, step: null },
      { run: 'undone', forgetting: null, step: null },
    ]);
  });

  it('is against what was measured before step 1 on the windows of the way, not on all of them', async () => {
    // Fewer windows, which happen to be easier: half a nat, in both.
    insertMeasuredRun(store, {
      ...{ id: 'partly', before: { new: [4, 4, 4, 4], old: [2, 2, 2, 2] }, after: { new: [1, 1, 1, 1], old: [4, 4, 4, 4] } },
      course: [
        [0, 3.5, 1.5],
        [20, 1.5, 2.5],
        [40, 0.5, 3.5],
      ],
    });
    expect((await compare(['partly', 'slow'])).matched!.runs[0]).toEqual({ run: 'partly', forgetting: 0.75, step: 15 });
  });

  it('of a run that was rolled back ends with the state that is left', async () => {
    const course: [number, number, number][] = [
      [0, 4, 2],
      [10, 3, 3],
      [20, 1, 9],
    ];
    const all = { before: { new: [4, 4, 4, 4], old: [2, 2, 2, 2] }, after: { new: [3, 3, 3, 3], old: [3, 3, 3, 3] }, course };
    insertMeasuredRun(store, { ...all, id: 'rolled-back', stepsDone: 10 });
    insertMeasuredRun(store, { ...all, id: 'rolled-back-to-the-base', stepsDone: 0 });
    const { matched } = await compare(['rolled-back', 'slow', 'rolled-back-to-the-base'], { gain: 1.25 });
    expect(matched!.runs.map(({ forgetting }) => forgetting)).toEqual([null, 1.25, null]);
    expect((await compare(['rolled-back', 'slow'])).matched!.gain).toBe(1);
  });

  it('nothing is told where a run gained nothing', async () => {
    const { matched, comparability } = await compare(['fast', 'astray']);
    expect(matched).toBeNull();
    expect(comparability.reasons).toEqual([expect.stringMatching(/no gain that all runs reached/)]);
  });
});

describe('with other tokenizers', () => {
  const configuration = { baseModel: { id: 'other-base', name: 'other', hash: 'e'.repeat(64) } };

  it('runs are compared in bits per byte of the same text', async () => {
    for (const [id, tokenizer] of [
      ['base-1', '{"a":1}'],
      ['other-base', '{"b":2}'],
    ] as const) {
      const path = join(home, 'models', id);
      await mkdir(path, { recursive: true });
      await writeFile(join(path, 'tokenizer.json'), tokenizer);
      insertModel(store, modelRecord({ id, name: id, path }));
    }
    // Twice as many tokens of half the bytes, each with half the loss: the same text, equally well predicted.
    insertMeasuredRun(store, {
      ...{ id: 'finer', configuration, tokens: [20, 40, 60, 80], bytesPerToken: 2 },
      ...{ before: { new: [1.5, 2, 2.5, 3], old: [1, 1, 1.5, 1.5] }, after: { new: [1, 1.5, 2, 2.5], old: [1.25, 1.25, 1.75, 1.75] } },
    });
    const { comparability, points, verdicts, matched } = await compare(['plain', 'finer'], { baseline: 'plain' });
    expect(comparability.unit).toBe('bits');
    // 100 nats of 400 bytes.
    expect(points[0]!.gain!.value).toBeCloseTo(100 / 400 / Math.LN2, 12);
    expect(points[1]!.gain!.value).toBeCloseTo(100 / 400 / Math.LN2, 12);
    expect(points[0]!.gain!.error).toBeCloseTo(0.02 / 4 / Math.LN2, 12);
    expect(verdicts.map(({ measure, verdict }) => [measure, verdict])).toEqual([
      ['gain', 'cannot-tell'],
      ['forgetting', 'cannot-tell'],
      ['drift', 'worse'], // 0.5 nats for each of twice as many tokens
    ]);
    expect(matched!.runs.map(({ forgetting }) => forgetting)).toEqual([
      expect.closeTo(50 / 400 / Math.LN2, 9),
      expect.closeTo(50 / 400 / Math.LN2, 9),
    ]);
  });

  it('nothing is compared on other versions of the data, and the reason is told', async () => {
    const datasets = [
      { id: 'code-2', name: 'code 2', role: 'new' as const, hash: '1'.repeat(64) },
      { id: 'stories-2', name: 'stories 2', role: 'old' as const, hash: '2'.repeat(64) },
    ];
    const before = { new: [3, 4, 5, 6], old: [2, 2, 3, 3] };
    insertMeasuredRun(store, { id: 'elsewhere', configuration: { datasets }, before, after: before });
    const comparison = await compare(['plain', 'elsewhere'], { baseline: 'plain' });
    expect(comparison).toMatchObject({ comparability: { unit: 'none', measures: [] }, points: [], matched: null, verdicts: [] });
    expect(comparison.comparability.reasons).toHaveLength(2);
  });
});

describe('curves', () => {
  it('lie on steps, tokens or the seconds that their steps took', () => {
    // A step is 4 windows of 32 tokens; the first ten take a second each, the next half of one.
    const speeds = Array.from({ length: 40 }, (_, index) => ({
      step: index + 1,
      series: 'tokensPerSecond' as const,
      value: index < 10 ? 128 : 256,
    }));
    insertMetrics(store, 'fast', speeds);
    const on = (axis: 'step' | 'tokens' | 'time'): number[] =>
      studio.comparison.curves({ runs: ['fast'], series: ['loss.new'], axis, points: 400 })[0]!.x;
    expect(on('step')).toEqual([0, 10, 40]);
    expect(on('tokens')).toEqual([0, 1280, 5120]);
    expect(on('time')).toEqual([0, 10, 25]);
    // Without notes of the speed: 80 seconds for 40 steps.
    expect(studio.comparison.curves({ runs: ['slow'], series: ['loss.new'], axis: 'time', points: 400 })[0]!.x).toEqual([0, 40, 80]);
  });

  it('are thinned, and left out where a run has none; values that are no numbers are no points', () => {
    const points = Array.from({ length: 5000 }, (_, index) => ({ step: index + 1, series: 'loss.train' as const, value: Math.sin(index) }));
    points[1234]!.value = 77;
    points[2000]!.value = Infinity;
    insertMetrics(store, 'plain', points);
    const curves = studio.comparison.curves({ runs: ['plain', 'slow'], series: ['loss.train', 'loss.old'], axis: 'step', points: 100 });
    expect(curves.map(({ run, series }) => [run, series])).toEqual([
      ['plain', 'loss.train'],
      ['plain', 'loss.old'],
      ['slow', 'loss.old'],
    ]);
    expect(curves.every((curve) => curveSchema.safeParse(curve).success)).toBe(true);
    expect(curves[0]!.x.length).toBeLessThanOrEqual(100);
    expect(curves[0]!.x[curves[0]!.y.indexOf(77)]).toBe(1235);
    expect(Math.max(...curves[0]!.y)).toBe(77);
  });
});
