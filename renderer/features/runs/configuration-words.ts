import type { RunConfiguration } from '../../../shared/domain/run.ts';
import type { Schedule } from '../../../shared/domain/schedule.ts';
import type { TensorGroup } from '../../../shared/domain/tensor-groups.ts';
import { heardOrAsSaid } from '../../../shared/words/heard.ts';
import { listInWords, words } from '../../../shared/words/words.ts';
import { count, percent, significant } from '../../ui/format.ts';
import { guardSentence } from '../train/guard-words.ts';

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
  const row = (key: string, label: string, value: string | null): ConfigurationRow[] => (value === null ? [] : [{ key, label, value }]);
  const { importance, rendering, evaluation, samples, past, guard } = of;
  return [
    row('steps', words('configuration.steps'), count(of.steps)),
    row('batch', words('configuration.batch'), count(of.batch)),
    row('microBatch', words('configuration.microBatch'), count(of.microBatch)),
    row('context', words('configuration.context'), count(of.context)),
    row('packing', words('configuration.packing'), packingWords(of.packing)),
    rendering
      ? [
          row('rendering.completions', words('configuration.completions'), completionWords(rendering.completions)),
          row('rendering.learn', words('configuration.learn'), learnWords(rendering.learn)),
        ].flat()
      : [],
    row('replayShare', words('configuration.replayShare'), percent(of.replayShare)),
    row('replayReason', words('configuration.replayReason'), of.replayReason === undefined ? null : heardOrAsSaid(of.replayReason)),
    row('importance', words('configuration.importance'), importance ? importanceWords(importance) : null),
    row('learningRate', words('configuration.learningRate'), exact(of.learningRate)),
    Object.entries(of.learningRateFactors).flatMap(([group, factor]) =>
      // A factor of 1 is none.
      row(`learningRateFactors.${group}`, factorWords(group as TensorGroup), factor === 1 ? null : exact(factor)),
    ),
    row('warmup', words('configuration.warmup'), words('configuration.firstOfSteps', { share: percent(of.warmup) })),
    scheduleRows(of.schedule),
    row(
      'finalLearningRate',
      words('configuration.finalLearningRate'),
      words('configuration.ofPeak', { share: percent(of.finalLearningRate) }),
    ),
    row('weightDecay', words('configuration.weightDecay'), exact(of.weightDecay)),
    row('beta1', words('configuration.beta1'), exact(of.beta1)),
    row('beta2', words('configuration.beta2'), exact(of.beta2)),
    row('epsilon', words('configuration.epsilon'), exact(of.epsilon)),
    row('clipNorm', words('configuration.clipNorm'), of.clipNorm === 0 ? words('configuration.noClip') : exact(of.clipNorm)),
    row('seed', words('configuration.seed'), String(of.seed)),
    row('evaluation.everySteps', words('configuration.evaluationEvery'), count(evaluation.everySteps)),
    row('evaluation.tokens', words('configuration.evaluationTokens'), count(evaluation.tokens)),
    row('evaluation.tokensAtEnds', words('configuration.evaluationAtEnds'), countOf(evaluation.tokensAtEnds)),
    row('evaluation.order', words('configuration.evaluationOrder'), evaluation.order ? orderWords(evaluation.order) : null),
    row('samples.everySteps', words('configuration.samplesEvery'), countOf(samples?.everySteps)),
    row('samples.tokens', words('configuration.samplesTokens'), countOf(samples?.tokens)),
    row('samples.prompts', words('configuration.samplesPrompts'), samples?.prompts ? samples.prompts.join(' · ') : null),
    row('past', words('configuration.past'), past ? listInWords(past.map(({ name }) => name)) : null),
    row('guard', words('configuration.guard'), guard ? guardSentence(guard) : null),
    row('checkpointEverySteps', words('configuration.checkpointEverySteps'), count(of.checkpointEverySteps)),
    row('engine', words('configuration.engine'), of.engine === 'auto' ? words('configuration.engineAuto') : of.engine),
  ].flat();

  function scheduleRows(schedule: Schedule): ConfigurationRow[] {
    const named = row('schedule.name', words('configuration.schedule'), words(schedule.name === 'wsd' ? 'review.wsd' : 'review.cosine'));
    if (schedule.name !== 'wsd') return named;
    return [
      ...named,
      ...row('schedule.decay', words('configuration.decay'), words('configuration.lastOfSteps', { share: percent(schedule.decay) })),
      ...row(
        'schedule.shape',
        words('configuration.decayShape'),
        words(schedule.shape === 'linear' ? 'configuration.shapeLinear' : 'configuration.shapeRoot'),
      ),
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

function factorWords(group: TensorGroup): string {
  return {
    embeddings: words('configuration.factorEmbeddings'),
    norms: words('configuration.factorNorms'),
    attention: words('configuration.factorAttention'),
    mlp: words('configuration.factorMlp'),
    inserted: words('configuration.factorInserted'),
    adapters: words('configuration.factorAdapters'),
  }[group];
}
