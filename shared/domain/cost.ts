import { blockParameters, type LlamaConfig } from './llama-config.ts';
import { elementsOf } from './llama-tensors.ts';
import { type Method, placementOf, trainedConfig, trainedTensors } from './method.ts';

/**
 * Floating-point operations of training and measuring: what matrix products need, a multiplication and an addition each counted. The rest of a
 * step is in proportion to them, so that their ratio says how long one run takes beside another on the same engine.
 */
interface Work {
  config: LlamaConfig;
  method: Method;
  /** Tokens per window: attention grows with it. */
  context: number;
}

interface TrainingWork extends Work {
  /** Of the windows, those that come again: what frozen blocks below the first trained one make of them is kept. None when left out. */
  repeatedShare?: number;
}

/** Operations for one trained token: all blocks forward, those that need it backward, and the gradients of what is trained. */
export function trainingFlops({ config, method, context, repeatedShare = 0 }: TrainingWork): number {
  const { blocks, backwardBlocks, cacheableBlocks } = placementOf(method, config);
  const forwardBlocks = blocks - repeatedShare * cacheableBlocks;
  const trained = trainedTensors(method, config).filter(({ name, shape }) => shape.length > 1 && !name.includes('embed_tokens'));
  const weightGradients = 2 * trained.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  // Adapters go forward and backward beside their matrices.
  const adapters = method.name === 'lora' ? 2 * weightGradients : 0;
  const tiedHead = method.name === 'full' && config.tiedEmbeddings ? headFlops(config) : 0;
  const through =
    (forwardBlocks + 2 * backwardBlocks) * attentionFlops(config, context) + (forwardBlocks + backwardBlocks) * matrixFlops(config);
  return through + 2 * headFlops(config) + weightGradients + adapters + tiedHead;
}

/** Operations for one measured token: forward only, twice where the drift from the base is measured as well. */
export function evaluationFlops({ config, method, context }: Work, withDrift: boolean): number {
  const forward = (blocks: number): number => blocks * (matrixFlops(config) + attentionFlops(config, context)) + headFlops(config);
  return forward(trainedConfig(method, config).blocks) + (withDrift ? forward(config.blocks) : 0);
}

/** Forward through the matrices of a block. */
function matrixFlops(config: LlamaConfig): number {
  return 2 * (blockParameters(config) - 2 * config.hiddenSize);
}

/** Forward through the products of queries with keys and of probabilities with values; the masked half is computed, too. */
function attentionFlops(config: LlamaConfig, context: number): number {
  return 2 * 2 * config.heads * config.headSize * context;
}

function headFlops(config: LlamaConfig): number {
  return 2 * config.vocabularySize * config.hiddenSize;
}
