import type { MetricPoint, MetricSeries } from '../../shared/domain/run.ts';

/** A curve of a chart, as measured. */
export interface Curve {
  /** Tells it from others of the same name. */
  id?: string;
  label: string;
  /** A CSS custom property of the theme. */
  colour: string;
  /** Dashes tell curves of one colour apart. */
  dash?: number[];
  /** A limit or a level, not measurements: drawn without dots. */
  isLevel?: boolean;
  points: { x: number; y: number }[];
}

/** Points of one series by step, in their order. */
export function pointsOf(metrics: readonly MetricPoint[], series: MetricSeries): Curve['points'] {
  return metrics.filter((point) => point.series === series).map(({ step, value }) => ({ x: step, y: value }));
}

/** uPlot's columns: all x that occur, then a column of values a curve, with gaps where it was not measured. */
export function columnsOf(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const places = [...new Set(curves.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const rows = new Map(places.map((place, row) => [place, row]));
  const columns = curves.map(({ points }) => {
    const column = new Array<number | null>(places.length).fill(null);
    for (const { x, y } of points) column[rows.get(x)!] = y;
    return column;
  });
  return [places, ...columns];
}

/** The value at a place or, where it was not measured there, the last before it; null before the first. */
export function valueAt(column: readonly (number | null)[], index: number): number | null {
  return column.slice(0, index + 1).findLast((value) => value !== null) ?? null;
}

/** A line across a chart at one height, over the places that the curves cover. */
export function levelOf(label: string, colour: string, value: number, curves: readonly Curve[]): Curve {
  const places = curves.flatMap(({ points }) => points.map(({ x }) => x));
  const [first, last] = [Math.min(...places), Math.max(...places)];
  const points = places.length === 0 ? [] : [first, Math.max(last, first + 1)].map((x) => ({ x, y: value }));
  return { label, colour, dash: [4, 5], isLevel: true, points };
}
