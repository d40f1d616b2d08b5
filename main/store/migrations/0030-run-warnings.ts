import type { Migration } from './migration.ts';

/** What happened to a run that did not end it, such as a damaged checkpoint whose predecessor was used. */
export const runWarnings: Migration = {
  version: 30,
  up: (database) => {
    database.exec("ALTER TABLE runs ADD COLUMN warnings TEXT NOT NULL DEFAULT '[]'");
  },
};
