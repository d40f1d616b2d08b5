import { words } from '../words/words.ts';
import { curveWords } from './mixture-words.ts';

/** Settings that are no single number or word, in words: what differs between runs is read, not parsed. */

/**
 * A list or an object as it is read, whatever it holds.
 * - Datasets: name, role and what tells the version; nobody reads sixty-four digits.
 * - The course of the replay share, inserted blocks: as everywhere else.
 * - Anything else: its values, in an object each after its key.
 */
export function structureInWords(value: object): string {
  if (!Array.isArray(value)) return entriesInWords(value);
  if (value.length === 0) return words('domain.none');
  if (value.every(isDataset)) {
    return value.map(({ name, role = '', hash }) => `${name} (${[role, hash.slice(0, 6)].filter(Boolean).join(', ')})`).join('; ');
  }
  if (value.every(isCurvePoint)) return curveWords(value);
  if (value.every(isInserted)) return insertedWords(value);
  return value.map(inWords).join(value.some((each) => typeof each === 'object' && each !== null) ? '; ' : ', ');
}

/** Where new blocks are in the expanded model, and what each is a copy of. */
export function insertedWords(inserted: readonly { position: number; copies: number }[]): string {
  return inserted.map(({ position, copies }) => words('domain.copyOf', { position, block: copies })).join(', ');
}

function entriesInWords(value: object): string {
  return Object.entries(value)
    .map(([key, each]) => `${key} ${inWords(each)}`)
    .join(', ');
}

function inWords(value: unknown): string {
  if (value === null || value === undefined) return words('domain.none');
  return typeof value === 'object' ? structureInWords(value) : String(value as string | number | boolean);
}

function has<Key extends string>(value: unknown, types: Readonly<Record<Key, 'string' | 'number'>>): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.entries(types).every(([key, type]) => typeof (value as Record<string, unknown>)[key] === type)
  );
}

function isDataset(value: unknown): value is { name: string; role?: string; hash: string } {
  return has(value, { name: 'string', hash: 'string' });
}

function isCurvePoint(value: unknown): value is { at: number; share: number } {
  return has(value, { at: 'number', share: 'number' });
}

function isInserted(value: unknown): value is { position: number; copies: number } {
  return has(value, { after: 'number', copies: 'number', position: 'number' });
}
