import type { Migration } from './migration.ts';

/** What runs measured dataset by dataset and document by document, what their guards did, and how users mark and shelve them. */
export const retention: Migration = {
  version: 90,
  up: (database) => {
    database.exec(`
      ALTER TABLE runs ADD COLUMN guardEvents TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE runs ADD COLUMN favourite INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE runs ADD COLUMN archivedAt TEXT;
      ALTER TABLE runs ADD COLUMN deletedAt TEXT;
      ALTER TABLE runs ADD COLUMN batch TEXT;
      ALTER TABLE runs ADD COLUMN gainError REAL;
      ALTER TABLE runs ADD COLUMN forgettingError REAL;

      CREATE TABLE measurements (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        dataset TEXT NOT NULL,
        measure TEXT NOT NULL,
        documents BLOB,
        PRIMARY KEY (run, step, dataset)
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
