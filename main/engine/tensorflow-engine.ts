import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StrataError } from '../../shared/errors.ts';
import type { AdamParameter, AdamSettings, DType, Engine, Operations, Tensor, Variable } from './engine.ts';
import { GRAPH_TAG, writeSavedModel } from './saved-model.ts';
import { mapTensors, signatureOf, tensorsOf } from './tensor-tree.ts';
import { TensorFlowGraph } from './tensorflow-graph.ts';
import { type Attribute, type Constant, FLOAT, flag, TensorFlowOperations, type, WIDENING } from './tensorflow-operations.ts';

/** TensorFlow through the addon of @tensorflow/tfjs-node-gpu: single operations as they come, and graphs. No tape, no kernel wrappers. */

/** What the compiled addon offers (see @tensorflow/tfjs-node-gpu, tfjs_binding.d.ts). */
export interface TensorFlowBinding {
  createTensor(shape: readonly number[], dtype: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(name: string, attributes: readonly AddonAttribute[], inputs: readonly number[], outputs: number): TensorInfo[];
  /** Loads a SavedModel's graph into a session of its own. */
  loadSavedModel(directory: string, tags: string): number;
  /** Runs it: names of nodes are separated by commas. */
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorInfo[];
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

interface TensorInfo {
  id: number;
  shape: number[];
  dtype: number;
}

interface AddonAttribute {
  name: string;
  type: number;
  value: boolean | number | string | readonly number[];
}

/** A function compiled for inputs of certain shapes. */
interface CompiledFunction {
  graph: number;
  inputNames: string;
  outputNames: string;
  /** What the function returned while it was written down: the shape of the tree to fill with results. */
  results: unknown;
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

export class TensorFlowEngine extends TensorFlowOperations<TensorFlowTensor> implements Engine {
  readonly name: string;
  readonly version: string;
  readonly lanes: number;
  readonly #binding: TensorFlowBinding;
  /** Small tensors (shapes, axes, permutations, factors) recur by the thousand: made once, kept for ever. */
  readonly #constants = new Map<string, TensorFlowTensor>();
  readonly #functions = new Map<string, CompiledFunction>();

  /** `lanes`: how many parts of a graph run at the same time (see `engineEnvironment`). */
  constructor(binding: TensorFlowBinding, lanes = 1, name = binding.isUsingGpuDevice() ? 'tensorflow-gpu' : 'tensorflow-cpu') {
    super();
    this.#binding = binding;
    this.name = name;
    this.version = `TensorFlow ${binding.TF_Version}`;
    this.lanes = lanes;
  }

  tensor(values: Float32Array | Int32Array, shape: readonly number[]): Tensor {
    return this.track(this.#create({ values, shape }));
  }

  frozenMatrix(values: Float32Array, shape: readonly number[]): Tensor {
    if (!areBfloat16(values)) return this.tensor(values, shape);
    const narrowing = [type('SrcT', 'float32'), type('DstT', 'bfloat16'), flag('Truncate', false)];
    return this.scope(() => this.execute('Cast', narrowing, [this.tensor(values, shape)], shape, 'bfloat16'));
  }

  async read(tensor: Tensor): Promise<Float32Array | Int32Array> {
    return this.scope(() => this.#binding.tensorDataSync(idOf(this.widen(tensor))));
  }

  variable(initial: Tensor): Variable {
    const attributes: Attribute[] = [
      { name: 'container', kind: 'string', value: '' },
      { name: 'shared_name', kind: 'string', value: `strata-${++variableCount}` },
      FLOAT_DTYPE,
      { name: 'shape', kind: 'shape', value: initial.shape },
    ];
    const [handle] = this.#binding.executeOp('VarHandleOp', this.#encode(attributes), [], 1);
    const variable = new TensorFlowVariable(this, handle!.id, initial.shape);
    // The initial tensor may share a JavaScript array's memory, and updates in place would write there: times one is a copy.
    this.scope(() => this.assignVariable(variable, this.scale(initial, 1)));
    return variable;
  }

  readVariable(variable: TensorFlowVariable): Tensor {
    const [{ id }] = this.#binding.executeOp('ReadVariableOp', this.#encode([FLOAT_DTYPE]), [variable.handle], 1) as [TensorInfo];
    return this.track(new TensorFlowTensor(id, variable.shape, 'float32'));
  }

  assignVariable(variable: TensorFlowVariable, value: Tensor): void {
    this.#binding.executeOp('AssignVariableOp', this.#encode([FLOAT_DTYPE]), [variable.handle, idOf(value)], 0);
  }

  destroyVariable(variable: TensorFlowVariable): void {
    this.#binding.executeOp('DestroyResourceOp', this.#encode([flag('ignore_lookup_error', true)]), [variable.handle], 0);
    this.#binding.deleteTensor(variable.handle);
  }

  liveTensors(): number {
    return this.#binding.getNumOfTensors() - this.#constants.size;
  }

  run<Inputs, Results>(name: string, inputs: Inputs, body: (operations: Operations, inputs: Inputs) => Results): Results {
    const key = `${name}${signatureOf(inputs)}`;
    let compiled = this.#functions.get(key);
    if (!compiled) {
      compiled = this.#compile(inputs, body);
      this.#functions.set(key, compiled);
    }
    const { graph, inputNames, outputNames, results } = compiled;
    const outputs = this.#binding.runSavedModel(graph, tensorsOf(inputs).map(idOf), inputNames, outputNames);
    let next = 0;
    return mapTensors(results, ({ shape, dtype }) => this.track(new TensorFlowTensor(outputs[next++]!.id, shape, dtype))) as Results;
  }

  #compile<Inputs, Results>(inputs: Inputs, body: (operations: Operations, inputs: Inputs) => Results): CompiledFunction {
    const graph = new TensorFlowGraph();
    const placeholders: string[] = [];
    const symbols = mapTensors(inputs, ({ shape, dtype }) => {
      const placeholder = graph.placeholder(shape, dtype);
      placeholders.push(placeholder.node);
      return placeholder;
    });
    const outputs: string[] = [];
    const results = mapTensors(body(graph, symbols), (tensor) => {
      const result = graph.result(tensor);
      outputs.push(result.node);
      return result;
    });
    const directory = mkdtempSync(join(tmpdir(), 'strata-graph-'));
    try {
      writeSavedModel(directory, graph.nodes);
      const id = this.#binding.loadSavedModel(directory, GRAPH_TAG);
      return { graph: id, inputNames: placeholders.join(), outputNames: outputs.join(), results };
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  adamW(parameters: readonly AdamParameter[], settings: AdamSettings): void {
    const { learningRate, beta1, beta2, epsilon, step } = settings;
    const beta1Power = beta1 ** step;
    const beta2Power = beta2 ** step;
    const scalar = (value: number): number => idOf(this.tensor(Float32Array.of(value), []));
    this.scope(() => {
      // TensorFlow adds epsilon before the bias correction of v, PyTorch after it; scaling epsilon makes them the same update.
      const scalars = [beta1Power, beta2Power, learningRate, beta1, beta2, epsilon * Math.sqrt(1 - beta2Power)].map(scalar);
      const attributes = this.#encode([FLOAT, flag('use_locking', false), flag('use_nesterov', false)]);
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

  protected execute(
    operation: string,
    attributes: readonly Attribute[],
    inputs: readonly Tensor[],
    shape: readonly number[],
    dtype: DType = 'float32',
  ): Tensor {
    const [{ id }] = this.#binding.executeOp(operation, this.#encode(attributes), inputs.map(idOf), 1) as [TensorInfo];
    return this.track(new TensorFlowTensor(id, shape, dtype));
  }

  protected widen(x: Tensor): Tensor {
    return x.dtype === 'bfloat16' ? this.execute('Cast', WIDENING, [x], x.shape) : x;
  }

  protected constant(key: string, make: () => Constant): Tensor {
    let tensor = this.#constants.get(key);
    if (!tensor) {
      // A set of constants that keeps growing is a factor that changes every step: such values belong in tensors of their own.
      if (this.#constants.size > MAX_CONSTANTS) throw new StrataError('INTERNAL', 'Too many constant tensors.', { found: key });
      tensor = this.#create(make());
      this.#constants.set(key, tensor);
    }
    return tensor;
  }

  #create({ values, shape }: Constant): TensorFlowTensor {
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    return new TensorFlowTensor(this.#binding.createTensor(shape, this.#code(dtype), values), [...shape], dtype);
  }

  #encode(attributes: readonly Attribute[]): AddonAttribute[] {
    const { TF_ATTR_TYPE, TF_ATTR_INT, TF_ATTR_BOOL, TF_ATTR_SHAPE, TF_ATTR_STRING } = this.#binding;
    const kinds = { type: TF_ATTR_TYPE, int: TF_ATTR_INT, bool: TF_ATTR_BOOL, shape: TF_ATTR_SHAPE, string: TF_ATTR_STRING };
    return attributes.map(({ name, kind, value }) => ({ name, type: kinds[kind], value: kind === 'type' ? this.#code(value) : value }));
  }

  #code(dtype: DType): number {
    if (dtype === 'bfloat16') return BFLOAT16;
    return dtype === 'float32' ? this.#binding.TF_FLOAT : this.#binding.TF_INT32;
  }
}

const FLOAT_DTYPE = type('dtype', 'float32');

/** Of TensorFlow's `types.proto`; the addon has no name for it. */
const BFLOAT16 = 14;

/** Whether the lower halves of all values are zero. */
function areBfloat16(values: Float32Array): boolean {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < bits.length; index++) {
    if ((bits[index]! & 0xffff) !== 0) return false;
  }
  return true;
}

const MAX_CONSTANTS = 10_000;

function idOf(tensor: Tensor): number {
  return (tensor as TensorFlowTensor).id;
}
