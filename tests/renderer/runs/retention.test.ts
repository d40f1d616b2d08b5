import { expect, test } from 'vitest';
import { measuredDatasets } from '../../../renderer/features/runs/measured-datasets.ts';
import { allowedLoss, restsOn, retentionCurves, viewsOf } from '../../../renderer/features/runs/retention.ts';
import type { DatasetMeasure, MeasuredRole } from '../../../shared/domain/measurement.ts';
import type { Evaluation, MetricPoint, MetricSeries } from '../../../shared/domain/run.ts';

function measure(name: string, role: MeasuredRole, loss: number): DatasetMeasure {
  const estimate = { value: loss, error: 0.01 };
  return {
    ...{ datasetId: `${name}-id`, name, hash: 'h', role, tokens: 100, bytes: 400, documents: 4, coverage: 1 },
    ...{ loss: estimate, bitsPerByte: estimate, agreement: null, drift: null, shift: null },
  };
}
const points = (series: MetricSeries, ...values: number[]): MetricPoint[] =>
  values.map((value, index) => ({ step: index * 10, series, value }));

const METRICS = [...points('loss.new', 5, 4, 3), ...points('loss.old', 2, 2.5, 2.2), ...points('drift', 0.1)];
const MEASUREMENTS = [
  { step: 0, datasets: [measure('laws', 'new', 5), measure('tales', 'old', 2), measure('plays', 'old', 3)] },
  { step: 20, datasets: [measure('laws', 'new', 3), measure('tales', 'old', 2.2), measure('plays', 'old', 3.1)] },
];
const COURSE = { metrics: METRICS, measurements: MEASUREMENTS, guard: undefined };

test('old and new are drawn with the level before, and with the limit where there is one', () => {
  const labels = (guard?: Parameters<typeof allowedLoss>[0]): string[] =>
    retentionCurves('roles', { ...COURSE, guard }).map(({ label }) => label);
  expect(labels()).toEqual(['new', 'old', 'old, before']);
  const guard = { measure: 'percent', limit: 5, action: 'warn', fromStart: false } as const;
  expect(labels(guard)).toEqual(['new', 'old', 'old, before', 'the limit']);
  const limit = retentionCurves('roles', { ...COURSE, guard }).at(-1)!;
  expect(limit.points.map(({ y }) => y)).toEqual([2.1, 2.1]);
  expect(limit.points.map(({ x }) => x)).toEqual([0, 20]);
  expect(labels({ ...guard, measure: 'drift' })).not.toContain('the limit');
  expect(allowedLoss({ ...guard, measure: 'loss', limit: 0.05 }, 2)).toBeCloseTo(2.05);
});

test('each dataset has a curve of its own, told apart by dashes within its role', () => {
  const curves = retentionCurves('datasets', COURSE);
  expect(curves.map(({ label, points: at }) => [label, at.map(({ x, y }) => [x, y])])).toEqual([
    [
      'laws (new)',
      [
        [0, 5],
        [20, 3],
      ],
    ],
    [
      'tales (old)',
      [
        [0, 2],
        [20, 2.2],
      ],
    ],
    [
      'plays (old)',
      [
        [0, 3],
        [20, 3.1],
      ],
    ],
  ]);
  expect(curves[1]!.colour).toBe(curves[2]!.colour);
  expect(curves[1]!.dash).not.toEqual(curves[2]!.dash);
});

test('views that would show nothing are not offered', () => {
  expect(viewsOf(COURSE)).toEqual(['sides', 'roles', 'datasets', 'drift']);
  expect(viewsOf({ metrics: points('loss.new', 1), measurements: [] })).toEqual(['sides', 'roles']);
});

test('the table has each dataset before and now; without a measurement before step 1 there is nothing to compare with', () => {
  const run = { baseline: null, watchedBaseline: null, final: null };
  expect(measuredDatasets(run, MEASUREMENTS).map(({ now, before }) => [now.name, before?.loss.value, now.loss.value])).toEqual([
    ['laws', 5, 3],
    ['tales', 2, 2.2],
    ['plays', 3, 3.1],
  ]);
  expect(measuredDatasets(run, [{ step: 20, datasets: [measure('tales', 'old', 2), measure('laws', 'new', 3)] }])).toMatchObject([
    { now: { name: 'laws' }, before: null },
    { now: { name: 'tales' }, before: null },
  ]);
  expect(measuredDatasets(run, [])).toEqual([]);
  expect(measuredDatasets(run, [{ step: 0, datasets: [measure('laws', 'new', 3)] }]), 'nothing is compared with itself').toMatchObject([
    { now: { name: 'laws' }, before: null },
  ]);
});

test('the table compares what was measured on the way with what the base made of the same text', () => {
  const evaluation = (loss: number, tokens: number): Evaluation => ({
    ...{ new: { loss, tokens }, old: null, drift: null },
    datasets: [{ ...measure('laws', 'new', loss), tokens }],
  });
  const [whole, watched, onTheWay, end] = [evaluation(6.284, 8160), evaluation(6.476, 4080), evaluation(3.064, 4080), evaluation(3, 8160)];
  const lossesOf = (final: Evaluation | null, ...measured: Evaluation[]): unknown[] =>
    measuredDatasets(
      { baseline: whole, watchedBaseline: watched, final },
      measured.map(({ datasets }, index) => ({ step: index * 10, datasets: datasets! })),
    ).map(({ before, now }) => [before?.loss.value, now.loss.value]);
  expect(lossesOf(null, whole, onTheWay)).toEqual([[6.476, 3.064]]);
  expect(lossesOf(null, whole, onTheWay, end), 'at the end, before it is saved').toEqual([[6.284, 3]]);
  expect(lossesOf(end, whole, onTheWay, end)).toEqual([[6.284, 3]]);
});

test('results are said to rest on more text than the course only once they do', () => {
  const evaluation = { everySteps: 10, tokens: 4096, tokensAtEnds: 8192 };
  expect(restsOn(evaluation, false)).toMatch(/^On the way, on at most 4,096 .* will rest on more, at most 8,192\.$/);
  expect(restsOn(evaluation, true)).toMatch(/above and below rest on more, at most 8,192\.$/);
  expect(restsOn({ ...evaluation, tokensAtEnds: 4096 }, true)).toBeNull();
});
