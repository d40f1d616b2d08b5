import type { DatasetInfo } from '../../shared/contract/contract.ts';
import type { Reader, Writer } from './open-store.ts';

/** A dataset as the database keeps it, with its folder. */
export type StoredDataset = DatasetInfo & { path: string };

const COLUMNS = 'id, name, documents, heldOutDocuments, bytes, hash, path, source, createdAt';

export function listDatasets(reader: Reader): StoredDataset[] {
  return reader.prepare<[], StoredDataset>(`SELECT ${COLUMNS} FROM datasets ORDER BY createdAt, id`).all();
}

export function insertDataset(writer: Writer, dataset: StoredDataset): void {
  const names = COLUMNS.split(', ');
  writer.prepare(`INSERT INTO datasets (${COLUMNS}) VALUES (${names.map((name) => `@${name}`).join(', ')})`).run(dataset);
}

export function deleteDataset(writer: Writer, id: string): void {
  writer.prepare('DELETE FROM datasets WHERE id = ?').run(id);
}
