import type { Engine, Tensor } from '../engine/engine.ts';
import type { Parameter } from './parameters.ts';

/** `y = x W^T` for rows x [N, in] and a weight [out, in]. */
export function linear(engine: Engine, x: Tensor, weight: Tensor): Tensor {
  return engine.matmul(x, weight, { transposeB: true });
}

/** `dx = dy W` and, only when the weight is trainable, `dW = dy^T x`. */
export function linearBackward(engine: Engine, gradient: Tensor, x: Tensor, weight: Parameter): { input: Tensor; weight: Tensor | null } {
  return {
    input: engine.scope(() => engine.matmul(gradient, weight.value())),
    weight: weight.variable ? engine.matmul(gradient, x, { transposeA: true }) : null,
  };
}
