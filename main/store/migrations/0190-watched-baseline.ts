import type { Migration } from './migration.ts';

/**
 * On the way a run measures less of its held-out text than at both ends. What the base made of just that text is kept too: the only thing that a
 * measurement on the way may be compared with.
 */
export const watchedBaseline: Migration = {
  version: 190,
  up: (database) => {
    database.exec('ALTER TABLE runs ADD COLUMN watchedBaseline TEXT');
  },
};
