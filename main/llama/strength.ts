import { StrataError } from '../../shared/errors.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import type { Block, LinearParameter, Llama, Parameter } from './parameters.ts';

/** A model with its dials set, and what was made for it. */
export interface DialledLlama {
  model: Llama;
  /** Frees the scaled matrices; the model that it was made from stays. */
  dispose(): void;
}

/**
 * The same model with its inserted blocks turned down: what a block of strength s adds to the residual stream, attention output and down
 * projection with their biases, is multiplied by s. A block of strength 0 is left out, so that all of them at 0 are the base to the last bit; one
 * of strength 1 is as it is. Only the two matrices of blocks between are made anew; everything else is the model's own.
 * @param strengths of each block, from 0 to 1; 1 for those of the base.
 * @throws StrataError BAD_INPUT for other numbers: a block of the base has no strength to turn down.
 */
export function withStrengths(engine: Engine, model: Llama, strengths: readonly number[]): DialledLlama {
  checkStrengths(model, strengths);
  const made: Tensor[] = [];
  const scaled = <P extends Parameter>(parameter: P, strength: number): P => {
    const values = engine.keep(engine.scope(() => engine.scale(parameter.value(), strength)));
    made.push(values);
    return { ...parameter, variable: null, value: () => values, dispose: () => undefined };
  };
  const linear = (parameter: LinearParameter, strength: number): LinearParameter => ({
    ...scaled(parameter, strength),
    bias: parameter.bias && scaled(parameter.bias, strength),
    adapter: parameter.adapter && { ...parameter.adapter, scale: parameter.adapter.scale * strength },
  });
  const blocks = model.blocks.flatMap((block, position): Block[] => {
    const strength = strengths[position]!;
    if (strength === 0) return [];
    if (strength === 1) return [block];
    return [{ ...block, attentionOutput: linear(block.attentionOutput, strength), down: linear(block.down, strength) }];
  });
  return {
    model: { ...model, blocks, config: { ...model.config, blocks: blocks.length } },
    dispose: () => engine.dispose(...made),
  };
}

function checkStrengths(model: Llama, strengths: readonly number[]): void {
  const wrong = model.blocks.findIndex((block, position) => {
    const strength = strengths[position] ?? NaN;
    return !(strength >= 0 && strength <= 1) || (strength !== 1 && !block.isInserted);
  });
  if (wrong === -1 && strengths.length === model.blocks.length) return;
  throw new StrataError('BAD_INPUT', 'These strengths do not fit the blocks of the model.', {
    found: wrong === -1 ? `${strengths.length} strengths for ${model.blocks.length} blocks` : `${strengths[wrong]} for block ${wrong}`,
    allowed: 'a number from 0 to 1 for each inserted block, and 1 for those of the base',
  });
}

/** Turns the low-rank adapters of a model down: `x W^T + s scale (x A^T) B^T`. At 0 the base to the last bit. Shares the model's tensors. */
export function withAdapterStrength(model: Llama, strength: number): Llama {
  const dial = (parameter: LinearParameter): LinearParameter => {
    const { adapter } = parameter;
    return { ...parameter, adapter: adapter && strength > 0 ? { ...adapter, scale: adapter.scale * strength } : null };
  };
  const blocks = model.blocks.map((block) => ({
    ...block,
    query: dial(block.query),
    key: dial(block.key),
    value: dial(block.value),
    attentionOutput: dial(block.attentionOutput),
    gate: dial(block.gate),
    up: dial(block.up),
    down: dial(block.down),
  }));
  return { ...model, blocks };
}
