import type { DatasetMeasure, MeasuredRole } from '../../shared/domain/measurement.ts';
import { decodeDocumentSums, type DocumentColumns, encodeDocumentSums } from './document-sums.ts';
import type { Reader, Writer } from './open-store.ts';

/** What a run measured, dataset by dataset; what documents add to it before step 1 and at the end. */

export interface StoredMeasurement {
  step: number;
  measure: DatasetMeasure;
}

/**
 * Writes down an evaluation; the same step again takes the place of what was there.
 * @param documents by dataset; left out on the way.
 */
export function insertMeasurements(
  writer: Writer,
  run: string,
  step: number,
  measures: readonly DatasetMeasure[],
  documents: readonly ({ datasetId: string } & Parameters<typeof encodeDocumentSums>[0])[] | null = null,
): void {
  const statement = writer.prepare('INSERT OR REPLACE INTO measurements (run, step, dataset, measure, documents) VALUES (?, ?, ?, ?, ?)');
  writer.transaction(() => {
    for (const measure of measures) {
      const sums = documents?.find(({ datasetId }) => datasetId === measure.datasetId);
      statement.run(run, step, measure.datasetId, JSON.stringify(measure), sums ? encodeDocumentSums(sums) : null);
    }
  })();
}

/** After a step, in the order of the steps, and in each in that of the datasets' ids. */
export function listMeasurements(reader: Reader, run: string, afterStep = -1): StoredMeasurement[] {
  return reader
    .prepare<[string, number], { step: number; measure: string }>(
      'SELECT step, measure FROM measurements WHERE run = ? AND step > ? ORDER BY step, dataset',
    )
    .all(run, afterStep)
    .map(({ step, measure }) => ({ step, measure: JSON.parse(measure) as DatasetMeasure }));
}

export interface DatasetDocumentSums extends DocumentColumns {
  dataset: string;
  /** Of the dataset's version. */
  hash: string;
  role: MeasuredRole;
}

/**
 * What each document added before step 1, or to the run's result, in the order of the documents: the same documents at both moments, and in
 * runs on the same data with the same context. Empty where it was not written down, as of runs before version 90, or has not been measured yet.
 */
export function findDocumentSums(reader: Reader, run: string, moment: 'baseline' | 'final'): DatasetDocumentSums[] {
  // A run that went back to its base has its result at step 0.
  const step =
    moment === 'baseline'
      ? '= 0'
      : '= (SELECT max(step) FROM measurements WHERE run = @run AND documents IS NOT NULL) AND (SELECT final FROM runs WHERE id = @run) IS NOT NULL';
  return reader
    .prepare<[{ run: string }], { dataset: string; measure: string; documents: Buffer }>(
      `SELECT dataset, measure, documents FROM measurements WHERE run = @run AND documents IS NOT NULL AND step ${step} ORDER BY dataset`,
    )
    .all({ run })
    .map(({ dataset, measure, documents }) => {
      const { hash, role } = JSON.parse(measure) as DatasetMeasure;
      return { dataset, hash, role, ...decodeDocumentSums(documents) };
    });
}
