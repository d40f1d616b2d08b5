import type { Migration } from './migration.ts';

/** What was measured of a model's packs: that it is its base without them, and how well a gate decides. The latest of each kind. */
export const packRecords: Migration = {
  version: 160,
  up: (database) => {
    database.exec(`
      CREATE TABLE packRecords (
        modelHash TEXT NOT NULL,
        kind TEXT NOT NULL,
        pack INTEGER NOT NULL,
        record TEXT NOT NULL,
        createdAt TEXT NOT NULL,
        PRIMARY KEY (modelHash, kind, pack)
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
