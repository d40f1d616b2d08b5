import type { Migration } from './migration.ts';

/** What version 0030 kept of a run's settings, as far as it is changed here. */
interface EarlierConfiguration {
  method: 'expand' | 'full';
  plan: unknown;
  batch: number;
  [setting: string]: unknown;
}

/** The method with its options in one description, and the settings that came with it: earlier runs had what is their default now. */
export const methodDescription: Migration = {
  version: 40,
  up: (database) => {
    // Frozen for everyone but a change of the form itself.
    database.exec('DROP TRIGGER runConfigurationIsFrozen');
    const runs = database.prepare<[], { id: string; configuration: string }>('SELECT id, configuration FROM runs').all();
    const update = database.prepare('UPDATE runs SET configuration = ? WHERE id = ?');
    for (const { id, configuration } of runs) {
      const { method, plan, ...settings } = JSON.parse(configuration) as EarlierConfiguration;
      const described = {
        ...settings,
        method: method === 'expand' ? { name: method, plan } : { name: method },
        microBatch: settings.batch,
        packing: 'plain',
        learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
        schedule: { name: 'cosine' },
      };
      update.run(JSON.stringify(described), id);
    }
    database.exec(`
      CREATE TRIGGER runConfigurationIsFrozen BEFORE UPDATE OF configuration ON runs
      BEGIN SELECT RAISE(ABORT, 'the configuration of a run is frozen at its start'); END;
    `);
  },
};
