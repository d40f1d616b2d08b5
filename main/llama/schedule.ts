import type { Schedule } from '../../shared/domain/schedule.ts';

export interface LearningRate {
  /** Peak. */
  learningRate: number;
  steps: number;
  /** Fraction of the steps over which the rate rises linearly. */
  warmup: number;
  schedule: Schedule;
  /** The last step has this fraction of the peak, unless it still belongs to the warm-up. */
  finalLearningRate: number;
}

/** Learning rate of a step (1-based): a linear rise, then the schedule's course down to the final fraction. */
export function learningRateAt(step: number, { learningRate, steps, warmup, schedule, finalLearningRate }: LearningRate): number {
  const rising = warmupSteps({ steps, warmup });
  if (step <= rising) return (learningRate * step) / rising;
  const height = schedule.name === 'cosine' ? cosine(step, rising, steps) : decay(step, rising, steps, schedule);
  return learningRate * (finalLearningRate + (1 - finalLearningRate) * height);
}

/** Steps over which the rate rises. */
export function warmupSteps({ steps, warmup }: Pick<LearningRate, 'steps' | 'warmup'>): number {
  return Math.max(1, Math.round(warmup * steps));
}

/** 1 at the end of the warm-up, 0 at the last step. */
function cosine(step: number, rising: number, steps: number): number {
  const progress = (step - rising) / Math.max(1, steps - rising);
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** 1 until the last fraction of the steps, 0 at the last step. */
function decay(step: number, rising: number, steps: number, { decay: fraction, shape }: Extract<Schedule, { name: 'wsd' }>): number {
  const decaySteps = Math.min(steps - rising, Math.max(1, Math.round(fraction * steps)));
  const progress = Math.max(0, step - (steps - decaySteps)) / decaySteps;
  return shape === 'linear' ? 1 - progress : 1 - Math.sqrt(progress);
}
