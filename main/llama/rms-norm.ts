import type { Engine, Tensor } from '../engine/engine.ts';

/** What the backward pass needs: the input and 1/rms of each row. */
export interface RmsNormTrace {
  input: Tensor; // [N, C]
  inverseRms: Tensor; // [N, 1]
}

/** RMSNorm (Zhang & Sennrich, arXiv 1910.07467): `y = x / sqrt(mean(x^2) + epsilon) * weight`, row by row. */
export function rmsNorm(engine: Engine, x: Tensor, weight: Tensor, epsilon: number): { output: Tensor; trace: RmsNormTrace } {
  return engine.scope(() => {
    const width = x.shape[1]!;
    const meanSquare = engine.scale(engine.sum(engine.square(x), 1, true), 1 / width); // [N, 1]
    const inverseRms = engine.rsqrt(meanSquare, epsilon);
    const output = engine.multiply(engine.multiply(x, inverseRms), weight);
    return { output, trace: { input: x, inverseRms } };
  });
}

/**
 * With r = inverseRms and g = dOutput * weight: `dx = r g - x r^3 / C * sum(g x)`; `dweight = sum over rows of dOutput x r`.
 * The weight's gradient is computed only when asked for.
 */
export function rmsNormBackward(
  engine: Engine,
  gradient: Tensor,
  weight: Tensor,
  { input, inverseRms }: RmsNormTrace,
  needsWeight: boolean,
): { input: Tensor; weight: Tensor | null } {
  return engine.scope(() => {
    const width = input.shape[1]!;
    const normalised = engine.multiply(input, inverseRms); // [N, C]
    const scaled = engine.multiply(gradient, weight); // [N, C]
    const projection = engine.scale(engine.sum(engine.multiply(scaled, normalised), 1, true), 1 / width); // [N, 1]
    const inputGradient = engine.multiply(inverseRms, engine.subtract(scaled, engine.multiply(normalised, projection)));
    const weightGradient = needsWeight ? engine.sum(engine.multiply(gradient, normalised), 0) : null; // [C]
    return { input: inputGradient, weight: weightGradient };
  });
}
