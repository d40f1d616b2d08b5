import type { Migration } from './migration.ts';

/** How long a run has measured. */
export const measuring: Migration = {
  version: 91,
  up: (database) => {
    database.exec('ALTER TABLE runs ADD COLUMN measuringSeconds REAL');
  },
};
