import type { PlanBasis } from '../../../shared/contract/planning.ts';
import type { TrainPreview } from '../../../shared/contract/training.ts';
import { type Budget, budgetOf } from '../../../shared/domain/budget.ts';
import { trainingFlops } from '../../../shared/domain/cost.ts';
import type { MemoryPlan } from '../../../shared/domain/memory.ts';
import type { Method } from '../../../shared/domain/method.ts';

/** The figures that stay in sight while a run is being chosen. */
export interface BudgetView {
  blocks: number;
  trainable: number;
  added: number;
  total: number;
  memory: Omit<MemoryPlan, 'fits'>;
  /** Of the trained model and of its base, bytes as BF16. */
  exported: { bytes: number; baseBytes: number };
  /** Trained on in all; null while nothing is known of the data. */
  tokens: number | null;
  /** Of these, the share that is old. */
  replayShare: number | null;
  /** Of the whole run, or of a million tokens; null where the engine's speed is not known. */
  time: { seconds: number; isOfMillion: boolean; basis: string } | null;
  /** `checked`: the studio's own answer to exactly this; `estimate`: computed here from the same formulas, until that answer comes. */
  state: 'checked' | 'estimate';
}

/** Lengths that a person chose; null takes what the last preview had, or the default. */
export interface ChosenLength {
  steps: number | null;
  batch: number | null;
  microBatch: number | null;
  context: number | null;
}

/** @param preview the studio's answer to exactly the present choices. */
export function checkedView(preview: TrainPreview): BudgetView {
  return {
    ...figuresOf(preview),
    memory: preview.memory,
    tokens: preview.tokens,
    replayShare: preview.replayShare,
    time: preview.time && { seconds: preview.time.seconds, isOfMillion: false, basis: preview.time.basis },
    state: 'checked',
  };
}

/**
 * The same figures for a method, computed at once.
 * @param last the studio's answer to earlier choices: how long the run is, and how long that takes with measurements.
 */
export function estimatedView(
  basis: PlanBasis,
  method: Method,
  { length, last, measuresDrift }: { length: ChosenLength; last: TrainPreview | null; measuresDrift: boolean },
): BudgetView {
  const batch = length.batch ?? last?.batch ?? basis.batch;
  const context = length.context ?? last?.context ?? basis.context;
  const microBatch = Math.min(batch, length.microBatch ?? batch);
  const budget = budgetOf(method, basis, { batch, microBatch, context, measuresDrift });
  const steps = length.steps ?? last?.steps ?? null;
  const tokens = last && steps !== null ? steps * batch * context : null;
  return {
    ...figuresOf(budget),
    memory: budget.memory,
    tokens,
    replayShare: last?.replayShare ?? null,
    time: timeOf(basis, method, budget.time, { last, tokens, context }),
    state: 'estimate',
  };
}

function figuresOf(of: Pick<Budget, 'placement' | 'trainableParameters' | 'addedParameters' | 'totalParameters' | 'sizes'>) {
  const { bytes, baseBytes } = of.sizes.find(({ format, type }) => format === 'huggingface' && type === 'BF16')!;
  return {
    blocks: of.placement.blocks,
    trainable: of.trainableParameters,
    added: of.addedParameters,
    total: of.totalParameters,
    exported: { bytes, baseBytes },
  };
}

/** The last answer's time in proportion to what the work is now; without one, that of a million tokens. */
function timeOf(
  { config }: PlanBasis,
  method: Method,
  perMillion: Budget['time'],
  { last, tokens, context }: { last: TrainPreview | null; tokens: number | null; context: number },
): BudgetView['time'] {
  if (last?.time && tokens !== null) {
    const before = last.tokens * trainingFlops({ config, method: last.method, context: last.context });
    const seconds = (last.time.seconds * tokens * trainingFlops({ config, method, context })) / before;
    return { seconds, isOfMillion: false, basis: last.time.basis };
  }
  return perMillion && { seconds: perMillion.secondsPerMillionTokens, isOfMillion: true, basis: perMillion.basis };
}
