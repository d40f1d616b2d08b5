import type { Engine, Tensor } from '../engine/engine.ts';
import { linear, linearBackward } from './linear.ts';
import type { Block } from './parameters.ts';

export interface MlpTrace {
  input: Tensor; // [N, C]
  gate: Tensor; // [N, F], before the activation
  up: Tensor; // [N, F]
  hidden: Tensor; // [N, F]
}

/** SwiGLU (Shazeer, arXiv 2002.05202): `down(silu(gate(x)) * up(x))`, silu(g) = g * sigmoid(g). */
export function mlp(engine: Engine, x: Tensor, block: Block): { output: Tensor; trace: MlpTrace } {
  return engine.scope(() => {
    const gate = linear(engine, x, block.gate.value()); // [N, F]
    const up = linear(engine, x, block.up.value()); // [N, F]
    const hidden = engine.multiply(engine.multiply(gate, engine.sigmoid(gate)), up);
    return { output: linear(engine, hidden, block.down.value()), trace: { input: x, gate, up, hidden } };
  });
}

export interface MlpGradients {
  input: Tensor;
  gate: Tensor | null;
  up: Tensor | null;
  down: Tensor | null;
}

/** With s = sigmoid(g): `dsilu/dg = s + g s (1 - s)`. */
export function mlpBackward(engine: Engine, gradient: Tensor, block: Block, trace: MlpTrace): MlpGradients {
  return engine.scope(() => {
    const down = linearBackward(engine, gradient, trace.hidden, block.down);
    const sigmoid = engine.sigmoid(trace.gate);
    const silu = engine.multiply(trace.gate, sigmoid);
    const slope = engine.add(sigmoid, engine.subtract(silu, engine.multiply(silu, sigmoid)));
    const up = linearBackward(engine, engine.multiply(down.input, silu), trace.input, block.up);
    const gate = linearBackward(engine, engine.multiply(engine.multiply(down.input, trace.up), slope), trace.input, block.gate);
    return { input: engine.add(up.input, gate.input), gate: gate.weight, up: up.weight, down: down.weight };
  });
}
