import type { Migration } from './migration.ts';

/** Which share of a run's windows had been there before: needed to tell its speed from that of a run whose windows are all new. */
export const repeatedShare: Migration = {
  version: 50,
  up: (database) => {
    database.exec('ALTER TABLE runs ADD COLUMN repeatedShare REAL');
  },
};
