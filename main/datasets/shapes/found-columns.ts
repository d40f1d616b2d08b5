import type { CellType, FoundColumn } from '../../../shared/domain/shape.ts';
import { inShort, type Row, typeOfCell } from './cells.ts';

/** A column of a sample, with what guessing needs to know of it. */
export interface SampledColumn extends FoundColumn {
  /** What most of its cells that are not empty hold; `empty` where all are. */
  type: CellType;
  /** Cells that are not empty. */
  filled: number;
  /** Characters of its texts, all together. */
  characters: number;
}

/** The columns of rows, in the order in which they first appear. */
export function columnsOf(rows: readonly Row[]): SampledColumn[] {
  const columns = new Map<string, SampledColumn>();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      let column = columns.get(name);
      if (!column) columns.set(name, (column = { name, types: {}, example: '', type: 'empty', filled: 0, characters: 0 }));
      const type = typeOfCell(value);
      column.types[type] = (column.types[type] ?? 0) + 1;
      if (type === 'empty') continue;
      column.filled++;
      if (column.example === '') column.example = inShort(value, 100);
      if (typeof value === 'string') column.characters += value.length;
    }
  }
  for (const column of columns.values()) {
    const missing = rows.length - Object.values(column.types).reduce((sum, count) => sum + count, 0);
    if (missing > 0) column.types.empty = (column.types.empty ?? 0) + missing;
    const counts = Object.entries(column.types).filter(([type]) => type !== 'empty') as [CellType, number][];
    column.type = counts.sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'empty';
  }
  return [...columns.values()];
}

/** Finds columns by the names that datasets use, whatever their case. */
export class ColumnFinder {
  readonly all: readonly SampledColumn[];
  readonly #columns: ReadonlyMap<string, SampledColumn>;

  constructor(all: readonly SampledColumn[]) {
    this.all = all;
    this.#columns = new Map(all.map((column) => [column.name.toLowerCase(), column]));
  }

  /** Those of the names that there are with values of these types, in the order of the names. */
  named(names: readonly string[], types: readonly CellType[]): SampledColumn[] {
    return names
      .map((name) => this.#columns.get(name))
      .filter((column) => column !== undefined && types.includes(column.type)) as SampledColumn[];
  }
}

/** What a text can be made of. */
export const TEXT_TYPES: readonly CellType[] = ['text', 'texts'];
