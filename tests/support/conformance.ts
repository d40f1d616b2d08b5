import type { Engine, Tensor, Variable } from '../../main/engine/engine.ts';
import { at, build, elementsOf, type Plain, plainSoftmax, randomPlain, sumOver } from './plain-tensor.ts';

/**
 * What every engine must compute, each with the value that plain loops in 64-bit floats give. Shapes are odd on purpose: kernels that work in
 * groups of four or sixteen have their faults at the edges.
 */
export interface ConformanceCase {
  name: string;
  /** Belongs to the caller. */
  run(engine: Engine): Tensor;
  wanted: Plain;
}

/** Error of an engine in a case, relative to the largest value that is wanted (or to 1). Infinite when shapes differ or a value is no number. */
export async function errorOf(engine: Engine, { run, wanted }: ConformanceCase): Promise<number> {
  const tensor = engine.scope(() => run(engine));
  const values = await engine.read(tensor);
  const shape = [...tensor.shape];
  engine.dispose(tensor);
  if (String(shape) !== String(wanted.shape) || values.length !== wanted.values.length) return Infinity;
  let [error, size] = [0, 1];
  for (const [index, value] of wanted.values.entries()) {
    const difference = Math.abs(values[index]! - value);
    error = Number.isNaN(difference) ? Infinity : Math.max(error, difference);
    size = Math.max(size, Math.abs(value));
  }
  return error / size;
}

export function toEngine(engine: Engine, x: Plain): Tensor {
  return engine.tensor(Float32Array.from(x.values), x.shape);
}

/** A case of an operation on one or more tensors. */
function caseOf(name: string, inputs: readonly Plain[], run: (engine: Engine, inputs: Tensor[]) => Tensor, wanted: Plain): ConformanceCase {
  return {
    name,
    wanted,
    run: (engine) =>
      run(
        engine,
        inputs.map((each) => toEngine(engine, each)),
      ),
  };
}

const integers = (engine: Engine, values: readonly number[]): Tensor => engine.tensor(Int32Array.from(values), [values.length]);
const x235 = randomPlain([2, 3, 5], 1);
const x2345 = randomPlain([2, 3, 4, 5], 2);
const matrix = randomPlain([7, 13], 3);

const movements: ConformanceCase[] = [
  caseOf('reshape', [x235], (e, [x]) => e.reshape(x!, [5, 6]), { shape: [5, 6], values: x235.values }),
  caseOf(
    'transpose of a matrix',
    [matrix],
    (e, [x]) => e.transpose(x!, [1, 0]),
    build([13, 7], ([i, j]) => at(matrix, [j!, i!])),
  ),
  caseOf(
    'transpose of four axes',
    [x2345],
    (e, [x]) => e.transpose(x!, [0, 2, 1, 3]),
    build([2, 4, 3, 5], ([a, b, c, d]) => at(x2345, [a!, c!, b!, d!])),
  ),
  caseOf(
    'transpose, last axis first',
    [x235],
    (e, [x]) => e.transpose(x!, [2, 0, 1]),
    build([5, 2, 3], ([a, b, c]) => at(x235, [b!, c!, a!])),
  ),
  caseOf(
    'slice',
    [x2345],
    (e, [x]) => e.slice(x!, [1, 0, 1, 2], [1, 3, 2, 3]),
    build([1, 3, 2, 3], ([a, b, c, d]) => at(x2345, [a! + 1, b!, c! + 1, d! + 2])),
  ),
  {
    name: 'slice of integers',
    run: (e) => e.slice(integers(e, [3, 1, 4, 1, 5]), [1], [3]),
    wanted: build([3], ([i]) => [1, 4, 1][i!]!),
  },
  ...[0, 1, 2].map((axis) => {
    const other = randomPlain(x235.shape.with(axis, 4), 4);
    const shape = x235.shape.with(axis, x235.shape[axis]! + 4);
    return caseOf(
      `concat along axis ${axis}`,
      [x235, other],
      (e, xs) => e.concat(xs, axis),
      build(shape, (index) => {
        const beyond = index[axis]! - x235.shape[axis]!;
        return beyond < 0 ? at(x235, index) : at(other, index.with(axis, beyond));
      }),
    );
  }),
  caseOf(
    'concat of more tensors than a shader binds buffers',
    Array.from({ length: 37 }, (_, seed) => randomPlain([1, 3], seed)),
    (e, xs) => e.concat(xs, 0),
    build([37, 3], ([row, column]) => at(randomPlain([1, 3], row!), [0, column!])),
  ),
  ...[
    [2, 2],
    [-1, 2],
    [1, 0],
    [0, 1],
    [4, 1],
  ].map(([shift, axis]) =>
    caseOf(
      `roll by ${shift} along axis ${axis}`,
      [x235],
      (e, [x]) => e.roll(x!, shift!, axis!),
      build(x235.shape, (index) => {
        const length = x235.shape[axis!]!;
        return at(x235, index.with(axis!, (((index[axis!]! - shift!) % length) + length) % length));
      }),
    ),
  ),
  { name: 'zeros', run: (e) => e.zeros([3, 1, 5]), wanted: build([3, 1, 5], () => 0) },
  { name: 'ones', run: (e) => e.scale(e.ones([3, 1, 5]), 1), wanted: build([3, 1, 5], () => 1) },
];

const BINARY = {
  add: (a: number, b: number) => a + b,
  subtract: (a: number, b: number) => a - b,
  multiply: (a: number, b: number) => a * b,
};
const BROADCASTS: [number[], number[]][] = [
  [
    [2, 3, 5],
    [2, 3, 5],
  ],
  [[2, 3, 5], [5]],
  [[], [2, 3, 5]],
  [
    [2, 1, 5],
    [1, 3, 1],
  ],
  [
    [2, 3, 4, 5],
    [4, 5],
  ],
];

const elementwise: ConformanceCase[] = [
  ...(['add', 'subtract', 'multiply'] as const).flatMap((operation) =>
    BROADCASTS.map(([left, right]) => {
      const [a, b] = [randomPlain(left, 5), randomPlain(right, 6)];
      const rank = Math.max(left.length, right.length);
      const lengthOf = (shape: number[], axis: number): number => shape[axis - rank + shape.length] ?? 1;
      const shape = Array.from({ length: rank }, (_, axis) => Math.max(lengthOf(left, axis), lengthOf(right, axis)));
      return caseOf(
        `${operation} of [${left.join(', ')}] and [${right.join(', ')}]`,
        [a, b],
        (e, [x, y]) => e[operation](x!, y!),
        build(shape, (index) => BINARY[operation](at(a, index), at(b, index))),
      );
    }),
  ),
  ...(
    [
      ['scale', (e: Engine, x: Tensor) => e.scale(x, -0.75), (value: number) => value * -0.75],
      ['square', (e: Engine, x: Tensor) => e.square(x), (value: number) => value * value],
      ['exp', (e: Engine, x: Tensor) => e.exp(x), Math.exp],
      ['log', (e: Engine, x: Tensor) => e.log(e.square(x), 0.5), (value: number) => Math.log(value * value + 0.5)],
      ['sigmoid', (e: Engine, x: Tensor) => e.sigmoid(x), (value: number) => 1 / (1 + Math.exp(-value))],
      ['rsqrt', (e: Engine, x: Tensor) => e.rsqrt(e.square(x), 0.01), (value: number) => 1 / Math.sqrt(value * value + 0.01)],
    ] as const
  ).map(([name, run, value]) =>
    caseOf(
      name,
      [matrix],
      (e, [x]) => run(e, x!),
      build(matrix.shape, (index) => value(at(matrix, index))),
    ),
  ),
];

/** [axes before, rows, inner, columns] of products; the axes before may broadcast. */
const PRODUCTS: { left: number[]; right: number[]; sizes: [number, number, number] }[] = [
  { left: [], right: [], sizes: [1, 1, 1] },
  { left: [], right: [], sizes: [1, 9, 5] },
  { left: [], right: [], sizes: [7, 13, 3] },
  { left: [], right: [], sizes: [33, 65, 17] },
  { left: [3], right: [3], sizes: [5, 4, 7] },
  { left: [2, 3], right: [2, 3], sizes: [4, 5, 6] },
  { left: [2, 3], right: [2, 1], sizes: [5, 3, 4] },
  { left: [2, 1], right: [2, 3], sizes: [5, 3, 4] },
  { left: [1, 3], right: [2, 1], sizes: [3, 4, 5] },
  { left: [2, 3], right: [2, 1], sizes: [37, 45, 41] },
];

const products: ConformanceCase[] = PRODUCTS.flatMap(({ left, right, sizes: [rows, inner, columns] }, seed) =>
  [false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => {
      const a = randomPlain([...left, ...(transposeA ? [inner, rows] : [rows, inner])], 10 + seed);
      const b = randomPlain([...right, ...(transposeB ? [columns, inner] : [inner, columns])], 50 + seed);
      const batch = left.map((length, axis) => Math.max(length, right[axis]!));
      const flags = [transposeA && 'left', transposeB && 'right'].filter(Boolean).join(' and ') || 'neither';
      return caseOf(
        `matmul of [${a.shape.join(', ')}] and [${b.shape.join(', ')}], ${flags} transposed`,
        [a, b],
        (e, [x, y]) => e.matmul(x!, y!, { transposeA, transposeB }),
        build([...batch, rows, columns], (index) => {
          const [row, column] = index.slice(-2) as [number, number];
          const matrixAt = (i: number, j: number): number[] => [...index.slice(0, -2), i, j];
          return sumOver(inner, (k) => {
            const fromA = at(a, transposeA ? matrixAt(k, row) : matrixAt(row, k));
            return fromA * at(b, transposeB ? matrixAt(column, k) : matrixAt(k, column));
          });
        }),
      );
    }),
  ),
);

/** The same values with the lower halves of their bits zero, and as they are. */
const FROZEN = [
  ['of bfloat16 numbers', roundToBfloat16(matrix)],
  ['of other numbers', matrix],
] as const;

function roundToBfloat16({ shape, values }: Plain): Plain {
  const bits = new Uint32Array(Float32Array.from(values).buffer).map((each) => each & 0xffff0000);
  return { shape, values: Float64Array.from(new Float32Array(bits.buffer)) };
}

const frozen: ConformanceCase[] = FROZEN.flatMap(([name, weights]) => {
  const rows = randomPlain([5, 13], 30);
  const make = (e: Engine): Tensor => e.frozenMatrix(Float32Array.from(weights.values), weights.shape);
  const product = build([5, 7], ([row, column]) => sumOver(13, (k) => at(rows, [row!, k]) * at(weights, [column!, k])));
  const options = { transposeB: true };
  return [
    { name: `frozen matrix ${name}, read`, run: make, wanted: weights },
    { name: `frozen matrix ${name}, in a product`, run: (e) => e.matmul(toEngine(e, rows), make(e), options), wanted: product },
    {
      name: `frozen matrix ${name}, in a compiled product`,
      run: (e) => e.run('product', { rows: toEngine(e, rows), weights: make(e) }, (o, each) => o.matmul(each.rows, each.weights, options)),
      wanted: product,
    },
    {
      name: `frozen matrix ${name}, scaled and added to`,
      run: (e) => e.add(make(e), e.scale(make(e), 2)),
      wanted: build(weights.shape, (index) => 3 * at(weights, index)),
    },
  ];
});

const wide = build([3, 37], ([row, column]) => Math.fround(10 * Math.sin(1 + row! * 37 + column!))); // large logits too
const ranking = randomPlain([3, 37], 12);
const ids = [4, 0, 2, 4, 1];
const labels = [36, 0, 17];
const table = randomPlain([5, 7], 7);
const updates = randomPlain([5, 7], 8);
const sums = randomPlain([6, 7], 11);
const logProbabilities = build(wide.shape, (index) => Math.log(at(plainSoftmax(wide), index)));
const losses = build([3], ([row]) => -at(logProbabilities, [row!, labels[row!]!]));

const reductions: ConformanceCase[] = [
  ...[0, 1, 2, 3].flatMap((axis) =>
    [false, true].map((keepAxis) => {
      const shape = keepAxis ? x2345.shape.with(axis, 1) : x2345.shape.toSpliced(axis, 1);
      return caseOf(
        `sum over axis ${axis}${keepAxis ? ', kept' : ''}`,
        [x2345],
        (e, [x]) => e.sum(x!, axis, keepAxis),
        build(shape, (index) =>
          sumOver(x2345.shape[axis]!, (k) => at(x2345, keepAxis ? index.with(axis, k) : index.toSpliced(axis, 0, k))),
        ),
      );
    }),
  ),
  caseOf('sum of a long vector', [randomPlain([4999], 9)], (e, [x]) => e.sum(x!, 0), {
    shape: [],
    values: Float64Array.of(randomPlain([4999], 9).values.reduce((sum, each) => sum + each, 0)),
  }),
  caseOf('softmax of rows', [wide], (e, [x]) => e.softmax(x!), plainSoftmax(wide)),
  caseOf('softmax of four axes', [x2345], (e, [x]) => e.softmax(x!), plainSoftmax(x2345)),
  caseOf('logSoftmax', [wide], (e, [x]) => e.logSoftmax(x!), logProbabilities),
  caseOf(
    'gatherRows',
    [table],
    (e, [x]) => e.gatherRows(x!, integers(e, ids)),
    build([5, 7], ([row, column]) => at(table, [ids[row!]!, column!])),
  ),
  caseOf(
    'scatterAddRows, an id twice and one never',
    [sums, updates],
    (e, [x, y]) => e.scatterAddRows(x!, y!, integers(e, ids)),
    build([6, 7], ([row, column]) => at(sums, [row!, column!]) + sumOver(5, (n) => (ids[n] === row ? at(updates, [n, column!]) : 0))),
  ),
  caseOf('crossEntropy', [wide], (e, [x]) => e.crossEntropy(x!, integers(e, labels)), losses),
  caseOf(
    'pick',
    [wide],
    (e, [x]) => e.pick(x!, integers(e, labels)),
    build([3], ([row]) => at(wide, [row!, labels[row!]!])),
  ),
  caseOf(
    'rankOfTop',
    [wide, ranking],
    (e, [x, y]) => e.rankOfTop(x!, y!),
    build([3], ([row]) => {
      const columns = Array.from({ length: 37 }, (_, column) => column);
      const top = columns.reduce((best, column) => (at(wide, [row!, column]) > at(wide, [row!, best]) ? column : best));
      return 1 + columns.filter((column) => at(ranking, [row!, column]) > at(ranking, [row!, top])).length;
    }),
  ),
  caseOf(
    'rankOfTop, by the same values',
    [wide],
    (e, [x]) => e.rankOfTop(x!, x!),
    build([3], () => 1),
  ),
  caseOf('sumOfSquares', [x2345], (e, [x]) => e.sumOfSquares(x!), {
    shape: [],
    values: Float64Array.of(x2345.values.reduce((sum, each) => sum + each * each, 0)),
  }),
];

const ADAM = { learningRate: 0.05, beta1: 0.9, beta2: 0.95, epsilon: 1e-3 };
const [start, decay] = [randomPlain([3, 5], 20), 0.2];
const gradients = [21, 22, 23].map((seed) => randomPlain([3, 5], seed));
const STATES = ['weights', 'first moment', 'second moment'] as const;

/** Decay, moments, bias correction, step: Loshchilov & Hutter, algorithm 2, in three steps. */
function plainAdamW(state: (typeof STATES)[number]): Plain {
  const states = { weights: start.values.slice(), 'first moment': new Float64Array(15), 'second moment': new Float64Array(15) };
  for (const [index, { values }] of gradients.entries()) {
    const step = index + 1;
    for (const [i, gradient] of values.entries()) {
      const m = (states['first moment'][i] = ADAM.beta1 * states['first moment'][i]! + (1 - ADAM.beta1) * gradient);
      const v = (states['second moment'][i] = ADAM.beta2 * states['second moment'][i]! + (1 - ADAM.beta2) * gradient ** 2);
      const direction = m / (1 - ADAM.beta1 ** step) / (Math.sqrt(v / (1 - ADAM.beta2 ** step)) + ADAM.epsilon);
      states.weights[i] = states.weights[i]! * (1 - ADAM.learningRate * decay) - ADAM.learningRate * direction;
    }
  }
  return { shape: [3, 5], values: states[state] };
}

const updating: ConformanceCase[] = [
  {
    name: 'variable: made, assigned, read',
    run: (e) => {
      const variable = e.variable(toEngine(e, x235));
      variable.assign(e.scale(variable.read(), 2));
      const read = e.scale(variable.read(), 1);
      variable.dispose();
      return read;
    },
    wanted: build(x235.shape, (index) => 2 * at(x235, index)),
  },
  ...STATES.map((state, index) => ({
    name: `adamW: ${state} after three steps`,
    run: (e: Engine) => {
      const zeros = (): Variable => e.variable(e.tensor(new Float32Array(elementsOf(start.shape)), start.shape));
      const variables = [e.variable(toEngine(e, start)), zeros(), zeros()] as const;
      const [variable, firstMoment, secondMoment] = variables;
      for (const [step, gradient] of gradients.entries()) {
        e.adamW([{ variable, firstMoment, secondMoment, gradient: toEngine(e, gradient), weightDecay: decay }], {
          ...ADAM,
          step: step + 1,
        });
      }
      const result = e.scale(variables[index]!.read(), 1);
      for (const each of variables) each.dispose();
      return result;
    },
    wanted: plainAdamW(state),
  })),
];

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...movements,
  ...elementwise,
  ...products,
  ...frozen,
  ...reductions,
  ...updating,
];
