import type { Migration } from './migration.ts';

/** Every step that led to a model, not only the last: a second and a third expansion know which blocks are whose. */
export const modelLine: Migration = {
  version: 70,
  up: (database) => {
    database.exec('ALTER TABLE models ADD COLUMN line TEXT');
  },
};
