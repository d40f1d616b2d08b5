import { GGUF_VALUE_TYPES } from './gguf-types.ts';
import type { HeaderCursor } from './header-cursor.ts';

export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** A value of the metadata. Whole numbers of 64 bits are numbers where these are exact; arrays of numbers are typed arrays. */
export type GgufValue = number | bigint | boolean | string | GgufValue[] | GgufNumbers;

/** Values in all arrays of a file: four times what the largest vocabularies need. */
const MAX_ARRAY_VALUES = 8_000_000;
/** The specification's limit on names of values. */
const MAX_KEY_BYTES = 65_535;
/** Arrays of arrays are allowed, but nothing uses more than two levels. */
const MAX_DEPTH = 4;
/** The shortest entry: an empty name's length, a type, one byte. */
const MIN_ENTRY_BYTES = 13;

type ScalarType = Exclude<keyof typeof GGUF_VALUE_TYPES, 'string' | 'array' | 'bool'>;

interface Scalar {
  bytes: number;
  read: (bytes: Buffer) => number | bigint;
  array: (bytes: ArrayBuffer) => GgufNumbers;
}

const SCALARS: Readonly<Record<ScalarType, Scalar>> = {
  uint8: { bytes: 1, read: (bytes) => bytes.readUInt8(), array: (bytes) => new Uint8Array(bytes) },
  int8: { bytes: 1, read: (bytes) => bytes.readInt8(), array: (bytes) => new Int8Array(bytes) },
  uint16: { bytes: 2, read: (bytes) => bytes.readUInt16LE(), array: (bytes) => new Uint16Array(bytes) },
  int16: { bytes: 2, read: (bytes) => bytes.readInt16LE(), array: (bytes) => new Int16Array(bytes) },
  uint32: { bytes: 4, read: (bytes) => bytes.readUInt32LE(), array: (bytes) => new Uint32Array(bytes) },
  int32: { bytes: 4, read: (bytes) => bytes.readInt32LE(), array: (bytes) => new Int32Array(bytes) },
  float32: { bytes: 4, read: (bytes) => bytes.readFloatLE(), array: (bytes) => new Float32Array(bytes) },
  uint64: { bytes: 8, read: (bytes) => exact(bytes.readBigUInt64LE()), array: (bytes) => new BigUint64Array(bytes) },
  int64: { bytes: 8, read: (bytes) => exact(bytes.readBigInt64LE()), array: (bytes) => new BigInt64Array(bytes) },
  float64: { bytes: 8, read: (bytes) => bytes.readDoubleLE(), array: (bytes) => new Float64Array(bytes) },
};
const TYPE_NAMES = new Map(Object.entries(GGUF_VALUE_TYPES).map(([name, id]) => [id as number, name as keyof typeof GGUF_VALUE_TYPES]));

function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

// A byte order mark is a token of some vocabularies: it must not be swallowed.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A length that precedes its bytes; see {@link HeaderCursor.load} for what is thrown. */
export async function readString(cursor: HeaderCursor, what: string, longest = Infinity): Promise<string> {
  if (!cursor.has(8)) await cursor.load(8, what);
  const declared = cursor.uint64();
  const found = `${what} of ${declared} bytes at byte ${cursor.position}`;
  if (declared > longest) throw cursor.corrupt(found, `up to ${longest} bytes`);
  if (declared > cursor.left) throw cursor.incomplete(found, 'a text that ends within the file');
  const length = Number(declared);
  if (!cursor.has(length)) await cursor.load(length, what);
  try {
    return utf8.decode(cursor.take(length));
  } catch {
    throw cursor.corrupt(`${what} before byte ${cursor.position} is not UTF-8`, 'UTF-8');
  }
}

/** A count of things that take at least so many bytes each. */
export function checkedCount(cursor: HeaderCursor, declared: bigint, least: number, what: string): number {
  if (declared > BigInt(Math.floor(cursor.left / least)))
    throw cursor.incomplete(`${declared} ${what} in the ${cursor.left} bytes that are left`, 'as many as the file has room for');
  return Number(declared);
}

/**
 * The metadata, whose number of entries the head of the file declares.
 * @throws StrataError CORRUPT for a value that does not fit into the file, an unknown type or a name that stands there twice.
 */
export async function readMetadata(cursor: HeaderCursor, declared: bigint): Promise<Map<string, GgufValue>> {
  const entries = checkedCount(cursor, declared, MIN_ENTRY_BYTES, 'metadata values');
  const metadata = new Map<string, GgufValue>();
  const budget = { values: MAX_ARRAY_VALUES };
  for (let entry = 0; entry < entries; entry++) {
    const key = await readString(cursor, `the name of metadata value ${entry}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw cursor.corrupt(`metadata value ${JSON.stringify(key)} stands there twice`, 'each key once');
    await cursor.load(4, key);
    metadata.set(key, await readValue(cursor, key, cursor.uint32(), 0, budget));
  }
  return metadata;
}

async function readValue(cursor: HeaderCursor, key: string, id: number, depth: number, budget: { values: number }): Promise<GgufValue> {
  const type = TYPE_NAMES.get(id);
  if (type === undefined) throw cursor.corrupt(`${key} of value type ${id}`, `types 0 to ${TYPE_NAMES.size - 1}`);
  if (type === 'string') return readString(cursor, key);
  if (type === 'array') return readArray(cursor, key, depth, budget);
  const { bytes, read } = type === 'bool' ? { bytes: 1, read: (value: Buffer) => flag(cursor, key, value[0]!) } : SCALARS[type];
  if (!cursor.has(bytes)) await cursor.load(bytes, key);
  return read(cursor.take(bytes));
}

async function readArray(cursor: HeaderCursor, key: string, depth: number, budget: { values: number }): Promise<GgufValue> {
  if (depth === MAX_DEPTH)
    throw cursor.corrupt(`${key} is an array within more than ${MAX_DEPTH} others`, `arrays within up to ${MAX_DEPTH} others`);
  await cursor.load(12, key);
  const id = cursor.uint32();
  const type = TYPE_NAMES.get(id);
  if (type === undefined) throw cursor.corrupt(`${key} of value type ${id}`, `types 0 to ${TYPE_NAMES.size - 1}`);
  const least = type === 'string' ? 8 : type === 'array' ? 12 : type === 'bool' ? 1 : SCALARS[type].bytes;
  const count = checkedCount(cursor, cursor.uint64(), least, `values of ${key}`);
  budget.values -= count;
  if (budget.values < 0) throw cursor.corrupt(`more than ${MAX_ARRAY_VALUES} values in arrays, with ${key}`, `up to ${MAX_ARRAY_VALUES}`);
  if (type === 'string' || type === 'array') {
    const values: GgufValue[] = [];
    for (let index = 0; index < count; index++) values.push(await readValue(cursor, key, id, depth + 1, budget));
    return values;
  }
  await cursor.load(count * least, key);
  const taken = cursor.take(count * least);
  if (type === 'bool') return Array.from(taken, (byte) => flag(cursor, key, byte));
  return SCALARS[type].array(new Uint8Array(taken).buffer); // a copy, which begins where such numbers may begin
}

function flag(cursor: HeaderCursor, key: string, byte: number): boolean {
  if (byte > 1) throw cursor.corrupt(`${key} is a truth value of ${byte}`, '0 or 1');
  return byte === 1;
}
