import type { Migration } from './migration.ts';

/** What the page of a run shows of its training: samples of text, the windows that were drawn, and which process trains it. */
export const trainingView: Migration = {
  version: 170,
  up: (database) => {
    database.exec(`
      ALTER TABLE runs ADD COLUMN samplingSeconds REAL;
      ALTER TABLE runs ADD COLUMN ownerSign TEXT;

      CREATE TABLE samplePrompts (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        place INTEGER NOT NULL,
        prompt TEXT NOT NULL,
        role TEXT,
        datasetId TEXT,
        goesOn TEXT,
        base TEXT NOT NULL,
        PRIMARY KEY (run, place)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE samples (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step INTEGER NOT NULL,
        texts TEXT NOT NULL,
        PRIMARY KEY (run, step)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE drawnWindows (
        run TEXT NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        windows TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;
    `);
  },
};
