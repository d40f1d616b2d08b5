import type { Engine, Tensor } from '../engine/engine.ts';
import { addInto, type Gradients, lossAndGradients } from '../llama/gradients.ts';
import type { Batch } from '../llama/model.ts';
import type { Llama } from '../llama/parameters.ts';
import { weightOf } from './windows.ts';

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
