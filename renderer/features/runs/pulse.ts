import type { MetricPoint, MetricSeries } from '../../../shared/domain/run.ts';
import { thin } from '../../../shared/domain/thinning.ts';
import { words } from '../../../shared/words/words.ts';
import { bytes, count, DASH, inPowers, loss } from '../../ui/format.ts';
import { lastStepOf, type STEP_SERIES } from './course.ts';

/** Figures of the steps of a run: how fast, how much memory, and what the optimizer does. */
export type PulseSeries = (typeof STEP_SERIES)[number];

export interface Pulse {
  series: PulseSeries;
  label: string;
  /** What the axis of its chart says. */
  unit: string;
  value: string;
  /** What the value is of. */
  detail: string;
  /** For the small picture. */
  course: number[];
}

/** A small picture has no room for more. */
const SPARK_POINTS = 60;

export function writtenAs(series: PulseSeries, value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  switch (series) {
    case 'tokensPerSecond':
      return words('training.speedValue', { value: count(Math.round(value)) });
    case 'memory':
      return bytes(value);
    case 'learningRate':
      return inPowers(value, 2);
    default:
      return loss(value);
  }
}

/** @param facts of the run as a whole, where they are known. */
export function pulses(metrics: readonly MetricPoint[], facts: { tokensPerSecond: number | null; peakMemory: number | null }): Pulse[] {
  const valuesOf = (series: MetricSeries): number[] => metrics.filter((point) => point.series === series).map(({ value }) => value);
  const pulse = (series: PulseSeries, label: string, unit: string): Pulse => {
    const values = valuesOf(series);
    const { y } = thin({ x: values.map((_, index) => index), y: values }, SPARK_POINTS);
    return { series, label, unit, value: writtenAs(series, values.at(-1)), detail: words('training.lastStep'), course: y };
  };
  const speed = pulse('tokensPerSecond', words('training.speed'), words('training.speedUnit'));
  const memory = pulse('memory', words('training.memoryShort'), words('training.memoryUnit'));
  const peak = Math.max(facts.peakMemory ?? 0, ...valuesOf('memory'));
  return [
    pulse('loss.train', words('training.loss'), words('terms.natsPerToken')),
    {
      ...speed,
      ...(facts.tokensPerSecond ? { value: writtenAs('tokensPerSecond', facts.tokensPerSecond), detail: words('training.mean') } : {}),
    },
    { ...memory, detail: peak > 0 ? words('training.peak', { bytes: bytes(peak) }) : '' },
    pulse('learningRate', words('training.rate'), words('training.rateUnit')),
    pulse('gradientNorm', words('training.norm'), words('training.normUnit')),
  ];
}

/** Whether a step has been trained. */
export function hasSteps(metrics: readonly MetricPoint[]): boolean {
  return lastStepOf(metrics, 'loss.train') > 0;
}
