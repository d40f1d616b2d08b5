import { randomStream } from '../../shared/domain/random.ts';
import type { Engine, Tensor } from './engine.ts';

/** Errors above this mean a broken kernel, not rounding: values are of the order of 1. */
const TOLERANCE = 1e-4;

export interface SelfTestResult {
  passed: boolean;
  milliseconds: number;
  largestError: number;
  /** The operation with that error. */
  worst: string;
}

/**
 * Runs the operations that training stands on, in small, against plain loops: products in every transposition, softmax,
 * cross-entropy with its gradient, sum, gather and scatter, and one step of training. Leaves nothing behind in the engine.
 */
export async function selfTest(engine: Engine): Promise<SelfTestResult> {
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
    const probability = softmaxRows(product, columns);
    const lossOfRows = probability.filter((_, i) => i % columns === labels[Math.floor(i / columns)]).map((p) => -Math.log(p));
    const shared = engine.matmul(engine.reshape(left, [1, 1, rows, inner]), engine.ones([1, 3, inner, 1])); // broadcast over the second axis
    const transposed = engine.matmul(engine.transpose(left, [1, 0]), engine.transpose(right, [1, 0]), options);
    return [
      { name: 'matmul', got: logits, wanted: product },
      { name: 'matmul, transposed', got: transposed, wanted: product },
      { name: 'matmul, batched', got: engine.matmul(batch(left), batch(right)), wanted: product },
      { name: 'matmul, broadcast', got: shared, wanted: [0, 1, 2].flatMap(() => sumRows(a, inner)) },
      { name: 'sum', got: engine.sum(left, 1), wanted: sumRows(a, inner) },
      {
        name: 'roll',
        got: engine.roll(left, 3, 1),
        wanted: Array.from(a, (_, i) => a[i - (i % inner) + (((i % inner) + inner - 3) % inner)]!),
      },
      { name: 'softmax', got: engine.softmax(logits), wanted: probability },
      { name: 'cross-entropy', got: engine.crossEntropy(logits, ids), wanted: lossOfRows },
      {
        name: 'gather',
        got: engine.gatherRows(left, ids),
        wanted: labels.reduce<number[]>((all, id) => [...all, ...a.slice(id * inner, (id + 1) * inner)], []),
      },
      {
        name: 'scatter',
        got: engine.scatterAddRows(engine.zeros([columns, inner]), left, ids),
        wanted: scatter(a, labels, columns, inner),
      },
      { name: 'a training step', got: trainOnce(engine, left, right, labels), wanted: trainOncePlainly(a, b, labels, probability) },
    ];
  });
  let [largestError, worst] = [0, checks[0]!.name];
  for (const { name, got, wanted } of checks) {
    const values = await engine.read(got);
    for (const [index, want] of Array.from(wanted).entries()) {
      const error = Math.abs(values[index]! - want);
      if (!(error <= largestError)) [largestError, worst] = [Number.isNaN(error) ? Infinity : error, name];
    }
  }
  engine.dispose(...checks.map(({ got }) => got));
  return { passed: largestError <= TOLERANCE, milliseconds: performance.now() - started, largestError, worst };
}

const STEP = { learningRate: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-4, step: 1 };
const DECAY = 0.1;

/** Weights [inner, columns] after one step down the gradient `xT (softmax(x W) - labels)`. */
function trainOnce(engine: Engine, x: Tensor, weights: Tensor, labels: Int32Array): Tensor {
  return engine.scope(() => {
    const columns = weights.shape[1]!;
    const targets = Float32Array.from({ length: labels.length * columns }, (_, i) =>
      Number(i % columns === labels[Math.floor(i / columns)]),
    );
    const error = engine.subtract(engine.softmax(engine.matmul(x, weights)), engine.tensor(targets, [labels.length, columns]));
    const gradient = engine.matmul(x, error, { transposeA: true });
    const zeros = engine.scale(weights, 0);
    const [variable, firstMoment, secondMoment] = [engine.variable(weights), engine.variable(zeros), engine.variable(zeros)];
    engine.adamW([{ variable, firstMoment, secondMoment, gradient, weightDecay: DECAY }], STEP);
    const trained = engine.scale(variable.read(), 1); // a copy, which outlives the variable
    for (const each of [variable, firstMoment, secondMoment]) each.dispose();
    return trained;
  });
}

function trainOncePlainly(x: Float32Array, weights: Float32Array, labels: Int32Array, probability: readonly number[]): number[] {
  const [inner, columns] = [x.length / labels.length, weights.length / (x.length / labels.length)];
  return Array.from(weights, (weight, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const gradient = labels.reduce(
      (sum, label, n) => sum + x[n * inner + row]! * (probability[n * columns + column]! - Number(label === column)),
      0,
    );
    // In the first step the corrected moments are the gradient and its square.
    return weight * (1 - STEP.learningRate * DECAY) - (STEP.learningRate * gradient) / (Math.abs(gradient) + STEP.epsilon);
  });
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
