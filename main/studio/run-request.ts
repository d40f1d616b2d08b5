import type { TrainRequest } from '../../shared/contract/training.ts';
import type { Method, MethodRequest } from '../../shared/domain/method.ts';
import { type ExpansionPlan, parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { AdvancedSettings } from '../../shared/domain/settings.ts';
import { words } from '../../shared/words/words.ts';

/** A run's frozen configuration as the request that leads to it again: to be changed and started. Pure. */

/**
 * @returns the request, with every choice written down, and what of the configuration no request can say.
 */
export function requestOf(configuration: RunConfiguration): { request: TrainRequest; notes: string[] } {
  const { method, notes } = methodOf(configuration.method);
  const of = (role: 'new' | 'old'): string[] => configuration.datasets.filter((each) => each.role === role).map(({ id }) => id);
  const { baseModel, replayShare, rendering, steps, batch, context, learningRate, seed, engine, guard, mixture } = configuration;
  if (!mixture) notes.push(words('said.beforeMixtures'));
  return {
    request: {
      model: baseModel.id,
      newDatasets: of('new'),
      oldDatasets: of('old'),
      replayShare,
      ...(mixture ? sharesOf(mixture) : {}),
      ...(rendering ? { rendering } : {}),
      ...method,
      steps,
      batch,
      context,
      learningRate,
      seed,
      engine,
      ...(guard ? { guard } : {}),
      advanced: advancedOf(configuration),
    },
    notes,
  };
}

function sharesOf(mixture: NonNullable<RunConfiguration['mixture']>): Partial<TrainRequest> {
  const { weighting, temperature, maxRepeats, schedule, weights } = mixture;
  return {
    weights: weighting,
    ...(weighting === 'size' ? { temperature } : {}),
    ...(weighting === 'manual' ? { shares: weights } : {}),
    ...(maxRepeats === null ? {} : { maxRepeats }),
    replaySchedule: schedule,
  };
}

function advancedOf(configuration: RunConfiguration): AdvancedSettings {
  const { batch, microBatch, packing, schedule, warmup, finalLearningRate, weightDecay, beta1, beta2, epsilon, clipNorm } = configuration;
  const factors = Object.fromEntries(Object.entries(configuration.learningRateFactors).map(([group, factor]) => [`lr.${group}`, factor]));
  return {
    ...(microBatch < batch ? { microBatch } : {}), // otherwise a copy with a smaller batch would be refused for it
    packing,
    schedule: schedule.name,
    ...(schedule.name === 'wsd' ? { decay: schedule.decay, decayShape: schedule.shape } : {}),
    warmup,
    finalLearningRate,
    weightDecay,
    beta1,
    beta2,
    epsilon,
    clipNorm,
    evaluateEvery: configuration.evaluation.everySteps,
    // With other amounts at the ends they follow from the budget of the run, and were not chosen.
    ...(configuration.evaluation.tokensAtEnds === undefined ? { evaluationTokens: configuration.evaluation.tokens } : {}),
    checkpointEvery: configuration.checkpointEverySteps,
    sampleEverySteps: configuration.samples?.everySteps ?? 0,
    ...(configuration.samples?.prompts ? { samplePrompts: configuration.samples.prompts } : {}),
    ...factors,
  };
}

function methodOf(method: Method): { method: MethodRequest; notes: string[] } {
  switch (method.name) {
    case 'expand': {
      const place = placeOf(method.plan);
      if (place) return { method: { method: 'expand', ...place }, notes: [] };
      const positions = method.plan.inserted.map(({ after }) => after).join(',');
      const note = words('said.noPlace');
      return { method: { method: 'expand', place: positions }, notes: [note] };
    }
    case 'lora': {
      const { rank, alpha, targets } = method;
      return { method: { method: 'lora', rank, alpha, targets }, notes: [] };
    }
    case 'full':
      return { method: { method: 'full' }, notes: [] };
    case 'freeze':
      return { method: { method: 'freeze', trainBlocks: method.blocks.join(',') }, notes: [] };
  }
}

/** The words that lead to a plan: a name where one does, otherwise positions or groups; null where none do. */
function placeOf(plan: ExpansionPlan): Pick<MethodRequest, 'blocks' | 'place'> | null {
  const blocks = plan.inserted.length;
  const groups = Array.from({ length: Math.min(blocks, plan.baseBlocks) }, (_, index) => `even:${index + 1}`);
  const counted = ['even', 'top', 'bottom', ...groups].map((place) => ({ blocks, place }));
  const candidates = [...counted, { place: plan.inserted.map(({ after }) => after).join(',') }];
  return candidates.find((candidate) => isPlan(candidate, plan)) ?? null;
}

function isPlan({ blocks, place }: { blocks?: number; place: string }, plan: ExpansionPlan): boolean {
  return JSON.stringify(planExpansion(plan.baseBlocks, blocks, parsePlace(place))) === JSON.stringify(plan);
}
