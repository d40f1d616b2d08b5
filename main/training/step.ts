import type { Mixture } from '../../shared/domain/mixture.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import type { Engine, Tensor } from '../engine/engine.ts';
import { addInto, type Gradients, lossAndGradients } from '../llama/gradients.ts';
import type { Batch } from '../llama/model.ts';
import type { Optimizer } from '../llama/optimizer.ts';
import type { Llama } from '../llama/parameters.ts';
import { learningRateAt } from '../llama/schedule.ts';
import { explainDivergence } from './divergence.ts';
import type { PrefixCache } from './prefix-cache.ts';
import { microBatches, type RunShards, trainingBatch, weightOf, windowKeys } from './windows.ts';

/** What a step works with. */
export interface StepParts {
  configuration: RunConfiguration;
  engine: Engine;
  /** The base with its inserted blocks (or adapters), of which only what the method trains has gradients. */
  model: Llama;
  optimizer: Optimizer;
  /** Which window of which dataset is at each position. */
  mixture: Mixture;
  shards: readonly RunShards[];
  /** What frozen blocks below the first trained one make of a window; null where it is not kept. */
  prefixes: PrefixCache | null;
  /** Whether the backward pass computes activations again. */
  recomputes: boolean;
}

/** What a step says of itself: nats per token, the gradients' global norm before clipping, and the rate it was made with. */
export interface StepResult {
  loss: number;
  gradientNorm: number;
  learningRate: number;
}

/**
 * A training step as in LLaMA Pro (arXiv 2401.02415, section 3): the next windows of old and new text go through the whole model, the loss is that
 * of predicting each next token, its gradients reach the inserted blocks alone while all the rest stays as it was, and AdamW moves them.
 * @param step counted from 1.
 * @param rateFactor what the schedule's learning rate is multiplied with: 1 unless a guard has lowered it.
 * @throws StrataError DIVERGED when the loss or a gradient is not finite, with the tensor that is to blame; nothing is updated then.
 */
export async function trainingStep(parts: StepParts, step: number, rateFactor: number): Promise<StepResult> {
  const { configuration, engine, model, optimizer, mixture, shards, prefixes, recomputes } = parts;
  const pieces = microBatches(step - 1, configuration);
  const batches = pieces.map((range) => trainingBatch(mixture, shards, range, configuration.context, configuration.packing));
  const prefixOf = prefixes && ((piece: number) => prefixes.prefixOf(batches[piece]!, windowKeys(mixture, pieces[piece]!)));

  const { loss, gradients } = await lossAndGradientsOfStep(engine, model, batches, recomputes, prefixOf);
  const explain = (message: string, found: string): Promise<StrataError> =>
    explainDivergence(engine, model, { message, found, gradients }, configuration);
  try {
    const lossValue = (await engine.read(loss))[0]!;
    // What is wrong in the forward pass shows here first, with the gradients still at hand to say where.
    if (!Number.isFinite(lossValue)) {
      throw await explain(`Training diverged at step ${step}: the loss is not finite.`, `a training loss of ${lossValue}`);
    }
    const learningRate = learningRateAt(step, configuration) * rateFactor;
    const gradientNorm = await optimizer.update(gradients, learningRate, step).catch(async (error: unknown) => {
      if (!(error instanceof StrataError) || error.code !== 'DIVERGED') throw error;
      throw await explain(error.message, error.found!);
    });
    return { loss: lossValue, gradientNorm, learningRate };
  } finally {
    engine.dispose(loss, ...gradients.values());
  }
}

/**
 * Loss and gradients of a step whose windows go through the model in several micro-batches: the same as of all of them at once, because
 * each part is divided by the weight of the whole step before the parts are added. In a step without a single target that counts, loss and
 * gradients are 0. The caller frees both.
 * @param prefixOf what the frozen blocks below the first trained one make of a micro-batch, by its number; freed here. They are computed when left out.
 */
export async function lossAndGradientsOfStep(
  engine: Engine,
  model: Llama,
  microBatches: readonly Batch[],
  recomputes: boolean,
  prefixOf: ((piece: number) => Promise<Tensor[]>) | null = null,
): Promise<{ loss: Tensor; gradients: Gradients }> {
  const totalWeight = microBatches.reduce((sum, batch) => sum + weightOf(batch), 0) || 1;
  let loss: Tensor | null = null;
  let gradients: Gradients = new Map();
  for (const [piece, batch] of microBatches.entries()) {
    const prefix = prefixOf && (await prefixOf(piece));
    const part = lossAndGradients(engine, model, batch, { totalWeight, recomputes, prefix, before: gradients });
    if (prefix) engine.dispose(...prefix);
    loss = loss ? addInto(engine, loss, part.loss) : part.loss;
    gradients = part.gradients;
  }
  return { loss: loss!, gradients };
}
