import type { Migration } from './migration.ts';

/** Models, datasets, runs and their metrics. */
export const firstLight: Migration = {
  version: 10,
  up: (database) => {
    database.exec(`
      CREATE TABLE models (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
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
        createdAt TEXT NOT NULL
      ) STRICT;

      CREATE TABLE datasets (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        documents INTEGER NOT NULL,
        heldOutDocuments INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        hash TEXT NOT NULL,
        path TEXT NOT NULL,
        source TEXT NOT NULL,
        createdAt TEXT NOT NULL
      ) STRICT;

      CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        note TEXT NOT NULL DEFAULT '',
        status TEXT NOT NULL,
        configuration TEXT NOT NULL,
        directory TEXT NOT NULL,
        error TEXT,
        model TEXT,
        modelPath TEXT,
        stepsDone INTEGER NOT NULL DEFAULT 0,
        tokens TEXT NOT NULL DEFAULT '{"total":0,"byDataset":{}}',
        trainableParameters INTEGER,
        trainableTensors TEXT NOT NULL DEFAULT '[]',
        addedParameters INTEGER,
        identityDifference REAL,
        baseline TEXT,
        latest TEXT,
        final TEXT,
        tokensPerSecond REAL,
        secondsLeft REAL,
        seconds REAL,
        peakMemory REAL,
        engine TEXT,
        activity TEXT NOT NULL DEFAULT '',
        requested TEXT,
        ownerPid INTEGER,
        heartbeatAt TEXT,
        createdAt TEXT NOT NULL,
        finishedAt TEXT
      ) STRICT;
      CREATE INDEX runsByCreation ON runs (createdAt);

      CREATE TABLE metrics (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        series TEXT NOT NULL,
        step INTEGER NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (run, series, step)
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
