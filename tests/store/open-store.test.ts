import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { insertDataset, listDatasets } from '../../main/store/datasets.ts';
import { listModels } from '../../main/store/models.ts';
import { MIGRATIONS } from '../../main/store/migrations/index.ts';
import type { Migration } from '../../main/store/migrations/migration.ts';
import { openStore } from '../../main/store/open-store.ts';
import { insertMetrics, insertRun, listRuns, updateRun } from '../../main/store/runs.ts';
import { type Evaluation, runConfigurationSchema } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { datasetRecord, runRecord } from '../support/run-records.ts';
import { canMountDisks, mountSmallDisk } from '../support/small-disk.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-store-'));
  path = join(directory, 'strata.db');
});
afterEach(() => rm(directory, { recursive: true }));

/** The error that opening throws. */
function refusal(at = path, migrations?: readonly Migration[]): StrataError {
  try {
    openStore(at, migrations).close();
  } catch (error) {
    expect(error).toBeInstanceOf(StrataError);
    return error as StrataError;
  }
  throw new Error('It was opened.');
}

function versionOf(file: string): number {
  const database = new Database(file, { readonly: true });
  const version = database.pragma('user_version', { simple: true }) as number;
  database.close();
  return version;
}

const createTable = (version: number, name: string): Migration => ({
  version,
  up: (database) => database.exec(`CREATE TABLE ${name} (id INTEGER PRIMARY KEY) STRICT`),
});

describe('migrations', () => {
  it('run in their order, each once, and leave the newest version', () => {
    const ran: number[] = [];
    const steps = [10, 20, 30].map((version): Migration => ({ version, up: () => void ran.push(version) }));
    openStore(path, steps.slice(0, 1)).close();
    openStore(path, steps).close();
    openStore(path, steps).close();
    expect(ran).toEqual([10, 20, 30]);
    expect(versionOf(path)).toBe(30);
  });

  it('that fail leave nothing of themselves, and keep what those before them did', () => {
    const broken: Migration = {
      version: 20,
      up: (database) => {
        database.exec('CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT');
        throw new Error('the second half fails');
      },
    };
    expect(() => openStore(path, [createTable(10, 'whole'), broken])).toThrow('the second half fails');
    expect(versionOf(path)).toBe(10);
    const database = new Database(path);
    expect(database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all()).toEqual(['whole']);
    database.close();
  });

  it.each([
    ['out of order', [20, 10]],
    ['twice the same number', [10, 10]],
  ])('that are listed %s are refused before any runs', (_, versions) => {
    const ran: number[] = [];
    const error = refusal(
      path,
      versions.map((version) => ({ version, up: () => void ran.push(version) })),
    );
    expect(error.code).toBe('INTERNAL');
    expect(error.message).toMatch(/out of order/);
    expect(ran).toEqual([]);
  });

  it('of the product have rising numbers', () => {
    const versions = MIGRATIONS.map(({ version }) => version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  it('of the product are never changed once they have landed: workspaces were made with them', () => {
    const fingerprints = MIGRATIONS.map(({ version }, index) => {
      const file = join(directory, `version-${version}.db`);
      openStore(file, MIGRATIONS.slice(0, index + 1)).close();
      return [
        version,
        createHash('sha256')
          .update(JSON.stringify(schemaOf(file)))
          .digest('hex')
          .slice(0, 16),
      ];
    });
    expect(fingerprints).toEqual([
      [10, '3379ec132374d28a'],
      [20, '39a9418362a552fa'],
      [30, 'df912c038f75262a'],
      [40, 'df912c038f75262a'],
      [50, '11172f1e10245583'],
      [60, 'caeb7ea92038cae4'],
      [70, '9258091b7e35209b'],
      [80, 'e53c39c978f46af9'],
      [90, 'ac1217ed0dad7446'],
      [91, '4248d025df4ce2f3'],
      [100, 'f8356cdbe507b5f4'],
      [130, '6ee708b7fdf298de'],
      [140, '06cb4ad3ad5d5cdb'],
      [150, '79797dd2963f5705'],
      [160, '0a2ecea2ea1fbfcf'],
      [170, 'f299f3da27115461'],
      [180, 'fda440c577d50547'],
      [190, 'cdcd4e4862d02f4b'],
    ]);
  });

  it('bring every earlier version, with rows in it, to the schema that a new workspace has', () => {
    openStore(path).close();
    const fresh = schemaOf(path);
    for (const [index, { version }] of MIGRATIONS.entries()) {
      const old = join(directory, `version-${version}.db`);
      const before = openStore(old, MIGRATIONS.slice(0, index + 1));
      // By the columns that every version has; later ones have defaults.
      const defaults = { origin: null, licence: null, kinds: {}, languages: [], version: 1, parent: null, sampleOf: null };
      const first = Object.fromEntries(Object.entries(datasetRecord()).filter(([name]) => !(name in defaults)));
      const names = Object.keys(first);
      before.prepare(`INSERT INTO datasets (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`).run(first);
      before.close();
      const after = openStore(old);
      expect(listDatasets(after)).toEqual([{ ...first, ...defaults }]);
      after.close();
      expect(schemaOf(old), `from version ${version}`).toEqual(fresh);
    }
  });
});

describe('the migration to method descriptions', () => {
  /** Settings as version 0030 kept them. */
  const earlier = {
    baseModel: { id: 'base-1', name: 'base', hash: 'a' },
    method: 'expand',
    plan: { schemaVersion: 1, baseBlocks: 4, inserted: [{ after: 3, copies: 3, position: 4 }] },
    datasets: [{ id: 'code-1', name: 'code', role: 'new', hash: 'b' }],
    replayShare: 0,
    steps: 40,
    batch: 4,
    context: 32,
    learningRate: 0.002,
    warmup: 0.06,
    finalLearningRate: 0.1,
    weightDecay: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    clipNorm: 1,
    seed: 1,
    evaluation: { everySteps: 10, tokens: 512 },
    checkpointEverySteps: 10,
    engine: 'auto',
  };

  it('keeps what runs were, in the new form, and what is frozen frozen', () => {
    const store = openStore(path, MIGRATIONS.slice(0, 3));
    const insert = store.prepare(
      "INSERT INTO runs (id, name, status, configuration, directory, createdAt) VALUES (?, ?, 'done', ?, '/runs', '2026-01-02T03:04:05.678Z')",
    );
    insert.run('expanded', 'expanded', JSON.stringify(earlier));
    insert.run('full', 'full', JSON.stringify({ ...earlier, method: 'full', plan: null }));
    store.close();

    const opened = openStore(path);
    const configurations = listRuns(opened).map(({ configuration }) => runConfigurationSchema.parse(configuration));
    const { method: _method, plan, ...same } = earlier;
    const news = {
      microBatch: 4,
      packing: 'plain',
      schedule: { name: 'cosine' },
      learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
    };
    expect(configurations).toEqual([
      { ...same, ...news, method: { name: 'expand', plan } },
      { ...same, ...news, method: { name: 'full' } },
    ]);
    expect(() => opened.prepare("UPDATE runs SET configuration = '{}'").run()).toThrow(/frozen/);
    opened.close();
  });
});

describe('the migration to facts of runs', () => {
  it('takes what lists show from the runs that are there', () => {
    const store = openStore(
      path,
      MIGRATIONS.filter(({ version }) => version < 140),
    );
    insertRun(store, runRecord());
    insertMetrics(
      store,
      'run-1',
      [6, 5.5, 5].map((value, index) => ({ step: 20 * index, series: 'loss.new', value })),
    );
    const measured = (onNew: number, onOld: number): Evaluation => ({
      new: { loss: onNew, tokens: 100 },
      old: { loss: onOld, tokens: 100 },
      drift: 0.5,
    });
    updateRun(store, 'run-1', { baseline: measured(6, 2), final: measured(5, 2.25) });
    store.close();
    const opened = openStore(path);
    expect(
      opened
        .prepare('SELECT method, baseModel, insertedBlocks, replayShare, steps, gain, forgetting, drift, sparkline FROM runFacts')
        .all(),
    ).toEqual([
      {
        ...{ method: 'expand', baseModel: 'base-1', insertedBlocks: 1, replayShare: 0.1, steps: 40 },
        ...{ gain: 1, forgetting: 0.25, drift: 0.5, sparkline: '[6.0,5.5,5.0]' },
      },
    ]);
    opened.close();
  });
});

describe('the migration to lines of models', () => {
  it('keeps what was known of a model: the plan of its last expansion, as a line of one step', () => {
    const store = openStore(path, MIGRATIONS.slice(0, 6));
    const insert = store.prepare(
      `INSERT INTO models (id, name, architecture, parameters, blocks, vocabularySize, contextLength, path, bytes, hash, baseModel, run, plan, source, createdAt)
        VALUES (?, ?, 'LlamaForCausalLM', 1, 5, 10, 8, '/m', 1, 'h', ?, ?, ?, 's', '2026-01-02T03:04:05.678Z')`,
    );
    const plan = { schemaVersion: 1, baseBlocks: 4, inserted: [{ after: 3, copies: 3, position: 4 }] };
    insert.run('a', 'expanded', 'base-1', 'run-1', JSON.stringify(plan));
    insert.run('b', 'imported', null, null, null);
    store.close();
    const opened = openStore(path);
    expect(listModels(opened).map(({ id, line }) => [id, line])).toEqual([
      [
        'a',
        [
          {
            id: 'run-1',
            name: 'expanded',
            base: { name: 'base-1', hash: '' },
            method: { name: 'expand', plan },
            importance: null,
            training: null,
          },
        ],
      ],
      ['b', []],
    ]);
    opened.close();
  });
});

function schemaOf(file: string): unknown[] {
  const database = new Database(file, { readonly: true });
  const schema = database.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY name').all();
  database.close();
  return schema;
}

describe('a new workspace', () => {
  it('has strict tables only, a write-ahead log and foreign keys', () => {
    const store = openStore(join(directory, 'deep', 'home', 'strata.db'));
    const tables = store.prepare("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'").all();
    expect(tables).not.toHaveLength(0);
    expect(tables.every((table) => (table as { strict: number }).strict === 1)).toBe(true);
    expect(store.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(store.pragma('foreign_keys', { simple: true })).toBe(1);
    store.close();
  });

  it('refuses values of the wrong type', () => {
    const store = openStore(path);
    expect(() => insertDataset(store, datasetRecord({ documents: 'many' as never }))).toThrow(/cannot store TEXT value in INTEGER/);
    expect(() => insertDataset(store, datasetRecord({ bytes: 0.5 }))).toThrow(/cannot store REAL value in INTEGER/);
    expect(listDatasets(store)).toEqual([]);
    store.close();
  });
});

describe('a database that cannot be used', () => {
  it('from a newer Strata is refused, and not one byte of it changes', async () => {
    openStore(path, [createTable(99_990, 'future')]).close();
    const before = await readFile(path);
    const error = refusal();
    expect(error).toMatchObject({ code: 'CONFLICT', exitCode: 2 });
    expect(error.found).toContain('version 99990');
    expect(error.allowed).toContain(`version ${MIGRATIONS.at(-1)!.version}`);
    expect(error.hint).toMatch(/Update Strata/);
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(directory)).toEqual(['strata.db']);
  });

  it.each<[string, (whole: Buffer) => Buffer]>([
    ['is not SQLite', () => Buffer.from('This is a letter to my aunt. '.repeat(400))],
    ['is only the start of one', (whole) => whole.subarray(0, 100)],
    ['was cut in the middle', (whole) => whole.subarray(0, whole.length / 2)],
    ['has a page of something else', (whole) => Buffer.from(whole).fill(0x55, 3 * 4096, 4 * 4096)],
  ])('because it %s is refused as damaged and left as it is', async (_, damage) => {
    const store = openStore(path);
    for (let index = 0; index < 200; index++) insertDataset(store, datasetRecord({ id: `d${index}`, name: 'long '.repeat(50) + index }));
    store.close();
    const damaged = damage(await readFile(path));
    await writeFile(path, damaged);
    const error = refusal();
    expect(error).toMatchObject({ code: 'CORRUPT', exitCode: 1 });
    expect(error.found).toContain(path);
    expect(error.hint).toMatch(/backup/);
    expect(await readFile(path)).toEqual(damaged);
    expect(await readdir(directory)).toEqual(['strata.db']);
  });

  it('because a file, a folder or an absent disk is in its way is the user’s to mend', async () => {
    await writeFile(join(directory, 'file'), '');
    await mkdir(join(directory, 'folder.db'));
    await symlink(join(directory, 'unplugged'), join(directory, 'link'));
    for (const place of ['file/strata.db', 'file/home/strata.db', 'folder.db', 'link/strata.db']) {
      const error = refusal(join(directory, place));
      expect(error, place).toMatchObject({ code: 'BAD_INPUT', exitCode: 2 });
      expect(error.found).toContain(directory);
      expect(error.allowed).toMatch(/may be written to/);
      expect(error.hint).toMatch(/--home/);
    }
    expect(await readFile(join(directory, 'file'), 'utf8')).toBe('');
  });

  it.skipIf(!canMountDisks)('because its disk may only be read is the user’s to mend', () => {
    const disk = mountSmallDisk('1m');
    try {
      openStore(join(disk.path, 'strata.db')).close();
      disk.makeReadOnly();
      for (const place of ['strata.db', 'new/strata.db']) expect(refusal(join(disk.path, place)).code, place).toBe('BAD_INPUT');
    } finally {
      disk.unmount();
    }
  });

  // Each size runs out at another moment: the file itself, the log's index, the log.
  it.skipIf(!canMountDisks).each(['4k', '16k', '64k'])('because a disk of %s is full says so', (size) => {
    const disk = mountSmallDisk(size);
    try {
      expect(refusal(join(disk.path, 'home', 'strata.db'))).toMatchObject({ code: 'NO_SPACE', exitCode: 1 });
    } finally {
      disk.unmount();
    }
  });
});

describe('two handles on one workspace', () => {
  it('see each other’s finished changes, and nothing of unfinished ones', () => {
    const [first, second] = [openStore(path), openStore(path)];
    first.exec('BEGIN IMMEDIATE');
    insertDataset(first, datasetRecord());
    expect(listDatasets(second)).toEqual([]);
    first.exec('COMMIT');
    expect(listDatasets(second)).toEqual([datasetRecord()]);
    first.close();
    second.close();
  });

  it('wait for each other’s writes instead of failing', async () => {
    openStore(path).close();
    const program = `
      import Database from 'better-sqlite3';
      const database = new Database(process.argv[1]);
      database.exec('BEGIN IMMEDIATE');
      process.stdout.write('locked');
      setTimeout(() => { database.exec("DELETE FROM datasets; COMMIT"); database.close(); }, 500);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(other, 'exit');
    await once(other.stdout, 'data');
    const store = openStore(path);
    insertDataset(store, datasetRecord());
    expect(listDatasets(store)).toEqual([datasetRecord()]); // written after the other's deletion
    store.close();
    expect(await ended).toEqual([0, null]);
  });

  it('may open a new workspace at the same moment', async () => {
    const program = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, '../../main/store/open-store.ts'))};
      openStore(process.argv[1]).close();`;
    const exits = Array.from({ length: 4 }, () =>
      once(spawn(process.execPath, ['--input-type=module', '-e', program, path], { stdio: 'inherit' }), 'exit'),
    );
    expect(await Promise.all(exits)).toEqual(exits.map(() => [0, null]));
    expect(versionOf(path)).toBe(MIGRATIONS.at(-1)!.version);
  });
});
