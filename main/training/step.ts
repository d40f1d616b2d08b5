import type { Engine, Tensor } from '../engine/engine.ts';
import { type Batch, type Gradients, lossAndGradients } from '../llama/model.ts';
import type { Llama } from '../llama/parameters.ts';
import { weightOf } from './windows.ts';

/**
 * Loss and gradients of a step whose windows go through the model in several micro-batches: the same as of all of them at once, because
 * each part is divided by the weight of the whole step before the parts are added. In a step without a single target that counts, loss and
 * gradients are 0. The caller frees both.
 */
export function lossAndGradientsOfStep(
  engine: Engine,
  model: Llama,
  microBatches: readonly Batch[],
  recomputes: boolean,
): { loss: Tensor; gradients: Gradients } {
  const totalWeight = microBatches.reduce((sum, batch) => sum + weightOf(batch), 0) || 1;
  const [first, ...others] = microBatches.map((batch) => () => lossAndGradients(engine, model, batch, { totalWeight, recomputes }));
  let { loss, gradients } = first!();
  for (const next of others) {
    const part = next();
    const sums = new Map([...gradients].map(([name, gradient]) => [name, addInto(engine, gradient, part.gradients.get(name)!)]));
    loss = addInto(engine, loss, part.loss);
    gradients = sums;
  }
  return { loss, gradients };
}

/** Their sum; both are freed, so that no more than one gradient is there twice. */
function addInto(engine: Engine, sum: Tensor, part: Tensor): Tensor {
  const result = engine.add(sum, part);
  engine.dispose(sum, part);
  return result;
}
