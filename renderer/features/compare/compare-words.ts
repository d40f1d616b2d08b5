import type { Comparison, CURVE_AXES } from '../../../shared/contract/comparison.ts';
import type { MetricSeries } from '../../../shared/domain/run.ts';
import { bytes, change, count, DASH, duration, loss } from '../../ui/format.ts';

/** How a comparison is said. */

export type Verdict = Comparison['verdicts'][number];
export type Comparability = Comparison['comparability'];
export type Axis = (typeof CURVE_AXES)[number];

export const UNIT_WORDS = { nats: 'nats per token', bits: 'bits per byte', none: '' } as const;
export const MEASURE_WORDS = { gain: 'Gain', forgetting: 'Forgetting', drift: 'Drift' } as const;
export const VERDICT_WORDS = { better: 'better', worse: 'worse', 'cannot-tell': 'cannot tell' } as const;
export const VERDICT_TONES = { better: 'good', worse: 'bad', 'cannot-tell': '' } as const;

export const AXIS_WORDS: Record<Axis, string> = { step: 'step', tokens: 'tokens trained', time: 'seconds of training' };

export const SERIES_WORDS: Record<MetricSeries, { label: string; unit: string }> = {
  'loss.new': { label: 'Held-out loss on new', unit: 'nats per token' },
  'loss.old': { label: 'Held-out loss on old', unit: 'nats per token' },
  drift: { label: 'Drift from the base', unit: 'nats per token' },
  'loss.train': { label: 'Training loss', unit: 'nats per token' },
  learningRate: { label: 'Learning rate', unit: '' },
  gradientNorm: { label: 'Gradient norm', unit: '' },
  tokensPerSecond: { label: 'Speed', unit: 'tokens per second' },
  memory: { label: 'Memory', unit: 'bytes' },
};

/** The difference and its 95 % interval, as far as they are known. */
export function differenceWords({ difference, interval }: Verdict): string {
  if (difference === null) return DASH;
  return interval === null ? change(difference) : `${change(difference)} (${change(interval[0])} to ${change(interval[1])})`;
}

/** Why a verdict is what it is, for the tooltip and for who cannot tell. */
export function verdictReason({ verdict, reason, interval }: Verdict): string {
  if (reason !== null) return reason;
  if (interval === null) return 'No interval is known.';
  if (verdict === 'cannot-tell') return 'The interval is not clear of zero.';
  return 'The whole interval lies on one side of zero.';
}

/**
 * Series whose values mean the same in all of the runs. Losses and drift are recorded in nats per token, of each run's own text and tokenizer:
 * where the comparison is in another unit, or refuses a measure, their curves would mislead.
 */
export function comparableSeries({ unit, measures }: Comparability): MetricSeries[] {
  const isNats = unit === 'nats';
  const isShown: Record<MetricSeries, boolean> = {
    'loss.new': isNats && measures.includes('gain'),
    'loss.old': isNats && measures.includes('forgetting'),
    drift: isNats && measures.includes('drift'),
    'loss.train': isNats && measures.includes('gain'),
    learningRate: true,
    gradientNorm: true,
    tokensPerSecond: true,
    memory: true,
  };
  return (Object.keys(isShown) as MetricSeries[]).filter((series) => isShown[series]);
}

/** A value of a curve. */
export function seriesValue(series: MetricSeries, value: number | null): string {
  if (value === null) return DASH;
  if (series === 'learningRate') return value.toPrecision(3);
  if (series === 'memory') return bytes(value);
  return series === 'tokensPerSecond' ? count(Math.round(value)) : loss(value);
}

/** A place on an axis. */
export function axisValue(axis: Axis, value: number): string {
  return axis === 'time' ? duration(value) : count(Math.round(value));
}
