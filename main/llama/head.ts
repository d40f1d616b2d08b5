import type { Operations, Tensor } from '../engine/engine.ts';
import { type Norm, rmsNorm, rmsNormBackward } from './rms-norm.ts';

/** The end of the model: final norm and vocabulary head [V, C], as values to compute with. */
export interface HeadWeights {
  finalNorm: Norm;
  head: Tensor; // [V, C]
  isTrained: boolean;
  normEpsilon: number;
}

/** Some rows of the residual stream, the id that should follow each, and how much each counts in the loss. */
export interface HeadRows {
  x: Tensor; // [N, C]
  labels: Tensor; // [N]
  share: Tensor; // [N, 1]
}

/** Logits [N, V] of rows [N, C] of the residual stream. */
export function logitsOf(operations: Operations, x: Tensor, { finalNorm, head, normEpsilon }: HeadWeights): Tensor {
  return operations.matmul(rmsNorm(operations, x, finalNorm, normEpsilon).output, head, { transposeB: true });
}

/** The smallest normal float32. Added to a probability it is lost in rounding, except where that is zero: the loss is 87 nats there, not infinite. */
const SMALLEST_PROBABILITY = 2 ** -126;

/**
 * The loss `sum of share * cross-entropy` and its gradients. With p the softmax of the logits, y the one-hot labels, s the shares and h the
 * normalised rows: `dh = s (p E - E[labels])` and `dE = p^T (s h) - y^T (s h)`, where y only picks rows: it is never made.
 */
export function headBackward(
  operations: Operations,
  { x, labels, share }: HeadRows,
  { finalNorm, head, isTrained, normEpsilon }: HeadWeights,
): { loss: Tensor; input: Tensor; finalNorm: Tensor | null; head: Tensor | null } {
  const normed = rmsNorm(operations, x, finalNorm, normEpsilon);
  // The softmax takes the memory of the logits, the largest tensor of a step, because nothing else looks at them.
  const probabilities = operations.softmax(operations.matmul(normed.output, head, { transposeB: true })); // [N, V]
  const loss = operations.scale(operations.log(operations.pick(probabilities, labels), SMALLEST_PROBABILITY), -1); // [N]
  const labelRows = operations.gatherRows(head, labels); // [N, C]
  const difference = operations.subtract(operations.matmul(probabilities, head), labelRows); // [N, C]
  const back = rmsNormBackward(operations, operations.multiply(difference, share), finalNorm, normed.trace);
  const total = operations.sum(operations.multiply(loss, operations.reshape(share, loss.shape)), 0, true); // [1]
  if (!isTrained) return { loss: total, input: back.input, finalNorm: back.weight, head: null };
  const shared = operations.multiply(normed.output, share); // [N, C]
  const pushed = operations.matmul(probabilities, shared, { transposeA: true }); // [V, C]
  const both = operations.scatterAddRows(pushed, operations.scale(shared, -1), labels); // [V, C], in the memory of the product
  return { loss: total, input: back.input, finalNorm: back.weight, head: both };
}

/** `KL(p || q) = sum over v of p(v) (log p(v) - log q(v))` of two distributions given by their logits [N, V], row by row, [N]. */
export function divergence(operations: Operations, logitsP: Tensor, logitsQ: Tensor): Tensor {
  const logP = operations.logSoftmax(logitsP);
  const difference = operations.subtract(logP, operations.logSoftmax(logitsQ));
  return operations.sum(operations.multiply(operations.exp(logP), difference), 1);
}
