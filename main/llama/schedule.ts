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
  const warmupSteps = Math.max(1, Math.round(warmup * steps));
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const height = schedule.name === 'cosine' ? cosine(step, warmupSteps, steps) : decay(step, warmupSteps, steps, schedule);
  return learningRate * (finalLearningRate + (1 - finalLearningRate) * height);
}

/** 1 at the end of the warm-up, 0 at the last step. */
function cosine(step: number, warmupSteps: number, steps: number): number {
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return 0.5 * (1 + Math.cos(Math.PI * progress));
}

/** 1 until the last fraction of the steps, 0 at the last step. */
function decay(step: number, warmupSteps: number, steps: number, { decay: fraction, shape }: Extract<Schedule, { name: 'wsd' }>): number {
  const decaySteps = Math.min(steps - warmupSteps, Math.max(1, Math.round(fraction * steps)));
  const progress = Math.max(0, step - (steps - decaySteps)) / decaySteps;
  return shape === 'linear' ? 1 - progress : 1 - Math.sqrt(progress);
}
