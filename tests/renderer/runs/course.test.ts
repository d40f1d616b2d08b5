import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { RunCourse } from '../../../renderer/features/runs/course.svelte.ts';
import { lastStepOf, MOST_POINTS, withMore } from '../../../renderer/features/runs/course.ts';
import type { RunEvent } from '../../../shared/contract/runs.ts';
import type { MetricPoint, MetricSeries } from '../../../shared/domain/run.ts';
import type { Client } from '../../../renderer/client/client.ts';

// Outside of a page a field is a plain field.
beforeAll(() => vi.stubGlobal('$state', { raw: <Value>(value: Value): Value => value }));
afterAll(() => vi.unstubAllGlobals());

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

/** A client over rows that grow, which remembers what it was asked for. */
function recorder(): { client: Client; asked: string[]; metrics: MetricPoint[] } {
  const asked: string[] = [];
  const metrics: MetricPoint[] = [];
  const runs = {
    metrics: ({ series, afterStep = -1 }: { series?: string[]; afterStep?: number }) => {
      asked.push(`${series?.[0] ?? 'all'} after ${afterStep}`);
      return Promise.resolve(metrics.filter((point) => point.step > afterStep && (series?.includes(point.series) ?? true)));
    },
    measurements: ({ afterStep = -1 }: { afterStep?: number }) =>
      Promise.resolve(
        metrics.filter(({ series, step }) => series === 'loss.new' && step > afterStep).map(({ step }) => ({ step, datasets: [] })),
      ),
    samples: () => Promise.resolve({ prompts: [], samples: [] }),
    windows: () => Promise.resolve(null),
  };
  return { client: { runs } as unknown as Client, asked, metrics };
}

const event = (step: number, evaluationStep: number): RunEvent =>
  ({ step, evaluationStep, sampledStep: null, windows: { total: step, counts: [step], last: [0] } }) as unknown as RunEvent;

it('fetches all once and then only what has been added; a run that went back is fetched anew', async () => {
  const { client, asked, metrics } = recorder();
  metrics.push(...row('loss.new', 0, 0), ...row('loss.train', 1, 10));
  const course = new RunCourse(() => client, 'run');
  await course.load();
  metrics.push(...row('loss.new', 15, 15), ...row('loss.train', 11, 20));
  expect(await course.follow(event(20, 15))).toBe(true);
  expect(asked).toEqual(['all after -1', 'loss.new after 0', 'loss.train after 10']);
  expect(await course.follow(event(21, 15))).toBe(false);
  expect(asked).toHaveLength(3); // steps at most once a second
  expect(course.measurements.map(({ step }) => step)).toEqual([0, 15]);
  expect(course.metrics.filter(({ series }) => series === 'loss.train').map(({ step }) => step)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  expect(course.windows!.total).toBe(21);
  await course.follow(event(8, 0));
  expect(asked.at(-1)).toBe('all after -1');
});
