import type { Operations, Tensor } from '../engine/engine.ts';

/**
 * Linear layers `y = x W^T` with a weight [out, in], from rows [N, in] to rows [N, out]. Inside attention, activations stand in columns,
 * [features, N]: heads are then a free reshape and nothing has to be transposed. So there is also a layer from rows to columns and one back.
 *
 * A layer may carry a low-rank adapter (LoRA, Hu et al., arXiv 2106.09685): `y = x W^T + scale (x A^T) B^T`.
 */
export interface Linear {
  weight: Tensor; // [out, in]
  isTrained: boolean;
  adapter: { a: Tensor; b: Tensor; scale: number } | null; // [R, in], [out, R]
}

/** What the backward pass needs: inputs only where a weight is trained. */
export interface LinearTrace {
  input: Tensor | null;
  reduced: Tensor | null; // [R, N]: A x
}

/** Gradients of what is trained; null for the rest. */
export interface LinearGradients {
  weight: Tensor | null;
  a: Tensor | null;
  b: Tensor | null;
}

/** Rows x [N, in] -> rows [N, out]. */
export function linear(operations: Operations, x: Tensor, { weight, isTrained, adapter }: Linear): { output: Tensor; trace: LinearTrace } {
  const output = operations.matmul(x, weight, { transposeB: true });
  if (!adapter) return { output, trace: { input: isTrained ? x : null, reduced: null } };
  const reduced = operations.matmul(adapter.a, x, { transposeB: true }); // [R, N]
  const change = operations.scale(operations.matmul(reduced, adapter.b, { transposeA: true, transposeB: true }), adapter.scale);
  return { output: operations.add(output, change), trace: { input: x, reduced } };
}

/** From `dy` [N, out] to the gradient of the input, [N, in], and of what is trained. */
export function linearBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained, adapter }: Linear,
  { input, reduced }: LinearTrace,
): { input: Tensor; gradients: LinearGradients } {
  const throughWeight = operations.matmul(gradient, weight);
  const dWeight = isTrained ? operations.matmul(gradient, input!, { transposeA: true }) : null;
  if (!adapter) return { input: throughWeight, gradients: { weight: dWeight, a: null, b: null } };
  const dReduced = operations.scale(operations.matmul(adapter.b, gradient, { transposeA: true, transposeB: true }), adapter.scale); // [R, N]
  return {
    input: operations.add(throughWeight, operations.matmul(dReduced, adapter.a, { transposeA: true })),
    gradients: {
      weight: dWeight,
      a: operations.matmul(dReduced, input!),
      b: operations.scale(operations.matmul(gradient, reduced!, { transposeA: true, transposeB: true }), adapter.scale),
    },
  };
}

/** Rows x [N, in] -> columns [out, N]. */
export function toColumns(
  operations: Operations,
  x: Tensor,
  { weight, isTrained, adapter }: Linear,
): { output: Tensor; trace: LinearTrace } {
  const output = operations.matmul(weight, x, { transposeB: true });
  if (!adapter) return { output, trace: { input: isTrained ? x : null, reduced: null } };
  const reduced = operations.matmul(adapter.a, x, { transposeB: true }); // [R, N]
  const change = operations.scale(operations.matmul(adapter.b, reduced), adapter.scale);
  return { output: operations.add(output, change), trace: { input: x, reduced } };
}

/** From `dy` [out, N] to the gradient of the input, [N, in], and of what is trained. */
export function toColumnsBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained, adapter }: Linear,
  { input, reduced }: LinearTrace,
): { input: Tensor; gradients: LinearGradients } {
  const throughWeight = operations.matmul(gradient, weight, { transposeA: true });
  const dWeight = isTrained ? operations.matmul(gradient, input!) : null;
  if (!adapter) return { input: throughWeight, gradients: { weight: dWeight, a: null, b: null } };
  const dReduced = operations.scale(operations.matmul(adapter.b, gradient, { transposeA: true }), adapter.scale); // [R, N]
  return {
    input: operations.add(throughWeight, operations.matmul(dReduced, adapter.a, { transposeA: true })),
    gradients: {
      weight: dWeight,
      a: operations.matmul(dReduced, input!),
      b: operations.scale(operations.matmul(gradient, reduced!, { transposeB: true }), adapter.scale),
    },
  };
}

/** Columns x [in, N] -> rows [N, out]. */
export function toRows(operations: Operations, x: Tensor, { weight, isTrained, adapter }: Linear): { output: Tensor; trace: LinearTrace } {
  const output = operations.matmul(x, weight, { transposeA: true, transposeB: true });
  if (!adapter) return { output, trace: { input: isTrained ? x : null, reduced: null } };
  const reduced = operations.matmul(adapter.a, x); // [R, N]
  const change = operations.scale(operations.matmul(reduced, adapter.b, { transposeA: true, transposeB: true }), adapter.scale);
  return { output: operations.add(output, change), trace: { input: x, reduced } };
}

/** From `dy` [N, out] to the gradient of the input, [in, N], and of what is trained. */
export function toRowsBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained, adapter }: Linear,
  { input, reduced }: LinearTrace,
): { input: Tensor; gradients: LinearGradients } {
  const throughWeight = operations.matmul(weight, gradient, { transposeA: true, transposeB: true });
  const dWeight = isTrained ? operations.matmul(gradient, input!, { transposeA: true, transposeB: true }) : null;
  if (!adapter) return { input: throughWeight, gradients: { weight: dWeight, a: null, b: null } };
  const dReduced = operations.scale(operations.matmul(adapter.b, gradient, { transposeA: true, transposeB: true }), adapter.scale); // [R, N]
  return {
    input: operations.add(throughWeight, operations.matmul(adapter.a, dReduced, { transposeA: true })),
    gradients: {
      weight: dWeight,
      a: operations.matmul(dReduced, input!, { transposeB: true }),
      b: operations.scale(operations.matmul(gradient, reduced!, { transposeA: true, transposeB: true }), adapter.scale),
    },
  };
}
