import { structureInWords } from '../../../shared/domain/value-words.ts';
import { differenceLabel } from './difference-labels.ts';
import { count, DASH, significant } from '../../ui/format.ts';

/** What settings and results of runs differ in, as a table to search. */

export interface DifferenceRow {
  /** As programs and files know it. */
  key: string;
  label: string;
  values: readonly unknown[];
}

/**
 * Rows that have every word in their label, their key or one of their values.
 * @param datasets names by id
 */
export function findDifferences(
  differences: Readonly<Record<string, readonly unknown[]>>,
  words: string,
  datasets?: ReadonlyMap<string, string>,
): DifferenceRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return Object.entries(differences)
    .map(([key, values]) => ({ key, label: differenceLabel(key, datasets), values }))
    .filter(({ key, label, values }) => {
      const text = [label, key, ...values.map(cellText)].join(' ').toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
}

/** A value as it is read; what is copied is the value itself. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined || value === '') return DASH;
  if (typeof value === 'number') return Number.isInteger(value) ? count(value) : significant(value, 5);
  return typeof value === 'object' ? structureInWords(value) : plainText(value);
}

/** A value as another program takes it. */
export function plainText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
}

/** How a number differs from the baseline's; null where that says nothing. */
export function deltaText(value: unknown, baseline: unknown): string | null {
  if (typeof value !== 'number' || typeof baseline !== 'number' || value === baseline || !Number.isFinite(value - baseline)) return null;
  const difference = value - baseline;
  const sign = difference > 0 ? '+' : '\u2212';
  const size = cellText(Math.abs(difference));
  if (baseline <= 0 || value < 0) return `${sign}${size}`;
  const percent = Math.abs(difference / baseline) * 100;
  return `${sign}${size} (${sign}${percent >= 1000 ? '>1000' : significant(percent, 2)} %)`;
}
