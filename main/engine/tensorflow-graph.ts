import type { DType, Tensor } from './engine.ts';
import type { GraphNode } from './saved-model.ts';
import { type Attribute, type Constant, TensorFlowOperations, type, WIDENING } from './tensorflow-operations.ts';

/** A result inside a graph: the name of the node that makes it. */
export interface GraphTensor extends Tensor {
  readonly node: string;
}

/** Writes operations down as the nodes of a graph instead of carrying them out. */
export class TensorFlowGraph extends TensorFlowOperations<GraphTensor> {
  readonly nodes: GraphNode[] = [];
  readonly #constants = new Map<string, GraphTensor>();
  /** Lanes share a weight: it is widened once. */
  readonly #widened = new Map<string, GraphTensor>();

  /** A value that is handed in at every run. */
  placeholder(shape: readonly number[], dtype: DType): GraphTensor {
    return this.#node('Placeholder', [type('dtype', dtype), { name: 'shape', kind: 'shape', value: shape }], [], shape, dtype);
  }

  /** The same value under a node of its own, which may be fetched even when it is an input or fetched already. Nothing is copied. */
  result(x: Tensor): GraphTensor {
    return this.#node('Identity', [type('T', x.dtype)], [x], x.shape, x.dtype);
  }

  protected execute(
    operation: string,
    attributes: readonly Attribute[],
    inputs: readonly Tensor[],
    shape: readonly number[],
    dtype: DType = 'float32',
  ): GraphTensor {
    return this.#node(operation, attributes, inputs, shape, dtype);
  }

  protected constant(key: string, make: () => Constant): GraphTensor {
    let constant = this.#constants.get(key);
    if (!constant) {
      const value = make();
      const dtype = value.values instanceof Float32Array ? 'float32' : 'int32';
      constant = this.#node('Const', [type('dtype', dtype), { name: 'value', kind: 'tensor', value }], [], value.shape, dtype);
      this.#constants.set(key, constant);
    }
    return constant;
  }

  protected widen(x: Tensor): Tensor {
    if (x.dtype !== 'bfloat16') return x;
    const { node } = x as GraphTensor;
    let wide = this.#widened.get(node);
    if (!wide) {
      wide = this.#node('Cast', WIDENING, [x], x.shape, 'float32');
      this.#widened.set(node, wide);
    }
    return wide;
  }

  /** The graph frees what it no longer needs by itself. */
  protected free(): void {}

  #node(
    operation: string,
    attributes: GraphNode['attributes'],
    inputs: readonly Tensor[],
    shape: readonly number[],
    dtype: DType,
  ): GraphTensor {
    // Names are short because the addon copies the whole list of them for each.
    const node = `n${this.nodes.length}`;
    this.nodes.push({ name: node, operation, inputs: inputs.map((input) => (input as GraphTensor).node), attributes });
    return { node, shape: [...shape], dtype };
  }
}
