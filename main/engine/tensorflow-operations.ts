import { StrataError } from '../../shared/errors.ts';
import type { DType, Operations, Tensor } from './engine.ts';
import { Scopes } from './scopes.ts';

/** An attribute of a TensorFlow operation, with the name of its kind in TensorFlow's `attr_value.proto`. */
export type Attribute =
  | { name: string; kind: 'type'; value: DType }
  | { name: string; kind: 'int'; value: number }
  | { name: string; kind: 'bool'; value: boolean }
  | { name: string; kind: 'shape'; value: readonly number[] }
  | { name: string; kind: 'string'; value: string };

/** A constant: values with their shape. */
export interface Constant {
  values: Float32Array | Int32Array;
  shape: readonly number[];
}

/**
 * The operations of a LLaMA in TensorFlow's own (names and attributes: its `ops.pbtxt`), with the shape of each result. What is done with one,
 * carried out at once or written into a graph, is left to {@link execute}.
 */
export abstract class TensorFlowOperations<T extends Tensor> extends Scopes<T> implements Operations {
  /** One operation with one result of the given shape. */
  protected abstract execute(
    operation: string,
    attributes: readonly Attribute[],
    inputs: readonly Tensor[],
    shape: readonly number[],
    dtype?: DType,
  ): Tensor;

  /** A tensor of bfloat16 numbers as float32; any other as it is. */
  protected abstract widen(x: Tensor): Tensor;

  /** A constant under a name by which the same one is found again; it is not owned by any scope. */
  protected abstract constant(key: string, make: () => Constant): Tensor;

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.execute('Reshape', [type('T', x.dtype), type('Tshape', 'int32')], [x, this.#integers(shape)], shape, x.dtype);
  }

  transpose(x: Tensor, permutation: readonly number[]): Tensor {
    const shape = permutation.map((axis) => x.shape[axis]!);
    return this.execute('Transpose', [FLOAT, type('Tperm', 'int32')], [x, this.#integers(permutation)], shape);
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    const attributes = [type('T', x.dtype), type('Index', 'int32')];
    return this.execute('Slice', attributes, [x, this.#integers(begin), this.#integers(size)], size, x.dtype);
  }

  concat(xs: readonly Tensor[], axis: number): Tensor {
    const [first] = xs as [Tensor];
    const attributes: Attribute[] = [integer('N', xs.length), type('T', first.dtype), type('Tidx', 'int32')];
    const length = xs.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    return this.execute('ConcatV2', attributes, [...xs, this.#integers(axis)], first.shape.with(axis, length), first.dtype);
  }

  roll(x: Tensor, shift: number, axis: number): Tensor {
    const attributes = [FLOAT, type('Tshift', 'int32'), type('Taxis', 'int32')];
    return this.execute('Roll', attributes, [x, this.#integers(shift), this.#integers(axis)], x.shape);
  }

  ones(shape: readonly number[]): Tensor {
    return this.constant(`ones${String(shape)}`, () => {
      return { values: new Float32Array(shape.reduce((product, length) => product * length, 1)).fill(1), shape };
    });
  }

  zeros(shape: readonly number[]): Tensor {
    return this.execute('Fill', [FLOAT, type('index_type', 'int32')], [this.#integers(shape), this.#scalar(0)], shape);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.scope(() => this.execute('AddV2', [FLOAT], [this.widen(a), this.widen(b)], broadcast(a.shape, b.shape)));
  }

  subtract(a: Tensor, b: Tensor): Tensor {
    return this.execute('Sub', [FLOAT], [a, b], broadcast(a.shape, b.shape));
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.execute('Mul', [FLOAT], [a, b], broadcast(a.shape, b.shape));
  }

  scale(x: Tensor, factor: number): Tensor {
    return this.scope(() => this.execute('Mul', [FLOAT], [this.widen(x), this.#scalar(factor)], x.shape));
  }

  square(x: Tensor): Tensor {
    return this.execute('Square', [FLOAT], [x], x.shape);
  }

  exp(x: Tensor): Tensor {
    return this.execute('Exp', [FLOAT], [x], x.shape);
  }

  sigmoid(x: Tensor): Tensor {
    return this.execute('Sigmoid', [FLOAT], [x], x.shape);
  }

  rsqrt(x: Tensor, offset: number): Tensor {
    return this.scope(() => {
      const shifted = this.execute('AddV2', [FLOAT], [x, this.#scalar(offset)], x.shape);
      return this.execute('Rsqrt', [FLOAT], [shifted], x.shape);
    });
  }

  matmul(a: Tensor, b: Tensor, options: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor {
    const isMatrix = a.shape.length === 2;
    const [left, right] = isMatrix ? ['transpose_a', 'transpose_b'] : ['adj_x', 'adj_y'];
    const attributes = [flag(left!, options.transposeA ?? false), flag(right!, options.transposeB ?? false), FLOAT];
    const rows = a.shape.at(options.transposeA ? -1 : -2)!;
    const columns = b.shape.at(options.transposeB ? -2 : -1)!;
    const shape = [...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
    return this.scope(() => this.execute(isMatrix ? 'MatMul' : 'BatchMatMulV2', attributes, [this.widen(a), this.widen(b)], shape));
  }

  sum(x: Tensor, axis: number, keepAxis = false): Tensor {
    return this.#reduce('Sum', x, axis, keepAxis);
  }

  softmax(x: Tensor): Tensor {
    return this.execute('Softmax', [FLOAT], [x], x.shape);
  }

  logSoftmax(x: Tensor): Tensor {
    return this.execute('LogSoftmax', [FLOAT], [x], x.shape);
  }

  gatherRows(table: Tensor, ids: Tensor): Tensor {
    return this.execute('GatherV2', gatherAttributes(0), [table, ids, this.#integers(0)], [ids.shape[0]!, table.shape[1]!]);
  }

  scatterAddRows(table: Tensor, updates: Tensor, ids: Tensor): Tensor {
    return this.scope(() => {
      const indices = this.reshape(ids, [ids.shape[0]!, 1]);
      return this.execute('TensorScatterAdd', [FLOAT, type('Tindices', 'int32')], [table, indices, updates], table.shape);
    });
  }

  crossEntropy(logits: Tensor, labels: Tensor): Tensor {
    return this.scope(() => {
      const top = this.#reduce('Max', logits, 1, true); // [N, 1]
      const total = this.sum(this.exp(this.subtract(logits, top)), 1); // [N]
      const logTotal = this.add(this.log(total, 0), this.reshape(top, total.shape));
      return this.subtract(logTotal, this.pick(logits, labels));
    });
  }

  log(x: Tensor, offset: number): Tensor {
    return this.scope(() => {
      const shifted = offset === 0 ? x : this.execute('AddV2', [FLOAT], [x, this.#scalar(offset)], x.shape);
      return this.execute('Log', [FLOAT], [shifted], x.shape);
    });
  }

  rankOfTop(x: Tensor, ranking: Tensor): Tensor {
    return this.scope(() => {
      const rows = [x.shape[0]!];
      const top = this.execute(
        'ArgMax',
        [FLOAT, type('Tidx', 'int32'), type('output_type', 'int32')],
        [x, this.#integers(1)],
        rows,
        'int32',
      );
      const value = this.reshape(this.pick(ranking, top), [rows[0]!, 1]);
      // 1 where a value is larger than that one, otherwise 0: in floats, because there is no tensor of truths here.
      const above = this.execute('Relu', [FLOAT], [this.subtract(ranking, value)], ranking.shape);
      const larger = this.execute('Sign', [FLOAT], [above], ranking.shape);
      return this.execute('AddV2', [FLOAT], [this.sum(larger, 1), this.#scalar(1)], rows);
    });
  }

  sumOfSquares(x: Tensor): Tensor {
    return this.scope(() => this.scale(this.execute('L2Loss', [FLOAT], [x], []), 2)); // L2Loss is half of it
  }

  #reduce(operation: 'Sum' | 'Max', x: Tensor, axis: number, keepAxis = false): Tensor {
    const attributes = [flag('keep_dims', keepAxis), FLOAT, type('Tidx', 'int32')];
    const shape = keepAxis ? x.shape.with(axis, 1) : x.shape.toSpliced(axis, 1);
    return this.execute(operation, attributes, [x, this.#integers([axis])], shape);
  }

  pick(x: Tensor, ids: Tensor): Tensor {
    return this.execute('GatherV2', gatherAttributes(1), [x, ids, this.#integers(1)], ids.shape);
  }

  /** An int32 constant: a vector for an array, a scalar for a number. */
  #integers(value: readonly number[] | number): Tensor {
    return this.constant(`i${String(value)}${typeof value === 'number' ? '' : 'v'}`, () =>
      typeof value === 'number' ? { values: Int32Array.of(value), shape: [] } : { values: Int32Array.from(value), shape: [value.length] },
    );
  }

  #scalar(value: number): Tensor {
    return this.constant(`f${value}`, () => ({ values: Float32Array.of(value), shape: [] }));
  }
}

export function type(name: string, value: DType): Attribute {
  return { name, kind: 'type', value };
}

export function integer(name: string, value: number): Attribute {
  return { name, kind: 'int', value };
}

export function flag(name: string, value: boolean): Attribute {
  return { name, kind: 'bool', value };
}

/** What a cast from bfloat16 to float32 needs; nothing is lost by it. */
export const WIDENING: readonly Attribute[] = [type('SrcT', 'bfloat16'), type('DstT', 'float32'), flag('Truncate', false)];

export const FLOAT: Attribute = type('T', 'float32');

function gatherAttributes(batchAxes: number): Attribute[] {
  return [type('Tparams', 'float32'), type('Tindices', 'int32'), type('Taxis', 'int32'), integer('batch_dims', batchAxes)];
}

/** The shape of an element-wise result: axes are matched from the last, and a length of 1 stretches. */
function broadcast(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => {
    const back = index - Math.max(a.length, b.length);
    const [left, right] = [a.at(back) ?? 1, b.at(back) ?? 1];
    if (left !== right && left !== 1 && right !== 1) {
      throw new StrataError('INTERNAL', 'Shapes do not go together.', { found: `[${String(a)}] and [${String(b)}]` });
    }
    return left === 1 ? right : left;
  });
}
