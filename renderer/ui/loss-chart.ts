import type { MetricPoint, MetricSeries } from '../../shared/domain/run.ts';

/** A curve of a chart: values by step, as measured. */
export interface Curve {
  label: string;
  /** A CSS custom property of the theme. */
  colour: string;
  /** Dashes tell curves of one colour apart. */
  dash?: number[];
  points: { step: number; value: number }[];
}

/** Points of one series, in the order of steps. */
export function pointsOf(metrics: readonly MetricPoint[], series: MetricSeries): Curve['points'] {
  return metrics.filter((point) => point.series === series).map(({ step, value }) => ({ step, value }));
}

/** uPlot's columns: all steps that occur, then a column of values a curve, with gaps where it was not measured. */
export function columnsOf(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap(({ points }) => points.map(({ step }) => step)))].sort((a, b) => a - b);
  const columns = curves.map(({ points }) => {
    const byStep = new Map(points.map(({ step, value }) => [step, value]));
    return steps.map((step) => byStep.get(step) ?? null);
  });
  return [steps, ...columns];
}
