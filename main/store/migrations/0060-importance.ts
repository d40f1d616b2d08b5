import type { Migration } from './migration.ts';

/** What each block of a model matters for old data: measured once for a model, its data, and how much of it was read. */
export const importanceTables: Migration = {
  version: 60,
  up: (database) => {
    database.exec(`
      CREATE TABLE importances (
        modelHash TEXT NOT NULL,
        datasets TEXT NOT NULL,
        context INTEGER NOT NULL,
        windows INTEGER NOT NULL,
        importance TEXT NOT NULL,
        createdAt TEXT NOT NULL,
        PRIMARY KEY (modelHash, datasets, context, windows)
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
