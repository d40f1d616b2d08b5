import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StrataError } from '../../shared/errors.ts';
import { type Migration, MIGRATIONS } from './migrations/index.ts';

/** A handle that may only be queried; a function that takes it cannot write by its type. */
export type Reader = Database.Database & { readonly strataReader: true };
/** A handle that may also write. */
export type Writer = Reader & { readonly strataWriter: true };

/** Another process of the same workspace may hold the write lock: wait this long before giving up. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Opens the workspace's database, making or migrating it.
 * @throws StrataError CORRUPT for a damaged file, CONFLICT for one from a newer Strata; the file is left as it is.
 */
export function openStore(path: string, migrations: readonly Migration[] = MIGRATIONS): Writer {
  mkdirSync(dirname(path), { recursive: true });
  let database: Database.Database;
  try {
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw explain(error, path);
  }
  try {
    refuseDamaged(database, path);
    refuseNewer(database, path, migrations);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('foreign_keys = ON');
    migrate(database, migrations);
    return database as Writer;
  } catch (error) {
    database.close();
    throw explain(error, path);
  }
}

function refuseDamaged(database: Database.Database, path: string): void {
  const result = database.pragma('quick_check(1)', { simple: true });
  if (result !== 'ok') throw damaged(path, String(result));
}

function refuseNewer(database: Database.Database, path: string, migrations: readonly Migration[]): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  const newest = migrations.at(-1)?.version ?? 0;
  if (version > newest) {
    throw new StrataError('CONFLICT', 'This workspace was made by a newer Strata.', {
      found: `database version ${version} in ${path}`,
      allowed: `up to version ${newest}`,
      hint: 'Update Strata, or open another workspace with --home. Nothing was changed.',
    });
  }
}

/** Brings the schema to the newest version: each step in a transaction of its own. */
function migrate(database: Database.Database, migrations: readonly Migration[]): void {
  for (const [index, { version }] of migrations.entries()) {
    if (index > 0 && version <= migrations[index - 1]!.version) throw new StrataError('INTERNAL', `Migration ${version} is out of order.`);
  }
  const step = database.transaction((migration: Migration) => {
    // Read inside the transaction: another process may have migrated in the meantime.
    if ((database.pragma('user_version', { simple: true }) as number) >= migration.version) return;
    migration.up(database);
    database.pragma(`user_version = ${migration.version}`);
  });
  for (const migration of migrations) step.immediate(migration);
}

function explain(error: unknown, path: string): unknown {
  const code = (error as { code?: string }).code ?? '';
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) return damaged(path, (error as Error).message);
  if (code === 'SQLITE_CANTOPEN') {
    return new StrataError('BAD_INPUT', 'The workspace cannot be opened there.', {
      found: path,
      allowed: 'a folder that may be written to',
      cause: error,
    });
  }
  return error;
}

function damaged(path: string, found: string): StrataError {
  return new StrataError('CORRUPT', "The workspace's database is damaged. It was not changed.", {
    found: `${path}: ${found}`,
    hint: 'Put a copy of strata.db from a backup in its place, or move it away: models and datasets lie in their own folders and can be imported again.',
  });
}
