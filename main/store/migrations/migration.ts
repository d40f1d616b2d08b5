import type { Database } from 'better-sqlite3';

/** One change of the schema, in a file of its own. */
export interface Migration {
  /** Steps of ten, so that a fix fits between. */
  version: number;
  up: (database: Database) => void;
}
