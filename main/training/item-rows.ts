import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { ItemRow } from '../../shared/domain/evaluation/row-fields.ts';
import { permute } from '../../shared/domain/random.ts';
import { StrataError } from '../../shared/errors.ts';

/** A row of a file of items, and its line, counted from 1. */
export interface NumberedRow {
  row: ItemRow;
  line: number;
}

const ALLOWED = 'JSON Lines in UTF-8, plain or gzip (.gz): one object per line';

/**
 * The items of a file, blank lines left out.
 * @throws StrataError NOT_FOUND, or BAD_INPUT with the line that holds something else.
 */
export async function readItemRows(path: string): Promise<NumberedRow[]> {
  const raw = await readFile(path);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(path.endsWith('.gz') ? gunzipSync(raw) : raw);
  } catch (error) {
    throw refusal(path, error instanceof Error ? error.message : String(error));
  }
  return rowsOfText(text, path);
}

/** @param name of the file, for messages. */
export function rowsOfText(text: string, name: string): NumberedRow[] {
  const rows: NumberedRow[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() !== '') rows.push({ row: objectOf(line, `${name}, line ${index + 1}`), line: index + 1 });
  }
  if (rows.length === 0) throw refusal(name, 'no items');
  return rows;
}

function objectOf(line: string, where: string): ItemRow {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw refusal(where, error instanceof Error ? error.message : String(error));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ItemRow;
  throw refusal(where, line.slice(0, 80));
}

function refusal(where: string, found: string): StrataError {
  return new StrataError('BAD_INPUT', `${where}: these are no items.`, { found, allowed: ALLOWED });
}

/**
 * So many items, drawn by a seed, in the order of the file; all of them when there are no more. A larger limit adds items to those of a
 * smaller one, so that figures of a part tell of the whole.
 */
export function drawItems<Item>(items: readonly Item[], limit: number | null, seed: number): Item[] {
  if (limit === null || limit >= items.length) return [...items];
  const places = Array.from({ length: limit }, (_, index) => permute(index, items.length, seed)).sort((a, b) => a - b);
  return places.map((place) => items[place]!);
}
