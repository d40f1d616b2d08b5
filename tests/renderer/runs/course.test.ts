import { expect, it } from 'vitest';
import { lastStepOf, MOST_POINTS, withMore } from '../../../renderer/features/runs/course.ts';
import type { MetricPoint, MetricSeries } from '../../../shared/domain/run.ts';

const row = (series: MetricSeries, first: number, last: number): MetricPoint[] =>
  Array.from({ length: last - first + 1 }, (_, index) => ({ series, step: first + index, value: Math.sin(first + index) }));

it('puts what is new behind what is there, series by series, and keeps no series without end', () => {
  let metrics: MetricPoint[] = [];
  for (let step = 1; step < 20_000; step += 100)
    metrics = withMore(metrics, [...row('loss.train', step, step + 99), ...row('loss.new', step, step)]);
  const train = metrics.filter(({ series }) => series === 'loss.train');
  expect(train.length).toBeLessThanOrEqual(2 * MOST_POINTS);
  expect([train[0]!.step, train.at(-1)!.step]).toEqual([1, 20_000]);
  const steps = train.map(({ step }) => step);
  expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
  expect(metrics.filter(({ series }) => series === 'loss.new')).toHaveLength(200);
  expect([lastStepOf(metrics, 'loss.train'), lastStepOf(metrics, 'drift')]).toEqual([20_000, -1]);
});
