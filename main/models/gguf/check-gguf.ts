import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { StrataError } from '../../../shared/errors.ts';
import { dequantise } from './dequantise.ts';
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
    for (const [key, { type, value }] of metadata) {
      const meant = type === 'float32' ? Math.fround(value) : value;
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
    if (!areNear(piece, dequantise(type, bytes), type)) throw different(`numbers of tensor ${name}`);
  }
  if (position !== end || hash.digest('hex') !== produced) throw different(`bytes of tensor ${name}`);
}

/** Half the distance of neighbouring numbers: as a share of the number, and of the smallest ones. */
const ROUNDING = {
  F32: { share: 0, smallest: 0 },
  F16: { share: 2 ** -11, smallest: 2 ** -25 },
  BF16: { share: 2 ** -8, smallest: 2 ** -134 },
} as const;
/** Steps from zero to a block's largest number, and how far off its numbers may be: Q4_0 has 8 steps down but 7 up. */
const STEPS = { Q8_0: { count: 127, error: 0.5 }, Q4_0: { count: 8, error: 1 } } as const;

/** Whether what was stored is as near to the source's numbers as the type can be. */
function areNear(values: Float32Array, stored: Float32Array, type: GgufExportType): boolean {
  if (type === 'Q8_0' || type === 'Q4_0') return areBlocksNear(values, stored, type);
  const { share, smallest } = ROUNDING[type];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!(Math.abs(stored[index]! - value) <= Math.abs(value) * share + smallest)) return false;
  }
  return true;
}

function areBlocksNear(values: Float32Array, stored: Float32Array, type: 'Q8_0' | 'Q4_0'): boolean {
  const { elements } = GGUF_TYPES[type];
  const { count, error: allowed } = STEPS[type];
  for (let begin = 0; begin < values.length; begin += elements) {
    let [largest, error] = [0, 0];
    for (let index = begin; index < begin + elements; index++) {
      largest = Math.max(largest, Math.abs(values[index]!));
      error = Math.max(error, Math.abs(stored[index]! - values[index]!));
    }
    // The step is itself rounded, to half precision.
    const rounding = largest * ROUNDING.F16.share + count * ROUNDING.F16.smallest;
    if (!(error <= (largest / count) * allowed * (1 + 1e-6) + rounding)) return false;
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
    allowed: 'the same metadata and tensors as in the model',
  });
}
