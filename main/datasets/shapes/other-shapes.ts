import type { Content } from '../../../shared/domain/content.ts';
import type { Mapping } from '../../../shared/domain/shape.ts';
import type { Row } from './cells.ts';
import { contentOfRow } from './content-of-row.ts';
import { guessMapping } from './guess-mapping.ts';
import { columnsRead } from './unread-columns.ts';

/** More kinds of rows in one file are no dataset. */
const MOST_SHAPES = 8;

/** Reads rows that lack columns of their file's mapping and are surely of another shape: files that were put together from several. */
export class OtherShapes {
  readonly #columns: readonly string[];
  /** By the names of the columns; the mapping is null where none is sure. */
  readonly #shapes = new Map<string, { mapping: Mapping | null; rows: number }>();

  /** @param mapping what reads the file's other rows. */
  constructor(mapping: Mapping) {
    this.#columns = [...columnsRead(mapping)];
  }

  /**
   * What a row says that the file's mapping cannot read; null where it has all columns of the mapping, or no shape of its own.
   * @throws UnusableRow where it has a shape of its own and a cell holds something else.
   */
  contentOf(row: Row, where: string): Content | null {
    if (this.#columns.every((name) => Object.hasOwn(row, name))) return null;
    const key = JSON.stringify(Object.keys(row).sort());
    let shape = this.#shapes.get(key);
    if (!shape) {
      if (this.#shapes.size >= MOST_SHAPES) return null;
      const { mapping, confidence } = guessMapping([row]);
      this.#shapes.set(key, (shape = { mapping: confidence === 'sure' ? mapping : null, rows: 0 }));
    }
    if (shape.mapping === null) return null;
    const content = contentOfRow(row, shape.mapping, where);
    shape.rows++;
    return content;
  }

  /** A sentence for each shape that rows were read by. */
  sentences(): string[] {
    return [...this.#shapes.values()].flatMap(({ mapping, rows }) => {
      if (mapping === null || rows === 0) return [];
      const columns = [...columnsRead(mapping)].join(', ');
      return [`${rows === 1 ? 'One row has' : `${rows} rows have`} other columns and ${rows === 1 ? 'was' : 'were'} read by ${columns}.`];
    });
  }
}
