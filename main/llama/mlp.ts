import type { Engine, Tensor } from '../engine/engine.ts';
import { toColumns, toColumnsBackward, toColumnsWeight, toRows, toRowsBackward, toRowsWeight } from './linear.ts';
import type { Block } from './parameters.ts';

/** What the backward pass needs. Inputs of frozen weights are not kept. */
export interface MlpTrace {
  input: Tensor | null; // [N, C]
  silu: Tensor; // [F, N]: silu(gate)
  upSlope: Tensor; // [F, N]: up * silu'(gate)
  hidden: Tensor | null; // [F, N]
}

/** SwiGLU (Shazeer, arXiv 2002.05202): `down(silu(gate(x)) * up(x))`, silu(g) = g * sigmoid(g). */
export function mlp(engine: Engine, x: Tensor, block: Block, keepsTrace: boolean): { output: Tensor; trace: MlpTrace | null } {
  return engine.scope(() => {
    const gate = toColumns(engine, x, block.gate); // [F, N]
    const up = toColumns(engine, x, block.up); // [F, N]
    const sigmoid = engine.sigmoid(gate);
    const silu = engine.multiply(gate, sigmoid);
    const hidden = engine.multiply(silu, up);
    const output = toRows(engine, hidden, block.down); // [N, C]
    if (!keepsTrace) return { output, trace: null };
    // silu'(g) = s + silu (1 - s) with s = sigmoid(g)
    const slope = engine.add(sigmoid, engine.subtract(silu, engine.multiply(silu, sigmoid)));
    const needsInput = block.gate.variable !== null || block.up.variable !== null;
    return {
      output,
      trace: {
        input: needsInput ? x : null,
        silu,
        upSlope: engine.multiply(up, slope),
        hidden: block.down.variable ? hidden : null,
      },
    };
  });
}

export interface MlpGradients {
  input: Tensor;
  gate: Tensor | null;
  up: Tensor | null;
  down: Tensor | null;
}

/** Gradients of {@link mlp} for its input [N, C] and, where trainable, its three matrices. */
export function mlpBackward(engine: Engine, gradient: Tensor, block: Block, trace: MlpTrace): MlpGradients {
  return engine.scope(() => {
    const hidden = toRowsBackward(engine, gradient, block.down); // [F, N]
    const up = engine.multiply(hidden, trace.silu);
    const gate = engine.multiply(hidden, trace.upSlope);
    return {
      input: engine.add(toColumnsBackward(engine, gate, block.gate), toColumnsBackward(engine, up, block.up)),
      gate: block.gate.variable && toColumnsWeight(engine, gate, trace.input),
      up: block.up.variable && toColumnsWeight(engine, up, trace.input),
      down: toRowsWeight(engine, gradient, trace.hidden),
    };
  });
}
