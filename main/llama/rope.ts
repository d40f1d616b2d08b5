import type { Engine, Operations, Tensor } from '../engine/engine.ts';

/** Cosines and signed sines of the rotary angles of positions [first, first + T), each [D, T]. */
export interface RotaryTable {
  cosine: Tensor;
  /** Negative in the first half of the rows. */
  sine: Tensor;
}

/**
 * Angles of rotary positions (Su et al., arXiv 2104.09864): position t turns pair i by `t * theta^(-2i/D)`. `factor` multiplies the table: the
 * softmax's 1/sqrt(D) costs nothing there.
 */
export function rotaryTable(engine: Engine, first: number, length: number, headSize: number, theta: number, factor = 1): RotaryTable {
  const pairs = headSize / 2;
  const cosine = new Float32Array(headSize * length);
  const sine = new Float32Array(headSize * length);
  for (let pair = 0; pair < pairs; pair++) {
    // The frequency is rounded to float32 before it is multiplied, as the implementations that models were trained with do.
    const frequency = Math.fround(1 / theta ** ((2 * pair) / headSize));
    for (let time = 0; time < length; time++) {
      const angle = Math.fround((first + time) * frequency);
      const [upper, lower] = [pair * length + time, (pair + pairs) * length + time];
      cosine[upper] = cosine[lower] = factor * Math.cos(angle);
      sine[lower] = factor * Math.sin(angle);
      sine[upper] = -sine[lower]!;
    }
  }
  return { cosine: engine.tensor(cosine, [headSize, length]), sine: engine.tensor(sine, [headSize, length]) };
}

/**
 * Turns heads [..., D, T] by their positions. Pairs are (i, i + D/2), the half-split layout of Hugging Face's LLaMA: rolled by D/2, each
 * element meets its partner. The transpose of a rotation is the rotation back, so the backward pass is the same with `direction` -1.
 */
export function rotate(operations: Operations, x: Tensor, { cosine, sine }: RotaryTable, direction: 1 | -1): Tensor {
  const axis = x.shape.length - 2;
  const partner = operations.multiply(operations.roll(x, x.shape[axis]! / 2, axis), sine);
  const own = operations.multiply(x, cosine);
  return direction === 1 ? operations.add(own, partner) : operations.subtract(own, partner);
}
