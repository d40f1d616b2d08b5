import { createHash } from 'node:crypto';
import { elementsOf } from '../../../shared/domain/llama-tensors.ts';
import { StrataError } from '../../../shared/errors.ts';
import { writeAtomically } from '../atomic-file.ts';
import { GGUF_ALIGNMENT, GGUF_MAGIC, GGUF_TYPES, type GgufTypeName, GGUF_VALUE_TYPES } from './gguf-types.ts';

/**
 * The GGUF format, version 3 (ggml-org/ggml, "GGUF"), little-endian: magic, version, numbers of tensors and of metadata; the metadata, each
 * with its type; for each tensor its name, axes (innermost first), element type and place; then the tensors, each at a multiple of 32 bytes.
 */
const VERSION = 3;

/** A metadata value with the type that it has in the file. */
export type GgufMetadata =
  | { type: GgufNumberType; value: number }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string }
  | { type: 'array'; of: GgufNumberType; value: readonly number[] }
  | { type: 'array'; of: 'string'; value: readonly string[] };
export type GgufNumberType = 'uint32' | 'int32' | 'float32';

export interface GgufEntry {
  name: string;
  /** Rows first, as numpy and safetensors say it. */
  shape: readonly number[];
  type: GgufTypeName;
  /** The bytes in order, in pieces of any size; each is written before the next is asked for. */
  pieces: () => AsyncIterable<Uint8Array>;
}

/**
 * Writes a file tensor by tensor, piece by piece; it appears under its name only when complete.
 * @returns the sha256 of each tensor's bytes, by name.
 */
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufMetadata>,
  entries: readonly GgufEntry[],
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  await writeAtomically(path, async (append) => {
    const header = headerOf(metadata, entries);
    await append(header);
    await append(padding(header.length));
    for (const entry of entries) {
      const expected = tensorBytes(entry);
      const hash = createHash('sha256');
      let written = 0;
      for await (const piece of entry.pieces()) {
        written += piece.length;
        if (written > expected) break;
        hash.update(piece);
        await append(piece);
      }
      if (written !== expected) {
        throw new StrataError('INTERNAL', `Tensor ${entry.name} has ${written} bytes; [${entry.shape.join(', ')}] needs ${expected}.`);
      }
      await append(padding(written));
      hashes.set(entry.name, hash.digest('hex'));
    }
  });
  return hashes;
}

/** Bytes of a tensor in the file, without the padding after it. */
export function tensorBytes({ name, shape, type }: Pick<GgufEntry, 'name' | 'shape' | 'type'>): number {
  const { elements, bytes } = GGUF_TYPES[type];
  if ((shape.at(-1) ?? 1) % elements !== 0) {
    throw new StrataError('INTERNAL', `Rows of ${shape.at(-1)} numbers of ${name} are not whole blocks of ${elements}, as ${type} needs.`);
  }
  return (elementsOf(shape) / elements) * bytes;
}

function headerOf(metadata: ReadonlyMap<string, GgufMetadata>, entries: readonly GgufEntry[]): Uint8Array {
  const parts: Uint8Array[] = [uint32(GGUF_MAGIC), uint32(VERSION), uint64(entries.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), uint32(GGUF_VALUE_TYPES[value.type]), ...valueParts(value));
  const names = new Set<string>();
  let offset = 0;
  for (const entry of entries) {
    if (names.has(entry.name)) throw new StrataError('INTERNAL', `Tensor ${entry.name} would be written twice.`);
    names.add(entry.name);
    const axes = [...entry.shape].reverse();
    parts.push(text(entry.name), uint32(axes.length), ...axes.map(uint64), uint32(GGUF_TYPES[entry.type].id), uint64(offset));
    const bytes = tensorBytes(entry);
    offset += bytes + padding(bytes).length;
  }
  return Buffer.concat(parts);
}

function valueParts(metadata: GgufMetadata): Uint8Array[] {
  switch (metadata.type) {
    case 'string':
      return [text(metadata.value)];
    case 'bool':
      return [Uint8Array.of(metadata.value ? 1 : 0)];
    case 'array': {
      const head = [uint32(GGUF_VALUE_TYPES[metadata.of]), uint64(metadata.value.length)];
      return [...head, metadata.of === 'string' ? texts(metadata.value) : numbers(metadata.value, metadata.of)];
    }
    default:
      return [numbers([metadata.value], metadata.type)];
  }
}

function numbers(values: readonly number[], type: GgufNumberType): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) {
    if (type === 'float32') view.setFloat32(index * 4, value, true);
    else if (type === 'int32') view.setInt32(index * 4, value, true);
    else view.setUint32(index * 4, value, true);
  }
  return bytes;
}

function uint32(value: number): Uint8Array {
  return numbers([value], 'uint32');
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

function text(value: string): Uint8Array {
  return texts([value]);
}

/** Of each text the number of its bytes, then UTF-8; all in one piece, because a vocabulary has hundreds of thousands. */
function texts(values: readonly string[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(values.reduce((sum, value) => sum + 8 + Buffer.byteLength(value), 0));
  let offset = 0;
  for (const value of values) {
    const length = bytes.write(value, offset + 8);
    bytes.writeBigUInt64LE(BigInt(length), offset);
    offset += 8 + length;
  }
  return bytes;
}

/** Zeros up to the next place where a tensor may begin. */
function padding(length: number): Uint8Array {
  return new Uint8Array((GGUF_ALIGNMENT - (length % GGUF_ALIGNMENT)) % GGUF_ALIGNMENT);
}
