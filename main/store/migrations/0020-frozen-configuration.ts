import type { Migration } from './migration.ts';

/** What a run is stays what it was at its start, whoever writes to the table. */
export const frozenConfiguration: Migration = {
  version: 20,
  up: (database) => {
    database.exec(`
      CREATE TRIGGER runConfigurationIsFrozen BEFORE UPDATE OF configuration ON runs
      BEGIN SELECT RAISE(ABORT, 'the configuration of a run is frozen at its start'); END;
    `);
  },
};
