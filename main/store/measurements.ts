import type { DatasetMeasure, MeasuredRole } from '../../shared/domain/measurement.ts';
import type { Reader, Writer } from './open-store.ts';

/** What one dataset's held-out documents added to the figures of a measurement, in the order of the documents. */
export interface DocumentSumsOfDataset {
  dataset: string;
  hash: string;
  role: MeasuredRole;
  /** Predicted tokens, sum of their losses and sum of their drifts, nats; one number per document. */
  tokens: Float64Array;
  losses: Float64Array;
  drifts: Float64Array;
}

/** Numbers kept of a document. */
const FIELDS = 3;

/** Keeps a measurement of a dataset; with its documents for one that is compared document by document. */
export function insertMeasurement(
  writer: Writer,
  run: string,
  step: number,
  measure: DatasetMeasure,
  documents: Pick<DocumentSumsOfDataset, 'tokens' | 'losses' | 'drifts'> | null,
): void {
  writer
    .prepare('INSERT OR REPLACE INTO measurements (run, step, dataset, measure, documents) VALUES (?, ?, ?, ?, ?)')
    .run(run, step, measure.datasetId, JSON.stringify(measure), documents && packDocuments(documents));
}

/** Document by document, of the measurement before step 1 or of the last one; nothing where documents were not kept. */
export function findDocumentSums(reader: Reader, run: string, when: 'baseline' | 'final'): DocumentSumsOfDataset[] {
  const steps = reader
    .prepare<[string], { first: number | null; last: number | null }>(
      'SELECT min(step) AS first, max(step) AS last FROM measurements WHERE run = ? AND documents IS NOT NULL',
    )
    .get(run)!;
  const step = when === 'baseline' ? steps.first : steps.last;
  if (step === null || (when === 'final' && steps.last === steps.first)) return [];
  return reader
    .prepare<[string, number], { measure: string; documents: Buffer }>(
      'SELECT measure, documents FROM measurements WHERE run = ? AND step = ? AND documents IS NOT NULL ORDER BY dataset',
    )
    .all(run, step)
    .map(({ measure, documents }) => {
      const { datasetId, hash, role } = JSON.parse(measure) as DatasetMeasure;
      return { dataset: datasetId, hash, role, ...unpackDocuments(documents) };
    });
}

function packDocuments({ tokens, losses, drifts }: Pick<DocumentSumsOfDataset, 'tokens' | 'losses' | 'drifts'>): Buffer {
  const packed = Buffer.alloc(tokens.length * FIELDS * Float64Array.BYTES_PER_ELEMENT);
  tokens.forEach((_, document) => {
    [tokens[document]!, losses[document]!, drifts[document]!].forEach((number, field) =>
      packed.writeDoubleLE(number, (document * FIELDS + field) * Float64Array.BYTES_PER_ELEMENT),
    );
  });
  return packed;
}

function unpackDocuments(packed: Buffer): Pick<DocumentSumsOfDataset, 'tokens' | 'losses' | 'drifts'> {
  const documents = packed.length / (FIELDS * Float64Array.BYTES_PER_ELEMENT);
  const field = (index: number): Float64Array =>
    Float64Array.from({ length: documents }, (_, document) =>
      packed.readDoubleLE((document * FIELDS + index) * Float64Array.BYTES_PER_ELEMENT),
    );
  return { tokens: field(0), losses: field(1), drifts: field(2) };
}
