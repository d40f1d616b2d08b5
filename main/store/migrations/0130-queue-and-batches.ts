import type { Migration } from './migration.ts';

/** Runs that wait for their turn, runs that repeat others, and batches of runs that a recipe made. */
export const queueAndBatches: Migration = {
  version: 130,
  up: (database) => {
    database.exec(`
      ALTER TABLE runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE runs ADD COLUMN queuePlace INTEGER;
      ALTER TABLE runs ADD COLUMN stopReason TEXT;
      ALTER TABLE runs ADD COLUMN rerunOf TEXT;

      CREATE INDEX runsByStatus ON runs (status);

      CREATE TABLE batches (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        definition TEXT NOT NULL,
        result TEXT,
        createdAt TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
