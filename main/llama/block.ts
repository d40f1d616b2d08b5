import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { attention, attentionBackward, type AttentionTrace, type KeyValueCache, type Positions } from './attention.ts';
import { mlp, mlpBackward, type MlpTrace } from './mlp.ts';
import { BLOCK_TENSORS, type Block, type BlockRole } from './parameters.ts';
import { rmsNorm, rmsNormBackward, type RmsNormTrace } from './rms-norm.ts';

export interface BlockTrace {
  attentionNorm: RmsNormTrace;
  attention: AttentionTrace;
  mlpNorm: RmsNormTrace;
  mlp: MlpTrace;
}

/** `x' = x + attention(norm(x)); y = x' + mlp(norm(x'))` (LLaMA Pro, equations 1 and 2). */
export function forwardBlock(
  engine: Engine,
  x: Tensor,
  block: Block,
  config: LlamaConfig,
  positions: Positions,
  options: { keepsTrace: boolean; cache?: KeyValueCache | null },
): { output: Tensor; trace: BlockTrace | null; cache: KeyValueCache } {
  return engine.scope(() => {
    const attentionNorm = rmsNorm(engine, x, block.attentionNorm.value(), config.normEpsilon);
    const attended = attention(engine, attentionNorm.output, block, config, positions, options);
    const middle = engine.add(x, attended.output); // [N, C]
    const mlpNorm = rmsNorm(engine, middle, block.mlpNorm.value(), config.normEpsilon);
    const fed = mlp(engine, mlpNorm.output, block, options.keepsTrace);
    const trace = attended.trace &&
      fed.trace && { attentionNorm: attentionNorm.trace, attention: attended.trace, mlpNorm: mlpNorm.trace, mlp: fed.trace };
    return { output: engine.add(middle, fed.output), trace, cache: attended.cache };
  });
}

/** Gradients of a block's trainable tensors, by the tensors' names. */
export type Gradients = Map<string, Tensor>;

/** From the gradient of a block's output to that of its input, and of its trainable tensors. */
export function backwardBlock(
  engine: Engine,
  gradient: Tensor,
  block: Block,
  config: LlamaConfig,
  positions: Positions,
  trace: BlockTrace,
): { input: Tensor; gradients: Gradients } {
  return engine.scope(() => {
    const fed = mlpBackward(engine, gradient, block, trace.mlp);
    const mlpNorm = rmsNormBackward(engine, fed.input, block.mlpNorm.value(), trace.mlpNorm, block.mlpNorm.variable !== null);
    const middle = engine.add(gradient, mlpNorm.input);
    const attended = attentionBackward(engine, middle, block, config, positions, trace.attention);
    const attentionNorm = rmsNormBackward(
      engine,
      attended.input,
      block.attentionNorm.value(),
      trace.attentionNorm,
      block.attentionNorm.variable !== null,
    );
    const byRole: Record<BlockRole, Tensor | null> = {
      attentionNorm: attentionNorm.weight,
      query: attended.query,
      key: attended.key,
      value: attended.value,
      attentionOutput: attended.attentionOutput,
      mlpNorm: mlpNorm.weight,
      gate: fed.gate,
      up: fed.up,
      down: fed.down,
    };
    const gradients: Gradients = new Map();
    for (const role of Object.keys(BLOCK_TENSORS) as BlockRole[]) {
      const weightGradient = byRole[role];
      if (weightGradient) gradients.set(block[role].name, weightGradient);
    }
    return { input: engine.add(middle, attentionNorm.input), gradients };
  });
}

/** Whether any tensor of the block is trained. */
export function isBlockTrained(block: Block): boolean {
  return (Object.keys(BLOCK_TENSORS) as BlockRole[]).some((role) => block[role].variable !== null);
}
