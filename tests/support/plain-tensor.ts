import { normalStream, randomStream } from '../../shared/domain/random.ts';

/** Tensors as plain loops in 64-bit floats: what engines are compared with. Slow, and short enough to be seen to be right. */
export interface Plain {
  shape: readonly number[];
  values: Float64Array;
}

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A tensor made element by element. */
export function build(shape: readonly number[], value: (index: number[]) => number): Plain {
  const values = Float64Array.from({ length: elementsOf(shape) }, (_, place) => {
    const index: number[] = [];
    let rest = place;
    for (const length of shape.toReversed()) {
      index.unshift(rest % length);
      rest = Math.floor(rest / length);
    }
    return value(index);
  });
  return { shape, values };
}

/** One element; an axis of length 1 stands for any length, and leading axes that are not there are left out. */
export function at(x: Plain, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return x.values[own.reduce((place, each, axis) => place * x.shape[axis]! + (x.shape[axis] === 1 ? 0 : each), 0)]!;
}

/** Sum of a function of 0 ... length - 1. */
export function sumOver(length: number, value: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < length; index++) sum += value(index);
  return sum;
}

/** Normally distributed values that float32 holds exactly. */
export function randomPlain(shape: readonly number[], seed: number): Plain {
  const normal = normalStream(randomStream(seed));
  return build(shape, () => Math.fround(normal()));
}

/** The softmax along the last axis. */
export function plainSoftmax(x: Plain): Plain {
  const length = x.shape.at(-1)!;
  return build(x.shape, (index) => {
    const row = Array.from({ length }, (_, column) => at(x, index.with(-1, column)));
    const top = Math.max(...row);
    return Math.exp(at(x, index) - top) / row.reduce((sum, each) => sum + Math.exp(each - top), 0);
  });
}
