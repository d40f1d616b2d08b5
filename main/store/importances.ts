import { type Importance, importanceSchema } from '../../shared/domain/importance.ts';
import type { Reader, Writer } from './open-store.ts';

/** What a table belongs to: a model, data that it was measured on, and how much of it was asked for. */
export interface ImportanceKey {
  modelHash: string;
  /** Hashes of the datasets, in any order. */
  datasetHashes: readonly string[];
  context: number;
  /** Asked for; the table says how many there were. */
  windows: number;
}

/** The table of exactly this measurement; null when it was not made. */
export function findImportance(reader: Reader, key: ImportanceKey): Importance | null {
  const row = reader
    .prepare<[string, string, number, number], { importance: string }>(
      'SELECT importance FROM importances WHERE modelHash = ? AND datasets = ? AND context = ? AND windows = ?',
    )
    .get(key.modelHash, datasetsOf(key), key.context, key.windows);
  return row ? importanceSchema.parse(JSON.parse(row.importance)) : null;
}

/** The table of a model on these data that was measured on most tokens; null when there is none. */
export function bestImportance(reader: Reader, key: Pick<ImportanceKey, 'modelHash' | 'datasetHashes'>): Importance | null {
  const row = reader
    .prepare<[string, string], { importance: string }>(
      `SELECT importance FROM importances WHERE modelHash = ? AND datasets = ?
        ORDER BY importance ->> 'tokens' DESC, createdAt DESC LIMIT 1`,
    )
    .get(key.modelHash, datasetsOf(key));
  return row ? importanceSchema.parse(JSON.parse(row.importance)) : null;
}

/** Keeps a table; one of the same measurement is replaced. */
export function insertImportance(writer: Writer, key: ImportanceKey, importance: Importance, createdAt: string): void {
  writer
    .prepare(`INSERT OR REPLACE INTO importances (modelHash, datasets, context, windows, importance, createdAt) VALUES (?, ?, ?, ?, ?, ?)`)
    .run(key.modelHash, datasetsOf(key), key.context, key.windows, JSON.stringify(importance), createdAt);
}

function datasetsOf({ datasetHashes }: Pick<ImportanceKey, 'datasetHashes'>): string {
  return [...datasetHashes].sort().join(' ');
}
