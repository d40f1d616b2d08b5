import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Operations, Tensor } from '../engine/engine.ts';
import {
  type Attention,
  attention,
  attentionBackward,
  type AttentionGradients,
  type AttentionTrace,
  type KeysAndValues,
  type Positions,
} from './attention.ts';
import type { LanePositions } from './lanes.ts';
import { type Mlp, mlp, mlpBackward, type MlpGradients, type MlpTrace } from './mlp.ts';
import { type Norm, rmsNorm, rmsNormBackward, type RmsNormTrace } from './rms-norm.ts';

/** The weights of one decoder layer, as values to compute with. */
export interface BlockWeights extends Attention, Mlp {
  attentionNorm: Norm;
  mlpNorm: Norm;
}

/** What the block's arithmetic needs to know of the model. */
export type BlockShape = Pick<LlamaConfig, 'heads' | 'keyValueHeads' | 'headSize' | 'normEpsilon'>;

export function blockShape({ heads, keyValueHeads, headSize, normEpsilon }: LlamaConfig): BlockShape {
  return { heads, keyValueHeads, headSize, normEpsilon };
}

/** What the backward pass needs of one lane. */
export interface BlockTrace {
  attentionNorm: RmsNormTrace;
  attention: AttentionTrace;
  mlpNorm: RmsNormTrace;
  mlp: MlpTrace;
}

/** `x' = x + attention(norm(x)); y = x' + mlp(norm(x'))` (LLaMA Pro, equations 1 and 2), on rows x [N, C]. */
export function forwardBlock(
  operations: Operations,
  x: Tensor,
  weights: BlockWeights,
  shape: BlockShape,
  positions: Positions,
  past: KeysAndValues | null,
  keepsTrace: boolean,
): { output: Tensor; trace: BlockTrace | null; present: KeysAndValues } {
  const attentionNorm = rmsNorm(operations, x, weights.attentionNorm, shape.normEpsilon);
  const attended = attention(operations, attentionNorm.output, weights, shape, positions, past);
  const middle = operations.add(x, attended.output); // [N, C]
  const mlpNorm = rmsNorm(operations, middle, weights.mlpNorm, shape.normEpsilon);
  const fed = mlp(operations, mlpNorm.output, weights, keepsTrace);
  const trace = fed.trace && {
    attentionNorm: attentionNorm.trace,
    attention: attended.trace,
    mlpNorm: mlpNorm.trace,
    mlp: fed.trace,
  };
  return { output: operations.add(middle, fed.output), trace, present: attended.present };
}

/** Gradients of what is trained of a block; null for the rest. */
export interface BlockGradients extends AttentionGradients, MlpGradients {
  attentionNorm: Tensor | null;
  mlpNorm: Tensor | null;
}

/** From the gradient of a block's output [N, C] to those of its input, of what is trained, and of the past's keys and values. */
export function backwardBlock(
  operations: Operations,
  gradient: Tensor,
  weights: BlockWeights,
  shape: BlockShape,
  positions: Positions,
  trace: BlockTrace,
  later: KeysAndValues | null,
): { input: Tensor; gradients: BlockGradients; past: KeysAndValues | null } {
  const fed = mlpBackward(operations, gradient, weights, trace.mlp);
  const mlpNorm = rmsNormBackward(operations, fed.input, weights.mlpNorm, trace.mlpNorm);
  const middle = operations.add(gradient, mlpNorm.input);
  const attended = attentionBackward(operations, middle, weights, shape, positions, trace.attention, later);
  const attentionNorm = rmsNormBackward(operations, attended.input, weights.attentionNorm, trace.attentionNorm);
  return {
    input: operations.add(middle, attentionNorm.input),
    gradients: { attentionNorm: attentionNorm.weight, ...attended.gradients, mlpNorm: mlpNorm.weight, ...fed.gradients },
    past: attended.past,
  };
}

/** {@link forwardBlock} for every lane of a batch: a lane that continues looks at the keys and values of those before it. */
export function forwardLanes(
  operations: Operations,
  lanes: readonly Tensor[],
  weights: BlockWeights,
  shape: BlockShape,
  positions: readonly LanePositions[],
  keepsTrace: boolean,
): { outputs: Tensor[]; traces: BlockTrace[] } {
  const outputs: Tensor[] = [];
  const traces: BlockTrace[] = [];
  let before: KeysAndValues | null = null;
  for (const [lane, x] of lanes.entries()) {
    const past = positions[lane]!.continues ? before : null;
    const { output, trace, present } = forwardBlock(operations, x, weights, shape, positions[lane]!, past, keepsTrace);
    outputs.push(output);
    if (trace) traces.push(trace);
    before = present;
  }
  return { outputs, traces };
}

/** {@link backwardBlock} for every lane, last to first. Gradients of what is trained are summed over the lanes; those that are null are left out. */
export function backwardLanes(
  operations: Operations,
  gradients: readonly Tensor[],
  weights: BlockWeights,
  shape: BlockShape,
  positions: readonly LanePositions[],
  traces: readonly BlockTrace[],
): { inputs: Tensor[]; gradients: Record<string, Tensor> } {
  const inputs: Tensor[] = [];
  const sums: Record<string, Tensor> = {};
  let later: KeysAndValues | null = null;
  for (let lane = gradients.length - 1; lane >= 0; lane--) {
    const isContinued = positions[lane + 1]?.continues ?? false;
    const back = backwardBlock(operations, gradients[lane]!, weights, shape, positions[lane]!, traces[lane]!, isContinued ? later : null);
    inputs[lane] = back.input;
    later = back.past;
    for (const [name, gradient] of namedGradients(back.gradients)) {
      sums[name] = sums[name] ? operations.add(sums[name], gradient) : gradient;
    }
  }
  return { inputs, gradients: sums };
}

/** By role for a weight, by `role.bias` for its bias, by `role.a` and `role.b` for an adapter. */
function namedGradients(gradients: BlockGradients): [string, Tensor][] {
  return Object.entries(gradients).flatMap(([role, value]: [string, Tensor | null | AttentionGradients['query']]) => {
    if (value === null) return [];
    if ('dtype' in value) return [[role, value]];
    const parts: [string, Tensor | null][] = [
      [role, value.weight],
      [`${role}.bias`, value.bias],
      [`${role}.a`, value.a],
      [`${role}.b`, value.b],
    ];
    return parts.filter((part): part is [string, Tensor] => part[1] !== null);
  });
}
