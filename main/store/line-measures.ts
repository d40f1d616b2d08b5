import type { DatasetMeasure, WindowOrder } from '../../shared/domain/measurement.ts';
import type { Rendering } from '../../shared/domain/rendering.ts';
import { decodeDocumentSums, type DocumentColumns, encodeDocumentSums } from './document-sums.ts';
import type { Reader, Writer } from './open-store.ts';

/** Held-out measurements of models that no run made, by what model and data are, not by where they lie. */

/** How a held-out part was read, as far as losses on it depend on that. */
export interface Manner extends Rendering {
  /** Tokens of a window. */
  context: number;
  /** In which order windows were taken, where not all were; the first came first where it is absent. */
  order?: WindowOrder | undefined;
}

export interface StoredLineMeasure {
  /** Of the held-out part: see heldOutHash. */
  datasetHash: string;
  manner: Manner;
  measure: DatasetMeasure;
  documents: DocumentColumns;
}

/** Keeps a measurement; one of the same in the same manner is replaced. */
export function insertLineMeasure(
  writer: Writer,
  modelHash: string,
  {
    datasetHash,
    manner,
    measure,
    documents,
  }: Omit<StoredLineMeasure, 'documents'> & { documents: Parameters<typeof encodeDocumentSums>[0] },
  createdAt: string,
): void {
  writer
    .prepare(
      'INSERT OR REPLACE INTO lineMeasures (modelHash, datasetHash, manner, measure, documents, createdAt) VALUES (?, ?, ?, ?, ?, ?)',
    )
    .run(modelHash, datasetHash, keyOf(manner, measure), JSON.stringify({ manner, measure }), encodeDocumentSums(documents), createdAt);
}

export function listLineMeasures(reader: Reader, modelHash: string): StoredLineMeasure[] {
  return reader
    .prepare<[string], { datasetHash: string; measure: string; documents: Buffer }>(
      'SELECT datasetHash, measure, documents FROM lineMeasures WHERE modelHash = ? ORDER BY datasetHash, createdAt',
    )
    .all(modelHash)
    .map(({ datasetHash, measure, documents }) => ({
      datasetHash,
      ...(JSON.parse(measure) as Pick<StoredLineMeasure, 'manner' | 'measure'>),
      documents: decodeDocumentSums(documents),
    }));
}

/** Measurements with the same key are of the same windows, read in the same way: only these are compared. */
export function keyOf(
  { context, completions, learn, order }: Manner,
  { tokens, documents, coverage }: Pick<DatasetMeasure, 'tokens' | 'documents' | 'coverage'>,
): string {
  const isPart = coverage < 1 && order === 'spread';
  return [context, completions, learn, tokens, documents, ...(isPart ? ['spread'] : [])].join(' ');
}

/** The model that learned the tasks of a line up to one of its models together; null where nobody named one. */
export function findJointModel(reader: Reader, modelHash: string): { hash: string; name: string } | null {
  const row = reader
    .prepare<[string], { jointHash: string; jointName: string }>('SELECT jointHash, jointName FROM jointModels WHERE modelHash = ?')
    .get(modelHash);
  return row ? { hash: row.jointHash, name: row.jointName } : null;
}

/** @param joint null takes it back. */
export function setJointModel(writer: Writer, modelHash: string, joint: { hash: string; name: string } | null): void {
  if (joint === null) writer.prepare('DELETE FROM jointModels WHERE modelHash = ?').run(modelHash);
  else
    writer
      .prepare('INSERT OR REPLACE INTO jointModels (modelHash, jointHash, jointName) VALUES (?, ?, ?)')
      .run(modelHash, joint.hash, joint.name);
}
