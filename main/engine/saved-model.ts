import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DType } from './engine.ts';
import type { Attribute, Constant } from './tensorflow-operations.ts';

/**
 * Writes a TensorFlow graph as a SavedModel: the only form in which the addon takes one. Field numbers are those of TensorFlow's `graph.proto`,
 * `node_def.proto`, `attr_value.proto`, `tensor.proto`, `tensor_shape.proto`, `meta_graph.proto` and `saved_model.proto`; the encoding is
 * Protocol Buffers' (varints and length-delimited fields are all that is needed).
 */

/** One operation of a graph. Inputs are names of nodes. */
export interface GraphNode {
  name: string;
  operation: string;
  inputs: readonly string[];
  attributes: readonly (Attribute | { name: string; kind: 'tensor'; value: Constant })[];
}

/** The tag by which the graph is found in its file. */
export const GRAPH_TAG = 'serve';

/** `GraphDef.versions.producer`: the graph version of TensorFlow 2.x since 2019; an older producer switches old behaviour on. */
const PRODUCER_VERSION = 1882;

/** Writes `saved_model.pb` into a folder, which is made. */
export function writeSavedModel(directory: string, nodes: readonly GraphNode[]): void {
  const graph = Buffer.concat([...nodes.map((node) => message(1, encodeNode(node))), message(4, varintField(1, PRODUCER_VERSION))]);
  const metaInfo = message(4, Buffer.from(GRAPH_TAG));
  const metaGraph = Buffer.concat([message(1, metaInfo), message(2, graph)]);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'saved_model.pb'), Buffer.concat([varintField(1, 1), message(2, metaGraph)]));
}

function encodeNode({ name, operation, inputs, attributes }: GraphNode): Buffer {
  return Buffer.concat([
    message(1, Buffer.from(name)),
    message(2, Buffer.from(operation)),
    ...inputs.map((input) => message(3, Buffer.from(input))),
    ...attributes.map((attribute) =>
      message(5, Buffer.concat([message(1, Buffer.from(attribute.name)), message(2, encodeValue(attribute))])),
    ),
  ]);
}

function encodeValue(attribute: GraphNode['attributes'][number]): Buffer {
  switch (attribute.kind) {
    case 'string':
      return message(2, Buffer.from(attribute.value));
    case 'int':
      return varintField(3, attribute.value);
    case 'bool':
      return varintField(5, attribute.value ? 1 : 0);
    case 'type':
      return varintField(6, DATA_TYPES[attribute.value]);
    case 'shape':
      return message(7, encodeShape(attribute.value));
    case 'tensor': {
      const { values, shape } = attribute.value;
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      const dtype = DATA_TYPES[values instanceof Float32Array ? 'float32' : 'int32'];
      return message(8, Buffer.concat([varintField(1, dtype), message(2, encodeShape(shape)), message(4, bytes)]));
    }
  }
}

/** `types.proto`. */
const DATA_TYPES: Record<DType, number> = { float32: 1, int32: 3, bfloat16: 14 };

function encodeShape(shape: readonly number[]): Buffer {
  return Buffer.concat(shape.map((length) => message(2, varintField(1, length))));
}

/** A length-delimited field. */
function message(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
