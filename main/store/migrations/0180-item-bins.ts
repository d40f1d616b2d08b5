import type { Migration } from './migration.ts';

/** Columns of version 170, in their order. */
const MODELS =
  'id, name, architecture, parameters, blocks, vocabularySize, contextLength, path, bytes, hash, baseModel, run, plan, source, createdAt, line';
const DATASETS =
  'id, name, documents, heldOutDocuments, bytes, hash, path, source, createdAt, origin, licence, kinds, languages, version, parent, sampleOf';

/**
 * Models and datasets that were deleted lie in a bin. Their names are free then, so a name is only unique among those that are not in it: for
 * that the tables are made anew, as SQLite takes no constraint away.
 */
export const itemBins: Migration = {
  version: 180,
  up: (database) => {
    database.exec(`
      CREATE TABLE newModels (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        architecture TEXT NOT NULL,
        parameters INTEGER NOT NULL,
        blocks INTEGER NOT NULL,
        vocabularySize INTEGER NOT NULL,
        contextLength INTEGER NOT NULL,
        path TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        hash TEXT NOT NULL,
        baseModel TEXT,
        run TEXT,
        plan TEXT,
        source TEXT NOT NULL,
        createdAt TEXT NOT NULL,
        line TEXT,
        deletedAt TEXT
      ) STRICT;
      INSERT INTO newModels (${MODELS}) SELECT ${MODELS} FROM models;
      DROP TABLE models;
      ALTER TABLE newModels RENAME TO models;
      CREATE UNIQUE INDEX modelNames ON models (name) WHERE deletedAt IS NULL;

      CREATE TABLE newDatasets (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        documents INTEGER NOT NULL,
        heldOutDocuments INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        hash TEXT NOT NULL,
        path TEXT NOT NULL,
        source TEXT NOT NULL,
        createdAt TEXT NOT NULL,
        origin TEXT,
        licence TEXT,
        kinds TEXT NOT NULL DEFAULT '{}',
        languages TEXT NOT NULL DEFAULT '[]',
        version INTEGER NOT NULL DEFAULT 1,
        parent TEXT,
        sampleOf TEXT,
        deletedAt TEXT
      ) STRICT;
      INSERT INTO newDatasets (${DATASETS}) SELECT ${DATASETS} FROM datasets;
      DROP TABLE datasets;
      ALTER TABLE newDatasets RENAME TO datasets;
      CREATE UNIQUE INDEX datasetNames ON datasets (name) WHERE deletedAt IS NULL;
    `);
  },
};
