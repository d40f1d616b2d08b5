import type { Operations, Tensor } from '../engine/engine.ts';

/**
 * Linear layers `y = x W^T` with a weight [out, in], from rows [N, in] to rows [N, out]. Inside attention, activations stand in columns,
 * [features, N]: heads are then a free reshape and nothing has to be transposed. So there is also a layer from rows to columns and one back.
 *
 * A layer may have a bias, `y = x W^T + bias`, and may carry a low-rank adapter (LoRA, Hu et al., arXiv 2106.09685), which adds `scale (x A^T) B^T`.
 */
export interface Linear {
  weight: Tensor; // [out, in]
  isTrained: boolean;
  /** Added to every output; null in most models. */
  bias: { value: Tensor; isTrained: boolean } | null; // [out]
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
  bias: Tensor | null;
  a: Tensor | null;
  b: Tensor | null;
}

/** Rows [N, out] with the bias added to each. */
export function plusBias(operations: Operations, rows: Tensor, bias: Linear['bias']): Tensor {
  return bias ? operations.add(rows, bias.value) : rows;
}

/** The same for columns [out, N]. */
function plusBiasColumn(operations: Operations, columns: Tensor, bias: Linear['bias']): Tensor {
  return bias ? operations.add(columns, operations.reshape(bias.value, [columns.shape[0]!, 1])) : columns;
}

/** The gradient of a trained bias: a sum over the N of an output's gradient, which stands on its `axis`. */
function biasGradient(operations: Operations, gradient: Tensor, bias: Linear['bias'], axis: 0 | 1): Tensor | null {
  return bias?.isTrained ? operations.sum(gradient, axis, false) : null;
}

/** Rows x [N, in] -> rows [N, out]. */
export function linear(
  operations: Operations,
  x: Tensor,
  { weight, isTrained, bias, adapter }: Linear,
): { output: Tensor; trace: LinearTrace } {
  const output = plusBias(operations, operations.matmul(x, weight, { transposeB: true }), bias);
  if (!adapter) return { output, trace: { input: isTrained ? x : null, reduced: null } };
  const reduced = operations.matmul(adapter.a, x, { transposeB: true }); // [R, N]
  const change = operations.scale(operations.matmul(reduced, adapter.b, { transposeA: true, transposeB: true }), adapter.scale);
  return { output: operations.add(output, change), trace: { input: x, reduced } };
}

/** From `dy` [N, out] to the gradient of the input, [N, in], and of what is trained. */
export function linearBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained, bias, adapter }: Linear,
  { input, reduced }: LinearTrace,
): { input: Tensor; gradients: LinearGradients } {
  const throughWeight = operations.matmul(gradient, weight);
  const dWeight = isTrained ? operations.matmul(gradient, input!, { transposeA: true }) : null;
  const dBias = biasGradient(operations, gradient, bias, 0);
  if (!adapter) return { input: throughWeight, gradients: { weight: dWeight, bias: dBias, a: null, b: null } };
  const dReduced = operations.scale(operations.matmul(adapter.b, gradient, { transposeA: true, transposeB: true }), adapter.scale); // [R, N]
  return {
    input: operations.add(throughWeight, operations.matmul(dReduced, adapter.a, { transposeA: true })),
    gradients: {
      weight: dWeight,
      bias: dBias,
      a: operations.matmul(dReduced, input!),
      b: operations.scale(operations.matmul(gradient, reduced!, { transposeA: true, transposeB: true }), adapter.scale),
    },
  };
}

/** Rows x [N, in] -> columns [out, N]. */
export function toColumns(
  operations: Operations,
  x: Tensor,
  { weight, isTrained, bias, adapter }: Linear,
): { output: Tensor; trace: LinearTrace } {
  const output = plusBiasColumn(operations, operations.matmul(weight, x, { transposeB: true }), bias);
  if (!adapter) return { output, trace: { input: isTrained ? x : null, reduced: null } };
  const reduced = operations.matmul(adapter.a, x, { transposeB: true }); // [R, N]
  const change = operations.scale(operations.matmul(adapter.b, reduced), adapter.scale);
  return { output: operations.add(output, change), trace: { input: x, reduced } };
}

/** From `dy` [out, N] to the gradient of the input, [N, in], and of what is trained. */
export function toColumnsBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained, bias, adapter }: Linear,
  { input, reduced }: LinearTrace,
): { input: Tensor; gradients: LinearGradients } {
  const throughWeight = operations.matmul(gradient, weight, { transposeA: true });
  const dWeight = isTrained ? operations.matmul(gradient, input!) : null;
  const dBias = biasGradient(operations, gradient, bias, 1);
  if (!adapter) return { input: throughWeight, gradients: { weight: dWeight, bias: dBias, a: null, b: null } };
  const dReduced = operations.scale(operations.matmul(adapter.b, gradient, { transposeA: true }), adapter.scale); // [R, N]
  return {
    input: operations.add(throughWeight, operations.matmul(dReduced, adapter.a, { transposeA: true })),
    gradients: {
      weight: dWeight,
      bias: dBias,
      a: operations.matmul(dReduced, input!),
      b: operations.scale(operations.matmul(gradient, reduced!, { transposeB: true }), adapter.scale),
    },
  };
}

/** Columns x [in, N] -> rows [N, out]. */
export function toRows(
  operations: Operations,
  x: Tensor,
  { weight, isTrained, bias, adapter }: Linear,
): { output: Tensor; trace: LinearTrace } {
  const output = plusBias(operations, operations.matmul(x, weight, { transposeA: true, transposeB: true }), bias);
  if (!adapter) return { output, trace: { input: isTrained ? x : null, reduced: null } };
  const reduced = operations.matmul(adapter.a, x); // [R, N]
  const change = operations.scale(operations.matmul(reduced, adapter.b, { transposeA: true, transposeB: true }), adapter.scale);
  return { output: operations.add(output, change), trace: { input: x, reduced } };
}

/** From `dy` [N, out] to the gradient of the input, [in, N], and of what is trained. */
export function toRowsBackward(
  operations: Operations,
  gradient: Tensor,
  { weight, isTrained, bias, adapter }: Linear,
  { input, reduced }: LinearTrace,
): { input: Tensor; gradients: LinearGradients } {
  const throughWeight = operations.matmul(weight, gradient, { transposeA: true, transposeB: true });
  const dWeight = isTrained ? operations.matmul(gradient, input!, { transposeA: true, transposeB: true }) : null;
  const dBias = biasGradient(operations, gradient, bias, 0);
  if (!adapter) return { input: throughWeight, gradients: { weight: dWeight, bias: dBias, a: null, b: null } };
  const dReduced = operations.scale(operations.matmul(adapter.b, gradient, { transposeA: true, transposeB: true }), adapter.scale); // [R, N]
  return {
    input: operations.add(throughWeight, operations.matmul(adapter.a, dReduced, { transposeA: true })),
    gradients: {
      weight: dWeight,
      bias: dBias,
      a: operations.matmul(dReduced, input!, { transposeB: true }),
      b: operations.scale(operations.matmul(gradient, reduced!, { transposeA: true, transposeB: true }), adapter.scale),
    },
  };
}
