import type { Migration } from './migration.ts';

/** Evaluation suites, and what models made of their parts: known by the hashes of model and part, so that suites share what they have alike. */
export const suiteTables: Migration = {
  version: 100,
  up: (database) => {
    database.exec(`
      CREATE TABLE suites (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        definition TEXT NOT NULL,
        createdAt TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE suiteResults (
        part TEXT NOT NULL,
        modelHash TEXT NOT NULL,
        figures TEXT NOT NULL,
        items BLOB NOT NULL,
        seconds REAL NOT NULL,
        engine TEXT NOT NULL,
        createdAt TEXT NOT NULL,
        PRIMARY KEY (part, modelHash)
      ) STRICT;
    `);
  },
};
