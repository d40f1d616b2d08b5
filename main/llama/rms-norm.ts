import type { Operations, Tensor } from '../engine/engine.ts';

/** A norm's weight [C], and whether it is trained. */
export interface Norm {
  weight: Tensor;
  isTrained: boolean;
}

/** What the backward pass needs: the input and 1/rms of each row. */
export interface RmsNormTrace {
  input: Tensor; // [N, C]
  inverseRms: Tensor; // [N, 1]
}

/** RMSNorm (Zhang & Sennrich, arXiv 1910.07467): `y = x / sqrt(mean(x^2) + epsilon) * weight`, row by row. */
export function rmsNorm(operations: Operations, x: Tensor, { weight }: Norm, epsilon: number): { output: Tensor; trace: RmsNormTrace } {
  const width = x.shape[1]!;
  const meanSquare = operations.scale(operations.sum(operations.square(x), 1, true), 1 / width); // [N, 1]
  const inverseRms = operations.rsqrt(meanSquare, epsilon);
  const output = operations.multiply(operations.multiply(x, inverseRms), weight);
  return { output, trace: { input: x, inverseRms } };
}

/**
 * With r = inverseRms, n = x r and g = dOutput * weight: `dx = r (g - n / C * sum(g n))`; `dweight = sum over rows of dOutput n`.
 * The weight's gradient is computed only where it is trained.
 */
export function rmsNormBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained }: Norm,
  { input, inverseRms }: RmsNormTrace,
): { input: Tensor; weight: Tensor | null } {
  const width = input.shape[1]!;
  const normalised = operations.multiply(input, inverseRms); // [N, C]
  const scaled = operations.multiply(gradient, weight); // [N, C]
  const projection = operations.scale(operations.sum(operations.multiply(scaled, normalised), 1, true), 1 / width); // [N, 1]
  return {
    input: operations.multiply(inverseRms, operations.subtract(scaled, operations.multiply(normalised, projection))),
    weight: isTrained ? operations.sum(operations.multiply(gradient, normalised), 0) : null, // [C]
  };
}
