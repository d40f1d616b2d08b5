import type { Recipe } from '../../shared/contract/recipes.ts';
import type { Forecast } from '../../shared/domain/forecast.ts';
import type { Reader, Writer } from './open-store.ts';

/** Several runs that a recipe started together. Which runs those are, they say themselves. */
export interface StoredBatch {
  id: string;
  name: string;
  kind: Recipe['kind'];
  definition: BatchDefinition;
  /** What came of it, kept when its runs are deleted. */
  result: Forecast | null;
  createdAt: string;
}

export interface BatchDefinition {
  recipe: Recipe;
  /** Steps of the run that the request describes; pilots are shorter. */
  plannedSteps: number;
  /** By run. */
  labels: Record<string, string>;
}

type Row = Omit<StoredBatch, 'definition' | 'result'> & { definition: string; result: string | null };

export function insertBatch(writer: Writer, { definition, result, ...batch }: StoredBatch): void {
  writer
    .prepare(
      'INSERT INTO batches (id, name, kind, definition, result, createdAt) VALUES (@id, @name, @kind, @definition, @result, @createdAt)',
    )
    .run({ ...batch, definition: JSON.stringify(definition), result: result && JSON.stringify(result) });
}

/** Newest first. */
export function listBatches(reader: Reader): StoredBatch[] {
  return reader.prepare<[], Row>('SELECT * FROM batches ORDER BY createdAt DESC, id').all().map(fromRow);
}

export function keepResult(writer: Writer, id: string, result: Forecast): void {
  writer.prepare('UPDATE batches SET result = ? WHERE id = ?').run(JSON.stringify(result), id);
}

function fromRow(row: Row): StoredBatch {
  return {
    ...row,
    definition: JSON.parse(row.definition) as BatchDefinition,
    result: row.result === null ? null : (JSON.parse(row.result) as Forecast),
  };
}
