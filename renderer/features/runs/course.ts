import type { MetricPoint, MetricSeries } from '../../../shared/domain/run.ts';
import { thin } from '../../../shared/domain/thinning.ts';

/** Points of a run as its page keeps them: what has been added is put behind what is there, and no series grows without end. */

/** A chart on a page has fewer pixels than this; twice as many are kept before a series is thinned again. */
export const MOST_POINTS = 1000;

/** Series of held-out text, which come with a measurement; the others come with steps. */
export const MEASURED_SERIES = ['loss.new', 'loss.old', 'drift'] as const satisfies readonly MetricSeries[];
export const STEP_SERIES = [
  'loss.train',
  'learningRate',
  'gradientNorm',
  'tokensPerSecond',
  'memory',
] as const satisfies readonly MetricSeries[];

/** With points behind those that are there, each series thinned when it has become too long. */
export function withMore(metrics: readonly MetricPoint[], more: readonly MetricPoint[]): MetricPoint[] {
  const all = [...metrics, ...more];
  return [...Map.groupBy(all, ({ series }) => series)].flatMap(([series, points]) => {
    if (points.length <= 2 * MOST_POINTS) return points;
    const { x, y } = thin({ x: points.map(({ step }) => step), y: points.map(({ value }) => value) }, MOST_POINTS);
    return x.map((step, index): MetricPoint => ({ series, step, value: y[index]! }));
  });
}

/** The last step that a series is known at; -1 before the first. */
export function lastStepOf(metrics: readonly MetricPoint[], series: MetricSeries): number {
  return metrics.findLast((point) => point.series === series)?.step ?? -1;
}
