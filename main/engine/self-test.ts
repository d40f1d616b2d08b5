import { randomStream } from '../../shared/domain/random.ts';
import type { Engine } from './engine.ts';

/** Errors above this mean a broken kernel, not rounding: values are of the order of 1. */
const TOLERANCE = 1e-4;

/**
 * Runs the operations that training stands on, in small, against plain loops: products in every transposition, softmax,
 * cross-entropy with its gradient, gather and scatter. Leaves nothing behind in the engine.
 */
export async function selfTest(engine: Engine): Promise<{ passed: boolean; milliseconds: number; largestError: number }> {
  const started = performance.now();
  const random = randomStream(1);
  const [rows, inner, columns] = [5, 7, 3];
  const a = Float32Array.from({ length: rows * inner }, () => random() - 0.5);
  const b = Float32Array.from({ length: inner * columns }, () => random() - 0.5);
  const labels = Int32Array.from([2, 0, 1, 1, 2]);
  const product = multiply(a, b, rows, inner, columns);

  const checks = engine.scope(() => {
    const left = engine.tensor(a.slice(), [rows, inner]);
    const right = engine.tensor(b.slice(), [inner, columns]);
    const batch = (x: typeof left): typeof left => engine.reshape(x, [1, ...x.shape]);
    const options = { transposeA: true, transposeB: true };
    const logits = engine.matmul(left, right);
    const ids = engine.tensor(labels.slice(), [rows]);
    const { loss, probabilities } = engine.crossEntropyAndSoftmax(logits, ids);
    const probability = softmaxRows(product, columns);
    const lossOfRows = probability.filter((_, i) => i % columns === labels[Math.floor(i / columns)]).map((p) => -Math.log(p));
    const shared = engine.matmul(engine.reshape(left, [1, 1, rows, inner]), engine.ones([1, 3, inner, 1])); // broadcast over the second axis
    return [
      { got: logits, wanted: product },
      { got: engine.matmul(engine.transpose(left, [1, 0]), engine.transpose(right, [1, 0]), options), wanted: product },
      { got: engine.matmul(batch(left), batch(right)), wanted: product },
      { got: shared, wanted: [0, 1, 2].flatMap(() => sumRows(a, inner)) },
      { got: engine.roll(left, 3, 1), wanted: Array.from(a, (_, i) => a[i - (i % inner) + (((i % inner) + inner - 3) % inner)]!) },
      { got: engine.softmax(logits), wanted: probability },
      { got: probabilities, wanted: probability },
      { got: loss, wanted: lossOfRows },
      { got: engine.crossEntropy(logits, ids), wanted: lossOfRows },
      {
        got: engine.gatherRows(left, ids),
        wanted: labels.reduce<number[]>((all, id) => [...all, ...a.slice(id * inner, (id + 1) * inner)], []),
      },
      { got: engine.scatterAddRows(columns, left, ids), wanted: scatter(a, labels, columns, inner) },
    ];
  });
  let largestError = 0;
  for (const { got, wanted } of checks) {
    const values = await engine.read(got);
    for (const [index, want] of Array.from(wanted).entries()) {
      const error = Math.abs(values[index]! - want);
      if (!(error <= largestError)) largestError = Number.isNaN(error) ? Infinity : error;
    }
  }
  engine.dispose(...checks.map(({ got }) => got));
  return { passed: largestError <= TOLERANCE, milliseconds: performance.now() - started, largestError };
}

function multiply(a: Float32Array, b: Float32Array, rows: number, inner: number, columns: number): number[] {
  return Array.from({ length: rows * columns }, (_, index) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += a[Math.floor(index / columns) * inner + k]! * b[k * columns + (index % columns)]!;
    return sum;
  });
}

/** Sums of the rows of a matrix. */
function sumRows(x: ArrayLike<number>, width: number): number[] {
  return Array.from({ length: x.length / width }, (_, row) =>
    Array.from(x)
      .slice(row * width, (row + 1) * width)
      .reduce((sum, each) => sum + each, 0),
  );
}

function softmaxRows(logits: readonly number[], columns: number): number[] {
  return logits.map((logit, index) => {
    const row = logits.slice(index - (index % columns), index - (index % columns) + columns);
    return Math.exp(logit) / row.reduce((sum, each) => sum + Math.exp(each), 0);
  });
}

function scatter(updates: Float32Array, ids: Int32Array, rows: number, width: number): number[] {
  const table = new Array<number>(rows * width).fill(0);
  for (const [index, value] of updates.entries()) table[ids[Math.floor(index / width)]! * width + (index % width)]! += value;
  return table;
}
