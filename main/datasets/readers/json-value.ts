import type { Note } from './reader.ts';

/**
 * A value of a columnar format as JSON has it: dates as ISO text, integers beyond 2^53 as digits, lists and structures as such.
 * Bytes that are not text have no place in it and become null.
 */
export function jsonValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value !== 'object') return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return textOfBytes(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, jsonValue);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), jsonValue(each)]));
  if (Symbol.iterator in value && !('toJSON' in value && isRow(value))) return Array.from(value as Iterable<unknown>, jsonValue);
  const plain = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as object) : value;
  return Object.fromEntries(Object.entries(plain).map(([key, each]) => [key, jsonValue(each)]));
}

/** A structure of Arrow goes through its names and values where a list goes through its elements. */
function isRow(value: object): boolean {
  return /^(StructRow|MapRow)/.test(value[Symbol.toStringTag as keyof typeof value] ?? value.constructor.name);
}

/** Says what becomes of columns that hold bytes. */
export function noteBytes(columns: readonly string[], note: Note): void {
  if (columns.length === 0) return;
  note(`Columns of bytes were taken for text where they are UTF-8, and left empty elsewhere: ${columns.join(', ')}.`);
}

/** Some writers do not say of a text that it is one. */
function textOfBytes(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
