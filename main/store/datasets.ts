import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { Reader, Writer } from './open-store.ts';

/** A dataset as the database keeps it, with its folder. Kinds and languages are empty for one that was imported before they were noted. */
export type StoredDataset = DatasetInfo & { path: string };

/** Columns that hold JSON. */
type JsonColumn = 'kinds' | 'languages' | 'sampleOf';
type Row = Omit<StoredDataset, JsonColumn> & Record<Exclude<JsonColumn, 'sampleOf'>, string> & { sampleOf: string | null };

const COLUMNS =
  'id, name, documents, heldOutDocuments, bytes, hash, path, source, createdAt, origin, licence, kinds, languages, version, parent, sampleOf';

/** All but those in the bin, in the order of their making. */
export function listDatasets(reader: Reader): StoredDataset[] {
  return reader.prepare<[], Row>(`SELECT ${COLUMNS} FROM datasets WHERE deletedAt IS NULL ORDER BY createdAt, id`).all().map(fromRow);
}

/** Ids of all there are, those in the bin among them: their folders are not to be taken for something else. */
export function datasetIds(reader: Reader): Set<string> {
  return new Set(reader.prepare<[], string>('SELECT id FROM datasets').pluck().all());
}

export function insertDataset(writer: Writer, dataset: StoredDataset): void {
  const names = COLUMNS.split(', ');
  const row: Row = {
    ...dataset,
    kinds: JSON.stringify(dataset.kinds),
    languages: JSON.stringify(dataset.languages),
    sampleOf: dataset.sampleOf && JSON.stringify(dataset.sampleOf),
  };
  writer.prepare(`INSERT INTO datasets (${COLUMNS}) VALUES (${names.map((name) => `@${name}`).join(', ')})`).run(row);
}

function fromRow(row: Row): StoredDataset {
  return {
    ...row,
    kinds: JSON.parse(row.kinds) as StoredDataset['kinds'],
    languages: JSON.parse(row.languages) as StoredDataset['languages'],
    sampleOf: row.sampleOf === null ? null : (JSON.parse(row.sampleOf) as StoredDataset['sampleOf']),
  };
}
