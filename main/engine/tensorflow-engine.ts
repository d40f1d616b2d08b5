import { StrataError } from '../../shared/errors.ts';
import type { AdamParameter, AdamSettings, DType, Engine, Tensor, Variable } from './engine.ts';
import { Scopes } from './scopes.ts';

/**
 * TensorFlow through the addon of @tensorflow/tfjs-node-gpu, operation by operation: no tape, no kernel wrappers.
 * Operation and attribute names are TensorFlow's own (its `ops.pbtxt`).
 */

/** What the compiled addon offers (see @tensorflow/tfjs-node-gpu, tfjs_binding.d.ts). */
export interface TensorFlowBinding {
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): { id: number; shape: number[]; dtype: number }[];
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  TF_FLOAT: number;
  TF_INT32: number;
  TF_ATTR_STRING: number;
  TF_ATTR_INT: number;
  TF_ATTR_BOOL: number;
  TF_ATTR_TYPE: number;
  TF_ATTR_SHAPE: number;
  TF_Version: string;
}

interface Attribute {
  name: string;
  type: number;
  value: boolean | number | string | readonly number[];
}

class TensorFlowTensor implements Tensor {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  constructor(id: number, shape: readonly number[], dtype: DType) {
    this.id = id;
    this.shape = shape;
    this.dtype = dtype;
  }
}

/** A resource variable: TensorFlow updates it in place. */
class TensorFlowVariable implements Variable {
  readonly shape: readonly number[];
  readonly handle: number;
  readonly #engine: TensorFlowEngine;

  constructor(engine: TensorFlowEngine, handle: number, shape: readonly number[]) {
    this.#engine = engine;
    this.handle = handle;
    this.shape = shape;
  }
  read(): Tensor {
    return this.#engine.readVariable(this);
  }
  assign(value: Tensor): void {
    this.#engine.assignVariable(this, value);
  }
  dispose(): void {
    this.#engine.destroyVariable(this);
  }
}

let variableCount = 0;

export class TensorFlowEngine extends Scopes<TensorFlowTensor> implements Engine {
  readonly name: string;
  readonly version: string;
  readonly #binding: TensorFlowBinding;
  /** Small integer tensors (shapes, axes, permutations) recur by the thousand: made once, kept for ever. */
  readonly #constants = new Map<string, number>();
  readonly #float: Attribute;
  readonly #floatDtype: Attribute;

  constructor(binding: TensorFlowBinding, name = binding.isUsingGpuDevice() ? 'tensorflow-gpu' : 'tensorflow-cpu') {
    super();
    this.#binding = binding;
    this.name = name;
    this.version = `TensorFlow ${binding.TF_Version}`;
    this.#float = this.#type('T', 'float32');
    this.#floatDtype = this.#type('dtype', 'float32');
  }

  tensor(values: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    const id = this.#binding.createTensor(shape, this.#code(dtype), values);
    return this.track(new TensorFlowTensor(id, [...shape], dtype));
  }

  async read(tensor: Tensor): Promise<Float32Array | Int32Array> {
    return this.#binding.tensorDataSync(idOf(tensor));
  }

  variable(initial: Tensor): Variable {
    const [handle] = this.#binding.executeOp(
      'VarHandleOp',
      [
        { name: 'container', type: this.#binding.TF_ATTR_STRING, value: '' },
        { name: 'shared_name', type: this.#binding.TF_ATTR_STRING, value: `strata-${++variableCount}` },
        this.#floatDtype,
        { name: 'shape', type: this.#binding.TF_ATTR_SHAPE, value: initial.shape },
      ],
      [],
      1,
    );
    const variable = new TensorFlowVariable(this, handle!.id, initial.shape);
    // The initial tensor may share a JavaScript array's memory, and updates in place would write there: times one is a copy.
    this.scope(() => this.assignVariable(variable, this.scale(initial, 1)));
    return variable;
  }

  readVariable(variable: TensorFlowVariable): Tensor {
    return this.#run('ReadVariableOp', [this.#floatDtype], [variable.handle]);
  }

  assignVariable(variable: TensorFlowVariable, value: Tensor): void {
    this.#binding.executeOp('AssignVariableOp', [this.#floatDtype], [variable.handle, idOf(value)], 0);
  }

  destroyVariable(variable: TensorFlowVariable): void {
    const ignoreMissing = { name: 'ignore_lookup_error', type: this.#binding.TF_ATTR_BOOL, value: true };
    this.#binding.executeOp('DestroyResourceOp', [ignoreMissing], [variable.handle], 0);
    this.#binding.deleteTensor(variable.handle);
  }

  liveTensors(): number {
    return this.#binding.getNumOfTensors() - this.#constants.size;
  }

  reshape(x: Tensor, shape: readonly number[]): Tensor {
    return this.#run('Reshape', [this.#type('T', x.dtype), this.#type('Tshape', 'int32')], [idOf(x), this.#integers(shape)]);
  }

  transpose(x: Tensor, permutation: readonly number[]): Tensor {
    return this.#run('Transpose', [this.#float, this.#type('Tperm', 'int32')], [idOf(x), this.#integers(permutation)]);
  }

  slice(x: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    const attributes = [this.#type('T', x.dtype), this.#type('Index', 'int32')];
    return this.#run('Slice', attributes, [idOf(x), this.#integers(begin), this.#integers(size)]);
  }

  concat(xs: readonly Tensor[], axis: number): Tensor {
    const attributes = [this.#integer('N', xs.length), this.#type('T', xs[0]!.dtype), this.#type('Tidx', 'int32')];
    return this.#run('ConcatV2', attributes, [...xs.map(idOf), this.#integers(axis)]);
  }

  roll(x: Tensor, shift: number, axis: number): Tensor {
    const attributes = [this.#float, this.#type('Tshift', 'int32'), this.#type('Taxis', 'int32')];
    return this.#run('Roll', attributes, [idOf(x), this.#integers(shift), this.#integers(axis)]);
  }

  ones(shape: readonly number[]): Tensor {
    const id = this.#constant(`ones${String(shape)}`, () => {
      const values = new Float32Array(shape.reduce((product, length) => product * length, 1)).fill(1);
      return this.#binding.createTensor(shape, this.#binding.TF_FLOAT, values);
    });
    return new TensorFlowTensor(id, shape, 'float32');
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.#run('AddV2', [this.#float], [idOf(a), idOf(b)]);
  }

  subtract(a: Tensor, b: Tensor): Tensor {
    return this.#run('Sub', [this.#float], [idOf(a), idOf(b)]);
  }

  multiply(a: Tensor, b: Tensor): Tensor {
    return this.#run('Mul', [this.#float], [idOf(a), idOf(b)]);
  }

  scale(x: Tensor, factor: number): Tensor {
    return this.#run('Mul', [this.#float], [idOf(x), this.#scalar(factor)]);
  }

  square(x: Tensor): Tensor {
    return this.#run('Square', [this.#float], [idOf(x)]);
  }

  exp(x: Tensor): Tensor {
    return this.#run('Exp', [this.#float], [idOf(x)]);
  }

  sigmoid(x: Tensor): Tensor {
    return this.#run('Sigmoid', [this.#float], [idOf(x)]);
  }

  rsqrt(x: Tensor, offset: number): Tensor {
    return this.scope(() => {
      const shifted = this.#run('AddV2', [this.#float], [idOf(x), this.#scalar(offset)]);
      return this.#run('Rsqrt', [this.#float], [idOf(shifted)]);
    });
  }

  matmul(a: Tensor, b: Tensor, options: { transposeA?: boolean; transposeB?: boolean } = {}): Tensor {
    const isMatrix = a.shape.length === 2;
    const [left, right] = isMatrix ? ['transpose_a', 'transpose_b'] : ['adj_x', 'adj_y'];
    const attributes = [this.#flag(left!, options.transposeA), this.#flag(right!, options.transposeB), this.#float];
    return this.#run(isMatrix ? 'MatMul' : 'BatchMatMulV2', attributes, [idOf(a), idOf(b)]);
  }

  sum(x: Tensor, axis: number, keepAxis = false): Tensor {
    const attributes = [this.#flag('keep_dims', keepAxis), this.#float, this.#type('Tidx', 'int32')];
    return this.#run('Sum', attributes, [idOf(x), this.#integers([axis])]);
  }

  softmax(x: Tensor): Tensor {
    return this.#run('Softmax', [this.#float], [idOf(x)]);
  }

  logSoftmax(x: Tensor): Tensor {
    return this.#run('LogSoftmax', [this.#float], [idOf(x)]);
  }

  gatherRows(table: Tensor, ids: Tensor): Tensor {
    return this.#run('GatherV2', this.#gatherAttributes(0), [idOf(table), idOf(ids), this.#integers(0)]);
  }

  scatterAddRows(rows: number, updates: Tensor, ids: Tensor): Tensor {
    const attributes = [this.#float, this.#type('Tindices', 'int32'), this.#type('Tnumsegments', 'int32')];
    return this.#run('UnsortedSegmentSum', attributes, [idOf(updates), idOf(ids), this.#integers(rows)]);
  }

  crossEntropy(logits: Tensor, labels: Tensor): Tensor {
    return this.scope(() => {
      const top = this.#max(logits, 1, true); // [N, 1]
      const total = this.sum(this.exp(this.subtract(logits, top)), 1); // [N]
      const logTotal = this.add(this.#log(total), this.reshape(top, total.shape));
      return this.subtract(logTotal, this.#pick(logits, labels));
    });
  }

  crossEntropyAndSoftmax(logits: Tensor, labels: Tensor): { loss: Tensor; probabilities: Tensor } {
    return this.scope(() => {
      const probabilities = this.softmax(logits);
      // log(total) = logit - log(probability) for every entry; the largest never underflows.
      const logTotal = this.subtract(this.#max(logits, 1), this.#log(this.#max(probabilities, 1)));
      return { loss: this.subtract(logTotal, this.#pick(logits, labels)), probabilities };
    });
  }

  #log(x: Tensor): Tensor {
    return this.#run('Log', [this.#float], [idOf(x)]);
  }

  #max(x: Tensor, axis: number, keepAxis = false): Tensor {
    const attributes = [this.#flag('keep_dims', keepAxis), this.#float, this.#type('Tidx', 'int32')];
    return this.#run('Max', attributes, [idOf(x), this.#integers([axis])]);
  }

  /** x[n, ids[n]] for each row: [N, V], [N] -> [N]. */
  #pick(x: Tensor, ids: Tensor): Tensor {
    return this.#run('GatherV2', this.#gatherAttributes(1), [idOf(x), idOf(ids), this.#integers(1)]);
  }

  #gatherAttributes(batchAxes: number): Attribute[] {
    return [
      this.#type('Tparams', 'float32'),
      this.#type('Tindices', 'int32'),
      this.#type('Taxis', 'int32'),
      this.#integer('batch_dims', batchAxes),
    ];
  }

  adamW(parameters: readonly AdamParameter[], settings: AdamSettings): void {
    const { learningRate, beta1, beta2, epsilon, step } = settings;
    const beta1Power = beta1 ** step;
    const beta2Power = beta2 ** step;
    const scalar = (value: number): number => idOf(this.tensor(Float32Array.of(value), []));
    this.scope(() => {
      // TensorFlow adds epsilon before the bias correction of v, PyTorch after it; scaling epsilon makes them the same update.
      const scalars = [beta1Power, beta2Power, learningRate, beta1, beta2, epsilon * Math.sqrt(1 - beta2Power)].map(scalar);
      const attributes = [this.#float, this.#flag('use_locking', false), this.#flag('use_nesterov', false)];
      for (const { variable, firstMoment, secondMoment, gradient, weightDecay } of parameters) {
        if (weightDecay > 0) {
          const keepShare = this.tensor(Float32Array.of(1 - learningRate * weightDecay), []);
          this.scope(() => variable.assign(this.multiply(variable.read(), keepShare)));
        }
        const handles = [variable, firstMoment, secondMoment].map((state) => (state as TensorFlowVariable).handle);
        this.#binding.executeOp('ResourceApplyAdam', attributes, [...handles, ...scalars, idOf(gradient)], 0);
      }
    });
  }

  protected free(tensor: TensorFlowTensor): void {
    this.#binding.deleteTensor(tensor.id);
  }

  #run(name: string, attributes: readonly Attribute[], inputs: readonly number[]): Tensor {
    const [{ id, shape, dtype }] = this.#binding.executeOp(name, attributes, inputs, 1) as [{ id: number; shape: number[]; dtype: number }];
    return this.track(new TensorFlowTensor(id, shape, dtype === this.#binding.TF_INT32 ? 'int32' : 'float32'));
  }

  #code(dtype: DType): number {
    return dtype === 'float32' ? this.#binding.TF_FLOAT : this.#binding.TF_INT32;
  }

  #type(name: string, dtype: DType): Attribute {
    return { name, type: this.#binding.TF_ATTR_TYPE, value: this.#code(dtype) };
  }

  #integer(name: string, value: number): Attribute {
    return { name, type: this.#binding.TF_ATTR_INT, value };
  }

  #flag(name: string, value: boolean | undefined): Attribute {
    return { name, type: this.#binding.TF_ATTR_BOOL, value: value ?? false };
  }

  /** An int32 constant: a vector for an array, a scalar for a number. */
  #integers(value: readonly number[] | number): number {
    const key = `i${String(value)}${typeof value === 'number' ? '' : 'v'}`;
    return this.#constant(key, () => {
      const values = typeof value === 'number' ? [value] : value;
      return this.#binding.createTensor(typeof value === 'number' ? [] : [values.length], this.#binding.TF_INT32, Int32Array.from(values));
    });
  }

  #scalar(value: number): number {
    return this.#constant(`f${value}`, () => this.#binding.createTensor([], this.#binding.TF_FLOAT, Float32Array.of(value)));
  }

  #constant(key: string, make: () => number): number {
    let id = this.#constants.get(key);
    if (id === undefined) {
      // A set of constants that keeps growing is a factor that changes every step: such values belong in tensors of their own.
      if (this.#constants.size > MAX_CONSTANTS) throw new StrataError('INTERNAL', 'Too many constant tensors.', { found: key });
      id = make();
      this.#constants.set(key, id);
    }
    return id;
  }
}

const MAX_CONSTANTS = 10_000;

function idOf(tensor: Tensor): number {
  return (tensor as TensorFlowTensor).id;
}
