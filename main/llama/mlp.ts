import type { Operations, Tensor } from '../engine/engine.ts';
import { type Linear, linear, linearBackward, type LinearGradients, type LinearTrace } from './linear.ts';

/** The three matrices of a feed-forward network. */
export interface Mlp {
  gate: Linear; // [F, C]
  up: Linear; // [F, C]
  down: Linear; // [C, F]
}

/** What the backward pass needs. */
export interface MlpTrace {
  silu: Tensor; // [N, F]: silu(gate)
  upSlope: Tensor; // [N, F]: up * silu'(gate)
  gate: LinearTrace;
  up: LinearTrace;
  down: LinearTrace;
}

/** SwiGLU (Shazeer, arXiv 2002.05202): `down(silu(gate(x)) * up(x))`, silu(g) = g * sigmoid(g). */
export function mlp(operations: Operations, x: Tensor, layers: Mlp, keepsTrace: boolean): { output: Tensor; trace: MlpTrace | null } {
  const gate = linear(operations, x, layers.gate); // [N, F]
  const up = linear(operations, x, layers.up); // [N, F]
  const sigmoid = operations.sigmoid(gate.output);
  const silu = operations.multiply(gate.output, sigmoid);
  const down = linear(operations, operations.multiply(silu, up.output), layers.down); // [N, C]
  if (!keepsTrace) return { output: down.output, trace: null };
  // silu'(g) = s + silu (1 - s) with s = sigmoid(g)
  const slope = operations.add(sigmoid, operations.subtract(silu, operations.multiply(silu, sigmoid)));
  const upSlope = operations.multiply(up.output, slope);
  return { output: down.output, trace: { silu, upSlope, gate: gate.trace, up: up.trace, down: down.trace } };
}

export interface MlpGradients {
  gate: LinearGradients;
  up: LinearGradients;
  down: LinearGradients;
}

/** Gradients of {@link mlp} for its input [N, C] and for what is trained. */
export function mlpBackward(
  operations: Operations,
  gradient: Tensor,
  layers: Mlp,
  trace: MlpTrace,
): { input: Tensor; gradients: MlpGradients } {
  const down = linearBackward(operations, gradient, layers.down, trace.down); // [N, F]
  const up = linearBackward(operations, operations.multiply(down.input, trace.silu), layers.up, trace.up); // [N, C]
  const gate = linearBackward(operations, operations.multiply(down.input, trace.upSlope), layers.gate, trace.gate); // [N, C]
  return {
    input: operations.add(gate.input, up.input),
    gradients: { gate: gate.gradients, up: up.gradients, down: down.gradients },
  };
}
