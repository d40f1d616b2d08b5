import type { Migration } from './migration.ts';

/** Of which dataset another is a sample; what models were measured on beside runs; which model stands for learning all tasks of a line at once. */
export const lines: Migration = {
  version: 150,
  up: (database) => {
    database.exec(`
      ALTER TABLE datasets ADD COLUMN sampleOf TEXT;

      CREATE TABLE lineMeasures (
        modelHash TEXT NOT NULL,
        datasetHash TEXT NOT NULL,
        manner TEXT NOT NULL,
        measure TEXT NOT NULL,
        documents BLOB NOT NULL,
        createdAt TEXT NOT NULL,
        PRIMARY KEY (modelHash, datasetHash, manner)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE jointModels (
        modelHash TEXT NOT NULL PRIMARY KEY,
        jointHash TEXT NOT NULL,
        jointName TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
