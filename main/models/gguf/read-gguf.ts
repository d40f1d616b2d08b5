import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StrataError } from '../../../shared/errors.ts';
import { MAX_TRANSFER_BYTES } from '../atomic-file.ts';
import { dequantise } from './dequantise.ts';
import { checkedCount, type GgufValue, readMetadata, readString } from './read-metadata.ts';
import { GGUF_ALIGNMENT, GGUF_MAGIC, GGUF_TYPES, type GgufTypeName } from './gguf-types.ts';
import { corruptGguf, HeaderCursor, incompleteGguf } from './header-cursor.ts';

/**
 * The GGUF format (ggml-org/ggml, "GGUF"), versions 2 and 3, little-endian: magic, version, u64 numbers of tensors and of metadata values, the
 * values, then for each tensor its name, shape (innermost axis first), type and place, then the tensors' bytes, aligned. A model may be spread over
 * files `NAME-00001-of-00003.gguf`, which `split.*` values number.
 * Files come from strangers: everything that a header says is checked before a byte of data is read or allocated.
 */

export type { GgufNumbers, GgufValue } from './read-metadata.ts';

export interface GgufTensor {
  type: GgufTypeName;
  /** Rows first, as in numpy. */
  shape: number[];
  /** Byte range in the file that holds it. */
  begin: number;
  end: number;
}

export interface GgufFile {
  /** The first file, where there are several. */
  readonly path: string;
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** A fresh array of a tensor's values, dequantised. */
  readFloat32(name: string): Promise<Float32Array>;
  /** The bytes as stored. */
  readBytes(name: string): Promise<Uint8Array>;
  /** The bytes of some rows (runs of the last axis), as stored. */
  readRows(name: string, first: number, rows: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

const VERSIONS = [2, 3];
/** ggml's own limits on a tensor's name and axes. */
const MAX_NAME_BYTES = 64;
const MAX_AXES = 4;
/** The largest LLaMA has about 1,200. */
const MAX_TENSORS = 65_536;
/** The shortest description of a tensor: an empty name, one axis, type and place. */
const MIN_TENSOR_BYTES = 32;
/** Nobody aligns tensors to more than a page of memory; a larger number is damage. */
const MAX_ALIGNMENT = 2 ** 16;
/** Files of one model: the largest published ones have about fifty. */
const MAX_FILES = 1_000;

/** Types that ggml has and Strata does not read, by number, so that they can be named. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  4: 'Q4_2',
  5: 'Q4_3',
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  21: 'IQ3_S',
  22: 'IQ2_S',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  31: 'Q4_0_4_4',
  32: 'Q4_0_4_8',
  33: 'Q4_0_8_8',
  34: 'TQ1_0',
  35: 'TQ2_0',
  36: 'IQ4_NL_4_4',
  37: 'IQ4_NL_4_8',
  38: 'IQ4_NL_8_8',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
  42: 'Q2_0',
};
const TYPES_BY_ID = new Map(Object.entries(GGUF_TYPES).map(([name, { id }]) => [id as number, name as GgufTypeName]));

/** Whether a file begins as GGUF files do. */
export async function isGguf(path: string): Promise<boolean> {
  if (!(await stat(path)).isFile()) return false;
  const file = await open(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    const { bytesRead } = await file.read(magic, 0, 4, 0);
    return bytesRead === 4 && magic.readUInt32LE() === GGUF_MAGIC;
  } finally {
    await file.close();
  }
}

/** One file of a model. */
interface Part {
  path: string;
  file: FileHandle;
  version: number;
  metadata: Map<string, GgufValue>;
  tensors: Map<string, GgufTensor>;
}

/**
 * Opens a model, by its first file where there are several, and checks the headers against the files' sizes.
 * @throws StrataError CORRUPT when a file is truncated or its header is not possible; UNSUPPORTED for a version or element type that is not
 * read; BAD_INPUT for another than the first file; NOT_FOUND when one is missing.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const parts: Part[] = [];
  const close = async (): Promise<void> => {
    for (const { file } of parts) await file.close();
  };
  try {
    const first = await openPart(path);
    parts.push(first);
    const others = otherFiles(first);
    await checkPresent(others);
    for (const [index, other] of others.entries()) {
      const part = await openPart(other);
      parts.push(part);
      checkPart(part, index + 1, others.length + 1);
    }
    return joined(parts, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function joined(parts: readonly Part[], close: () => Promise<void>): GgufFile {
  const [first] = parts as [Part];
  const tensors = new Map<string, GgufTensor>();
  const places = new Map<string, Part>();
  for (const part of parts) {
    for (const [name, tensor] of part.tensors) {
      if (tensors.has(name))
        throw corruptGguf(part.path, `tensor ${name} stands in ${basename(places.get(name)!.path)} too`, 'each tensor in one file');
      tensors.set(name, tensor);
      places.set(name, part);
    }
  }
  const declared = first.metadata.get('split.tensors.count');
  if (parts.length > 1 && declared !== undefined && declared !== tensors.size) {
    throw corruptGguf(first.path, `${tensors.size} tensors in ${parts.length} files`, `${String(declared)}, as split.tensors.count says`);
  }
  const find = (name: string): GgufTensor => {
    const tensor = tensors.get(name);
    if (!tensor)
      throw new StrataError('NOT_FOUND', `There is no tensor ${name} in ${first.path}.`, {
        found: `${tensors.size} other tensors`,
        allowed: 'tensors of this file',
        hint: 'Download or copy the file again and compare its size with the original.',
      });
    return tensor;
  };
  const readBytes = async (name: string): Promise<Uint8Array> => {
    const { begin, end } = find(name);
    return readRange(places.get(name)!, begin, end);
  };
  return {
    path: first.path,
    version: first.version,
    metadata: first.metadata,
    tensors,
    readBytes,
    readFloat32: async (name) => dequantise(find(name).type, await readBytes(name)),
    readRows: async (name, firstRow, rows) => {
      const { type, shape, begin } = find(name);
      const bytes = bytesOfRow(type, shape.at(-1)!);
      return readRange(places.get(name)!, begin + firstRow * bytes, begin + (firstRow + rows) * bytes);
    },
    close,
  };
}

async function readRange({ path, file }: Part, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, MAX_TRANSFER_BYTES), begin + done);
    if (bytesRead === 0) throw incompleteGguf(path, `the file ends at byte ${begin + done}`, 'the size that it had when it was opened');
    done += bytesRead;
  }
  return bytes;
}

async function openPart(path: string): Promise<Part> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return { path, file, ...(await readHeader(path, size, new HeaderCursor(file, path, size))) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(path: string, size: number, cursor: HeaderCursor): Promise<Pick<Part, 'version' | 'metadata' | 'tensors'>> {
  await cursor.load(8, 'the head of the file');
  const [magic, version] = [cursor.uint32(), cursor.uint32()];
  if (magic !== GGUF_MAGIC) throw corruptGguf(path, `0x${magic.toString(16).padStart(8, '0')} in its first four bytes`, 'the letters GGUF');
  if (!VERSIONS.includes(version)) throw wrongVersion(path, version);
  await cursor.load(16, 'the numbers of tensors and metadata values');
  const [tensorCount, valueCount] = [cursor.uint64(), cursor.uint64()];
  const metadata = await readMetadata(cursor, valueCount);
  const alignment = alignmentOf(path, metadata);
  const count = checkedCount(cursor, tensorCount, MIN_TENSOR_BYTES, 'tensors');
  if (count > MAX_TENSORS) throw corruptGguf(path, `${count} tensors`, `up to ${MAX_TENSORS}`);
  const tensors = new Map<string, GgufTensor>();
  for (let index = 0; index < count; index++) {
    const { name, ...tensor } = await readTensor(path, cursor, index);
    if (tensors.has(name)) throw corruptGguf(path, `tensor ${JSON.stringify(name)} stands there twice`, 'each name once');
    tensors.set(name, tensor);
  }
  // Places are counted from the aligned end of the header.
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  for (const [name, tensor] of tensors) {
    if (tensor.begin % alignment !== 0) throw corruptGguf(path, `tensor ${name} at ${tensor.begin}`, `multiples of ${alignment}`);
    tensor.begin += dataStart;
    tensor.end += dataStart;
  }
  checkRanges(path, tensors, size);
  return { version, metadata, tensors };
}

function wrongVersion(path: string, version: number): StrataError {
  // The same number with its bytes turned round: a file for the other kind of processor.
  const isBigEndian = (version & 0xffff) === 0 && version !== 0;
  return new StrataError('UNSUPPORTED', `${path} is a GGUF file of a kind that Strata does not read.`, {
    found: isBigEndian ? 'numbers with the highest byte first (big-endian)' : `version ${version}`,
    allowed: `versions ${VERSIONS.join(' and ')}, little-endian`,
    hint: 'Convert the original model again with a current program.',
  });
}

function alignmentOf(path: string, metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? GGUF_ALIGNMENT;
  if (typeof alignment === 'number' && alignment >= 1 && alignment <= MAX_ALIGNMENT && Number.isInteger(Math.log2(alignment)))
    return alignment;
  throw corruptGguf(path, `general.alignment ${String(alignment)}`, `a power of two up to ${MAX_ALIGNMENT}`);
}

async function readTensor(path: string, cursor: HeaderCursor, index: number): Promise<GgufTensor & { name: string }> {
  const name = await readString(cursor, `the name of tensor ${index}`, MAX_NAME_BYTES);
  await cursor.load(4, `tensor ${name}`);
  const axes = cursor.uint32();
  if (axes < 1 || axes > MAX_AXES) throw corruptGguf(path, `tensor ${name} with ${axes} axes`, `1 to ${MAX_AXES}`);
  await cursor.load(axes * 8 + 12, `tensor ${name}`);
  const lengths = Array.from({ length: axes }, () => cursor.uint64());
  const [id, offset] = [cursor.uint32(), cursor.uint64()];
  const type = TYPES_BY_ID.get(id);
  if (type === undefined) {
    throw new StrataError('UNSUPPORTED', `Tensor ${name} is stored in a format Strata does not read.`, {
      found: OTHER_TYPES[id] ?? `type ${id}`,
      allowed: Object.keys(GGUF_TYPES).join(', '),
      hint: 'Use the same model in one of these formats.',
    });
  }
  // As whole numbers of any size: a product of four lengths may be larger than what a number holds exactly.
  const { elements, bytes } = GGUF_TYPES[type];
  const total = lengths.reduce((product, length) => product * length, 1n);
  const size = (total / BigInt(elements)) * BigInt(bytes);
  if (
    total === 0n ||
    size + offset > BigInt(Number.MAX_SAFE_INTEGER) ||
    lengths.some((length) => length > BigInt(Number.MAX_SAFE_INTEGER))
  ) {
    throw corruptGguf(
      path,
      `tensor ${name} of shape [${lengths.toReversed().join(', ')}] at ${offset}`,
      'lengths and a place that fit into the file',
    );
  }
  if (lengths[0]! % BigInt(elements) !== 0n) {
    throw corruptGguf(path, `tensor ${name} with rows of ${lengths[0]!} values in ${type}`, `multiples of ${elements}`);
  }
  return { name, type, shape: lengths.toReversed().map(Number), begin: Number(offset), end: Number(offset + size) };
}

/** Bytes of a row of so many values. */
function bytesOfRow(type: GgufTypeName, values: number): number {
  const { elements, bytes } = GGUF_TYPES[type];
  return (values / elements) * bytes;
}

/** Two tensors over the same bytes would be one that is counted twice: a small file could pretend to be an enormous model. */
function checkRanges(path: string, tensors: ReadonlyMap<string, GgufTensor>, size: number): void {
  let [before, free] = ['the header', 0];
  for (const [name, { begin, end }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (end > size)
      throw incompleteGguf(
        path,
        `tensor ${name} ends at byte ${end} of a file of ${size}: the file is truncated`,
        `at least ${end} bytes, as its header says`,
      );
    if (begin < free)
      throw corruptGguf(path, `tensor ${name} begins at byte ${begin}; ${before} ends at ${free}`, 'tensors one behind the other');
    [before, free] = [`tensor ${name}`, end];
  }
}

const FILE_NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;

/** Paths of the files that belong to the first one; their names come from its own, so that no file can name others. */
function otherFiles({ path, metadata }: Part): string[] {
  const count = metadata.get('split.count') ?? 1;
  if (count === 0 || count === 1) return [];
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > MAX_FILES) {
    throw corruptGguf(path, `split.count ${String(count)}`, `up to ${MAX_FILES} files`);
  }
  const [, prefix, , declared] = FILE_NAME.exec(basename(path)) ?? [];
  if (prefix === undefined || Number(declared) !== count) {
    throw new StrataError('BAD_INPUT', 'This file is one of several, and its name does not say where the others are.', {
      found: basename(path),
      allowed: `names as they were when the model was split: NAME-${numbered(1)}-of-${numbered(count)}.gguf`,
      hint: 'Give all files of the model their original names, in one folder.',
    });
  }
  const nameOf = (index: number): string => join(dirname(path), `${prefix}-${numbered(index + 1)}-of-${numbered(count)}.gguf`);
  if (metadata.get('split.no') !== 0) {
    throw new StrataError('BAD_INPUT', 'This is not the first file of the model.', {
      found: basename(path),
      allowed: basename(nameOf(0)),
      hint: `Import ${nameOf(0)}; the others are found beside it.`,
    });
  }
  return Array.from({ length: count - 1 }, (_, index) => nameOf(index + 1));
}

function numbered(value: number): string {
  return String(value).padStart(5, '0');
}

async function checkPresent(paths: readonly string[]): Promise<void> {
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
  const missing = paths.filter((_, index) => !found[index]?.isFile());
  if (missing.length === 0) return;
  throw new StrataError('CORRUPT', 'Part of the model is missing.', {
    found: `no ${missing
      .slice(0, 3)
      .map((path) => basename(path))
      .join(', no ')}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}`,
    allowed: `all ${paths.length + 1} files that the name says`,
    hint: 'Download the missing files into the same folder.',
  });
}

function checkPart({ path, metadata }: Part, index: number, count: number): void {
  const [no, declared] = [metadata.get('split.no'), metadata.get('split.count')];
  if (no !== index || declared !== count) {
    throw corruptGguf(path, `split.no ${String(no)}, split.count ${String(declared)}`, `${index} and ${count}, as its name says`);
  }
}
