import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { StrataError } from '../../../shared/errors.ts';
import { bf16ToFloat32, f16ToFloat32 } from '../float-formats.ts';
import type { GgufTensor } from './export-tensors.ts';
import { GGUF_TYPES } from './gguf-types.ts';
import type { GgufExportType } from './quantise.ts';
import { openGguf } from './read-gguf.ts';
import type { GgufMetadata } from './write-gguf.ts';

/**
 * Opens a written file again and compares it with what was meant: all metadata, every tensor's name, type and shape, its bytes with the hash
 * of what was produced, and the numbers they stand for with the source's, within the error of the type. Piece by piece.
 * @param hashes sha256 of each tensor's bytes, from {@link writeGguf}.
 * @throws StrataError CORRUPT that names the first difference.
 */
export async function checkGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufMetadata>,
  tensors: readonly GgufTensor[],
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const written = await openGguf(path);
  const file = await open(path, 'r');
  try {
    for (const [key, { value }] of metadata) {
      const meant = metadata.get(key)!.type === 'float32' ? Math.fround(value as number) : value;
      if (!isDeepStrictEqual(plain(written.metadata.get(key)), plain(meant))) throw different(`metadata ${key}`);
    }
    if (written.metadata.size !== metadata.size || written.tensors.size !== tensors.length) throw different('the number of entries');
    for (const tensor of tensors) {
      const found = written.tensors.get(tensor.name);
      if (found?.type !== tensor.type || !isDeepStrictEqual([...found.shape], [...tensor.shape])) throw different(`tensor ${tensor.name}`);
      await checkTensor(file, tensor, found, hashes.get(tensor.name));
    }
  } finally {
    await file.close();
    await written.close();
  }
}

async function checkTensor(
  file: FileHandle,
  { name, type, values }: GgufTensor,
  { begin, end }: { begin: number; end: number },
  produced: string | undefined,
): Promise<void> {
  const { elements, bytes: blockBytes } = GGUF_TYPES[type];
  const hash = createHash('sha256');
  let position = begin;
  for await (const piece of values()) {
    const bytes = new Uint8Array((piece.length / elements) * blockBytes);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
      if (bytesRead === 0) throw different(`tensor ${name}, which ends too early`);
      done += bytesRead;
    }
    position += bytes.length;
    hash.update(bytes);
    if (!isWithinError(piece, bytes, type)) throw different(`numbers of tensor ${name}`);
  }
  if (position !== end || hash.digest('hex') !== produced) throw different(`bytes of tensor ${name}`);
}

/** Half the distance of neighbouring numbers, as a share of the number, and of the smallest ones. */
const HALF_PRECISION = { share: 2 ** -11, smallest: 2 ** -25 };
const BFLOAT16 = { share: 2 ** -8, smallest: 2 ** -134 };

/** Whether bytes stand for numbers as near to `values` as their type can. */
function isWithinError(values: Float32Array, bytes: Uint8Array, type: GgufExportType): boolean {
  switch (type) {
    case 'F32':
      return Buffer.compare(bytes, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) === 0;
    case 'F16':
      return areNear(values, f16ToFloat32(bytes), HALF_PRECISION);
    case 'BF16':
      return areNear(values, bf16ToFloat32(bytes), BFLOAT16);
    case 'Q8_0':
    case 'Q4_0':
      return areBlocksNear(values, bytes, type);
  }
}

function areNear(values: Float32Array, found: Float32Array, { share, smallest }: typeof BFLOAT16): boolean {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!(Math.abs(found[index]! - value) <= Math.abs(value) * share + smallest)) return false;
  }
  return true;
}

/** Steps to the largest number, and how far from a number its step may be: a half, or a whole one at Q4_0's upper end, which has 7 of 8. */
const STEPS = { Q8_0: { largest: 127, error: 0.5 }, Q4_0: { largest: 8, error: 1 } } as const;

function areBlocksNear(values: Float32Array, bytes: Uint8Array, type: 'Q8_0' | 'Q4_0'): boolean {
  const { elements, bytes: size } = GGUF_TYPES[type];
  const steps = STEPS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let block = 0; block < values.length / elements; block++) {
    const scale = view.getFloat16(block * size, true);
    let largest = 0;
    let error = 0;
    for (let index = 0; index < elements; index++) {
      const place = block * size + 2 + (type === 'Q8_0' ? index : index % (elements / 2));
      const nibble = index < elements / 2 ? bytes[place]! & 15 : bytes[place]! >> 4;
      const step = type === 'Q8_0' ? view.getInt8(place) : nibble - 8;
      const value = values[block * elements + index]!;
      largest = Math.max(largest, Math.abs(value));
      error = Math.max(error, Math.abs(step * scale - value));
    }
    // The step's size is itself rounded to half precision.
    const rounding = steps.largest * ((largest / steps.largest) * HALF_PRECISION.share + HALF_PRECISION.smallest);
    if (!(error <= (largest / steps.largest) * steps.error * (1 + 1e-6) + rounding)) return false;
  }
  return true;
}

/** Numbers as numbers, whatever array they came in. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as ArrayLike<unknown>, plain);
  return value;
}

function different(what: string): StrataError {
  return new StrataError('CORRUPT', 'What was written is not what was meant.', {
    found: `a difference in ${what}`,
    hint: 'The disk may be failing; export to another one.',
  });
}
