import type { Engine, Tensor } from '../engine/engine.ts';
import type { Parameter } from './parameters.ts';

/**
 * Linear layers `y = x W^T` with a weight [out, in]. Inside a block activations stand in columns, [features, N]: heads are then a free
 * reshape and nothing has to be transposed. The residual stream stands in rows, [N, C]; these two go from one to the other.
 */

/** Rows x [N, in] -> columns [out, N]. */
export function toColumns(engine: Engine, x: Tensor, weight: Parameter): Tensor {
  return engine.scope(() => engine.matmul(weight.value(), x, { transposeB: true }));
}

/** Columns x [in, N] -> rows [N, out]. */
export function toRows(engine: Engine, x: Tensor, weight: Parameter): Tensor {
  return engine.scope(() => engine.matmul(x, weight.value(), { transposeA: true, transposeB: true }));
}

/** Gradient of {@link toColumns} for its input, [N, in], from `dy` [out, N]. */
export function toColumnsBackward(engine: Engine, gradient: Tensor, weight: Parameter): Tensor {
  return engine.scope(() => engine.matmul(gradient, weight.value(), { transposeA: true }));
}

/** Gradient of {@link toRows} for its input, [in, N], from `dy` [N, out]. */
export function toRowsBackward(engine: Engine, gradient: Tensor, weight: Parameter): Tensor {
  return engine.scope(() => engine.matmul(weight.value(), gradient, { transposeA: true, transposeB: true }));
}

/** `dW = dy^T x` [out, in] of {@link toColumns}: `dy` [out, N], x [N, in]; null for a frozen weight, whose input need not be kept. */
export function toColumnsWeight(engine: Engine, gradient: Tensor, x: Tensor | null): Tensor | null {
  return x && engine.matmul(gradient, x);
}

/** `dW = dy^T x` [out, in] of {@link toRows}: `dy` [N, out], x [in, N]; null for a frozen weight. */
export function toRowsWeight(engine: Engine, gradient: Tensor, x: Tensor | null): Tensor | null {
  return x && engine.matmul(gradient, x, { transposeA: true, transposeB: true });
}
