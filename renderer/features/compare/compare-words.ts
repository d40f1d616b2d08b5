import type { Comparison, CURVE_AXES } from '../../../shared/contract/comparison.ts';
import type { MetricSeries } from '../../../shared/domain/run.ts';
import type { ComparedMeasure } from '../../../shared/domain/verdict.ts';
import { locale, words } from '../../../shared/words/words.ts';
import { bytes, change, count, DASH, loss } from '../../ui/format.ts';

/** How a comparison is said. */

export type Verdict = Comparison['verdicts'][number];
export type Comparability = Comparison['comparability'];
export type Axis = (typeof CURVE_AXES)[number];

export function unitWords(unit: Comparability['unit']): string {
  if (unit === 'none') return '';
  return unit === 'nats' ? words('terms.natsPerToken') : words('terms.bitsPerByte');
}

/** What is measured, as a heading. */
export function measureWords(measure: ComparedMeasure): string {
  return { gain: words('terms.gain'), forgetting: words('terms.forgetting'), drift: words('terms.drift') }[measure];
}

/** What is measured, within a sentence. */
export function measureInText(measure: ComparedMeasure): string {
  return { gain: words('terms.gainInText'), forgetting: words('terms.forgettingInText'), drift: words('terms.driftInText') }[measure];
}

export function verdictWords(verdict: Verdict['verdict']): string {
  return { better: words('terms.better'), worse: words('terms.worse'), 'cannot-tell': words('terms.cannotTell') }[verdict];
}
export const VERDICT_TONES = { better: 'good', worse: 'bad', 'cannot-tell': '' } as const;

/** What an axis is of. */
export function axisWords(axis: Axis): string {
  return { step: words('compare.axisStep'), tokens: words('compare.axisTokens'), time: words('compare.axisTime') }[axis];
}

/** Along what curves are drawn, to choose from. */
export function alongWords(axis: Axis): string {
  return { step: words('compare.byStep'), tokens: words('compare.byTokens'), time: words('compare.byTime') }[axis];
}

export function seriesWords(series: MetricSeries): { label: string; unit: string } {
  const nats = words('terms.natsPerToken');
  switch (series) {
    case 'loss.new':
      return { label: words('compare.seriesLossNew'), unit: nats };
    case 'loss.old':
      return { label: words('compare.seriesLossOld'), unit: nats };
    case 'drift':
      return { label: words('compare.seriesDrift'), unit: nats };
    case 'loss.train':
      return { label: words('compare.seriesLossTrain'), unit: nats };
    case 'learningRate':
      return { label: words('compare.seriesLearningRate'), unit: '' };
    case 'gradientNorm':
      return { label: words('compare.seriesGradientNorm'), unit: '' };
    case 'tokensPerSecond':
      return { label: words('compare.seriesSpeed'), unit: words('terms.tokensPerSecond') };
    case 'memory':
      return { label: words('compare.seriesMemory'), unit: words('terms.bytes') };
  }
}

/** The difference and its 95 % interval, as far as they are known. */
export function differenceWords({ difference, interval }: Verdict): string {
  if (difference === null) return DASH;
  if (interval === null) return change(difference);
  return words('compare.differenceAndInterval', { difference: change(difference), low: change(interval[0]), high: change(interval[1]) });
}

/** Why a verdict is what it is, for the tooltip and for who cannot tell. */
export function verdictReason({ verdict, reason, interval }: Verdict): string {
  if (reason !== null) return reason;
  if (interval === null) return words('compare.noInterval');
  if (verdict === 'cannot-tell') return words('compare.notClearOfZero');
  return words('compare.clearOfZero');
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
  if (series === 'learningRate')
    return value.toLocaleString(locale().numbers, { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  if (series === 'memory') return bytes(value);
  return series === 'tokensPerSecond' ? count(Math.round(value)) : loss(value);
}
