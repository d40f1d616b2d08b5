import type { Mapping } from '../../../shared/domain/shape.ts';
import { type Row, typeOfCell } from './cells.ts';
import { TEXT_TYPES } from './found-columns.ts';
import { TELLING_COLUMNS } from './guess-mapping.ts';

/** A column that is filled in fewer rows is no loss worth telling. */
const MANY_ROWS = 0.05;

/** Counts the rows whose columns of text are passed over by the mapping that reads them, where their names say that they belong to it. */
export class UnreadColumns {
  #rows = 0;
  /** By name: in how many rows it holds a text; null for a column that need not be told. */
  readonly #filled = new Map<string, number | null>();
  readonly #read: ReadonlySet<string>;

  constructor(mapping: Mapping) {
    this.#read = columnsRead(mapping);
  }

  add(row: Row): void {
    this.#rows++;
    for (const name of Object.keys(row)) {
      let count = this.#filled.get(name);
      if (count === undefined) count = !this.#read.has(name) && TELLING_COLUMNS.has(name.toLowerCase()) ? 0 : null;
      this.#filled.set(name, count === null || !TEXT_TYPES.includes(typeOfCell(row[name])) ? count : count + 1);
    }
  }

  /** A sentence for each column that is filled in many rows. */
  sentences(): string[] {
    return [...this.#filled]
      .filter(([, count]) => count !== null && count > 0 && count >= this.#rows * MANY_ROWS)
      .map(([name, count]) => `The column ${name} is not read, though it holds text in ${count} of ${this.#rows} rows.`);
  }
}

/** The names of all columns that a mapping reads. */
export function columnsRead(mapping: Mapping): ReadonlySet<string> {
  switch (mapping.shape) {
    case 'text':
      return new Set(mapping.columns);
    case 'completion':
      return new Set([...mapping.prompt, ...mapping.completion]);
    case 'chat':
      return new Set([...mapping.messages, ...(mapping.system === null ? [] : [mapping.system])]);
    case 'choice':
      return new Set([...mapping.question, ...mapping.choices, ...(mapping.ending === null ? [] : [mapping.ending]), mapping.answer]);
  }
}
