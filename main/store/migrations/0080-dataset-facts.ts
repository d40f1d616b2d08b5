import type { Migration } from './migration.ts';

/** What a list of datasets shows of each: where it is published, what it is made of, and what it is a later version of. */
export const datasetFacts: Migration = {
  version: 80,
  up: (database) => {
    database.exec(`
      ALTER TABLE datasets ADD COLUMN origin TEXT;
      ALTER TABLE datasets ADD COLUMN licence TEXT;
      ALTER TABLE datasets ADD COLUMN kinds TEXT NOT NULL DEFAULT '{}';
      ALTER TABLE datasets ADD COLUMN languages TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE datasets ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
      ALTER TABLE datasets ADD COLUMN parent TEXT;
    `);
  },
};
