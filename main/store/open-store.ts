import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';

/** A handle that may only be queried; a function that takes it cannot write by its type. */
export type Reader = Database.Database & { readonly strataReader: true };
/** A handle that may also write. */
export type Writer = Reader & { readonly strataWriter: true };

/** Another process of the same workspace may hold the write lock: wait this long before giving up. */
const BUSY_TIMEOUT_MS = 10_000;

/**
 * Opens the workspace's database, making or migrating it.
 * @throws StrataError CORRUPT for a damaged file, CONFLICT for one from a newer Strata (the file is left as it is), BAD_INPUT where
 * no workspace can be, NO_SPACE, or CONFLICT while another program holds it locked.
 */
export function openStore(path: string, migrations: readonly Migration[] = MIGRATIONS): Writer {
  makeFolder(dirname(path));
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
    database.function('foldCase', { deterministic: true }, foldCase);
    return database as Writer;
  } catch (error) {
    database.close();
    throw explain(error, path);
  }
}

/** For searches: SQLite itself knows the upper and lower case of ASCII alone. */
export function foldCase(text: unknown): string {
  return String(text).normalize('NFKC').toLowerCase();
}

function makeFolder(path: string): void {
  try {
    // From the top, one by one: Node's own recursion never ends where a folder exists and yet has no room for another (/proc).
    const missing: string[] = [];
    for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
    for (const folder of missing) makeOne(folder);
    if (!statSync(path).isDirectory()) throw new Error('a file is there');
  } catch (error) {
    // Whatever the system's reason (a file in the way, a read-only or absent disk), the place was the user's choice; a full disk was not.
    throw (error as NodeJS.ErrnoException).code === 'ENOSPC' ? toStrataError(error) : cannotOpen(path, error);
  }
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process was quicker
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
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')) return cannotOpen(path, error);
  // The latter is how SQLite says that there is no room for the index of its log.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    return new StrataError('NO_SPACE', 'The disk of the workspace is full.', {
      found: `no room for ${path}`,
      hint: 'Free some space, or open a workspace on another disk with --home.',
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new StrataError('CONFLICT', 'Another program holds the workspace for itself.', {
      found: `${path} was locked for ${BUSY_TIMEOUT_MS / 1000} seconds`,
      hint: 'Close the program that has strata.db open, or open another workspace with --home.',
      cause: error,
    });
  }
  return error;
}

function cannotOpen(path: string, cause: unknown): StrataError {
  return new StrataError('BAD_INPUT', 'The workspace cannot be opened there.', {
    found: cause instanceof Error ? `${path}: ${cause.message}` : path,
    allowed: 'a folder that may be written to',
    hint: 'Choose another folder with --home or STRATA_HOME.',
    cause,
  });
}

function damaged(path: string, found: string): StrataError {
  return new StrataError('CORRUPT', "The workspace's database is damaged. It was not changed.", {
    found: `${path}: ${found}`,
    hint: 'Put a copy of strata.db from a backup in its place, or move it away: models and datasets lie in their own folders and can be imported again.',
  });
}
