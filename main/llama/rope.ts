import type { Engine, Tensor } from '../engine/engine.ts';

/** Cosines and sines of the rotary angles of positions [first, first + T): each [T, D/2]. */
export interface RotaryTable {
  cosine: Tensor;
  sine: Tensor;
}

/** Angles of rotary positions (Su et al., arXiv 2104.09864): position t turns pair i by `t * theta^(-2i/D)`. */
export function rotaryTable(engine: Engine, first: number, length: number, headSize: number, theta: number): RotaryTable {
  const pairs = headSize / 2;
  const cosine = new Float32Array(length * pairs);
  const sine = new Float32Array(length * pairs);
  for (let position = 0; position < length; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      // The frequency is rounded to float32 before it is multiplied, as the implementations that models were trained with do.
      const frequency = Math.fround(1 / theta ** ((2 * pair) / headSize));
      const angle = Math.fround((first + position) * frequency);
      cosine[position * pairs + pair] = Math.cos(angle);
      sine[position * pairs + pair] = Math.sin(angle);
    }
  }
  return { cosine: engine.tensor(cosine, [length, pairs]), sine: engine.tensor(sine, [length, pairs]) };
}

/**
 * Turns heads [..., T, D] by their positions. Pairs are (i, i + D/2), the half-split layout of Hugging Face's LLaMA.
 * The transpose of a rotation is the rotation back, so the backward pass is the same with `direction` -1.
 */
export function rotate(engine: Engine, x: Tensor, table: RotaryTable, direction: 1 | -1): Tensor {
  return engine.scope(() => {
    const [first, second] = engine.split(x, 2, x.shape.length - 1) as [Tensor, Tensor]; // [..., T, D/2] each
    const cosine = table.cosine;
    const sine = direction === 1 ? table.sine : engine.scale(table.sine, -1);
    const turnedFirst = engine.subtract(engine.multiply(first, cosine), engine.multiply(second, sine));
    const turnedSecond = engine.add(engine.multiply(second, cosine), engine.multiply(first, sine));
    return engine.concat([turnedFirst, turnedSecond], x.shape.length - 1);
  });
}
