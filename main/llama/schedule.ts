export interface Schedule {
  /** Peak learning rate. */
  learningRate: number;
  steps: number;
  /** Fraction of the steps over which the rate rises linearly. */
  warmup: number;
  /** The cosine ends at this fraction of the peak. */
  finalLearningRate: number;
}

/** Learning rate of a step (1-based): linear warm-up, then a half cosine down to the final fraction. */
export function learningRateAt(step: number, { learningRate, steps, warmup, finalLearningRate }: Schedule): number {
  const warmupSteps = Math.max(1, Math.round(warmup * steps));
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return learningRate * (finalLearningRate + (1 - finalLearningRate) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
