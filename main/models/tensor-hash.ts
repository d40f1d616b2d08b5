import { createHash } from 'node:crypto';
import type { SafetensorsDtype } from './safetensors.ts';

/** Stored tensors by name, such as those of an open model folder. */
export interface StoredTensors {
  dtypeOf(name: string): SafetensorsDtype;
  readPieces(name: string): AsyncIterable<Uint8Array>;
}

/** What tells a stored tensor from another: its element type and the sha256 of its bytes. */
export async function hashTensor(folder: StoredTensors, name: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of folder.readPieces(name)) hash.update(piece);
  return `${folder.dtypeOf(name)} ${hash.digest('hex')}`;
}

/** The pieces of a tensor as they pass by, and at their end what {@link hashTensor} would say: nothing is read a second time. */
export async function* hashedPieces(
  pieces: AsyncIterable<Uint8Array>,
  dtype: SafetensorsDtype,
  onHash: (hash: string) => void,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256');
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
  onHash(`${dtype} ${hash.digest('hex')}`);
}

/** What {@link hashTensor} would say of values that are at hand. */
export function hashOf(dtype: SafetensorsDtype, values: Float32Array): string {
  const hash = createHash('sha256');
  hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return `${dtype} ${hash.digest('hex')}`;
}
