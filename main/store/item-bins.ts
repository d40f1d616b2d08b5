import type { Reader, Writer } from './open-store.ts';

/** Tables whose rows lie in a bin before they are deleted. Runs are binned in store/runs.ts, with all that was measured of them. */
export type BinnedTable = 'datasets' | 'models';

/** What is known of something in a bin without its folder being opened. */
export interface BinnedRow {
  id: string;
  name: string;
  /** Of its folder for a model, of its text for a dataset. */
  bytes: number;
  path: string;
  deletedAt: string;
}

/** What was deleted last comes first. */
export function listBin(reader: Reader, table: BinnedTable): BinnedRow[] {
  return reader
    .prepare<[], BinnedRow>(
      `SELECT id, name, bytes, path, deletedAt FROM ${table} WHERE deletedAt IS NOT NULL ORDER BY deletedAt DESC, createdAt DESC, id`,
    )
    .all();
}

/** @returns false when it was not there, or somebody else was quicker. */
export function putIntoBin(writer: Writer, table: BinnedTable, id: string, deletedAt: string): boolean {
  return writer.prepare(`UPDATE ${table} SET deletedAt = ? WHERE id = ? AND deletedAt IS NULL`).run(deletedAt, id).changes > 0;
}

/** @param name a name that nothing outside the bin has. @returns false when it was not in the bin any more. */
export function takeOutOfBin(writer: Writer, table: BinnedTable, id: string, name: string): boolean {
  return writer.prepare(`UPDATE ${table} SET deletedAt = NULL, name = ? WHERE id = ? AND deletedAt IS NOT NULL`).run(name, id).changes > 0;
}

/** Forgets something in the bin. @returns false when it was not in the bin any more. */
export function deleteFromBin(writer: Writer, table: BinnedTable, id: string): boolean {
  return writer.prepare(`DELETE FROM ${table} WHERE id = ? AND deletedAt IS NOT NULL`).run(id).changes > 0;
}
