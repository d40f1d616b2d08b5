import type { RunConfiguration } from '../../../shared/domain/run.ts';
import type { Schedule } from '../../../shared/domain/schedule.ts';
import type { TensorGroup } from '../../../shared/domain/tensor-groups.ts';
import { heardOrAsSaid } from '../../../shared/words/heard.ts';
import { listInWords, words } from '../../../shared/words/words.ts';
import { count, percent, significant } from '../../ui/format.ts';
import { guardSentence } from '../train/guard-words.ts';
import { type SettingKey, settingLabel } from './setting-labels.ts';

/** A setting that a run was frozen with: its key as programs know it, and what people read. */
export interface ConfigurationRow {
  key: string;
  label: string;
  value: string;
}

/** Kept exactly: rates and factors may be tiny. */
const exact = (value: number): string => significant(value, 12);

/** Settings of a run in words, but for those that are told elsewhere: base, datasets, mixture and method. What a run does not have is left out. */
export function configurationRows(of: RunConfiguration): ConfigurationRow[] {
  const row = (key: SettingKey, value: string | null): ConfigurationRow[] =>
    value === null ? [] : [{ key, label: settingLabel(key), value }];
  const { importance, rendering, evaluation, samples, past, guard } = of;
  return [
    row('steps', count(of.steps)),
    row('batch', count(of.batch)),
    row('microBatch', count(of.microBatch)),
    row('context', count(of.context)),
    row('packing', packingWords(of.packing)),
    rendering
      ? [row('rendering.completions', completionWords(rendering.completions)), row('rendering.learn', learnWords(rendering.learn))].flat()
      : [],
    row('replayShare', percent(of.replayShare)),
    row('replayReason', of.replayReason === undefined ? null : heardOrAsSaid(of.replayReason)),
    row('importance', importance ? importanceWords(importance) : null),
    row('learningRate', exact(of.learningRate)),
    Object.entries(of.learningRateFactors).flatMap(([group, factor]) =>
      // A factor of 1 is none.
      row(`learningRateFactors.${group as TensorGroup}`, factor === 1 ? null : exact(factor)),
    ),
    row('warmup', words('configuration.firstOfSteps', { share: percent(of.warmup) })),
    scheduleRows(of.schedule),
    row('finalLearningRate', words('configuration.ofPeak', { share: percent(of.finalLearningRate) })),
    row('weightDecay', exact(of.weightDecay)),
    row('beta1', exact(of.beta1)),
    row('beta2', exact(of.beta2)),
    row('epsilon', exact(of.epsilon)),
    row('clipNorm', of.clipNorm === 0 ? words('configuration.noClip') : exact(of.clipNorm)),
    row('seed', String(of.seed)),
    row('evaluation.everySteps', count(evaluation.everySteps)),
    row('evaluation.tokens', count(evaluation.tokens)),
    row('evaluation.tokensAtEnds', countOf(evaluation.tokensAtEnds)),
    row('evaluation.order', evaluation.order ? orderWords(evaluation.order) : null),
    row('samples.everySteps', countOf(samples?.everySteps)),
    row('samples.tokens', countOf(samples?.tokens)),
    row('samples.prompts', samples?.prompts ? samples.prompts.join(' · ') : null),
    row('past', past ? listInWords(past.map(({ name }) => name)) : null),
    row('guard', guard ? guardSentence(guard) : null),
    row('checkpointEverySteps', count(of.checkpointEverySteps)),
    row('engine', of.engine === 'auto' ? words('configuration.engineAuto') : of.engine),
  ].flat();

  function scheduleRows(schedule: Schedule): ConfigurationRow[] {
    const named = row('schedule.name', words(schedule.name === 'wsd' ? 'review.wsd' : 'review.cosine'));
    if (schedule.name !== 'wsd') return named;
    return [
      ...named,
      ...row('schedule.decay', words('configuration.lastOfSteps', { share: percent(schedule.decay) })),
      ...row('schedule.shape', words(schedule.shape === 'linear' ? 'configuration.shapeLinear' : 'configuration.shapeRoot')),
    ];
  }
}

const countOf = (value: number | undefined): string | null => (value === undefined ? null : count(value));

function importanceWords({ tokens, datasets }: NonNullable<RunConfiguration['importance']>): string {
  return words('configuration.importanceOf', { tokens, datasets: listInWords(datasets.map(({ name }) => name)) });
}

function packingWords(packing: RunConfiguration['packing']): string {
  return { plain: words('review.packPlain'), documents: words('review.packDocuments') }[packing];
}

function completionWords(completions: NonNullable<RunConfiguration['rendering']>['completions']): string {
  return { plain: words('review.completionsPlain'), chat: words('review.completionsChat') }[completions];
}

function learnWords(learn: NonNullable<RunConfiguration['rendering']>['learn']): string {
  return { answers: words('review.learnAnswers'), all: words('review.learnAll') }[learn];
}

function orderWords(order: NonNullable<RunConfiguration['evaluation']['order']>): string {
  return { first: words('configuration.orderFirst'), spread: words('configuration.orderSpread') }[order];
}
