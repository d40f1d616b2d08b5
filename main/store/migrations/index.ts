import type { Database } from 'better-sqlite3';
import { firstLight } from './0010-first-light.ts';
import { frozenConfiguration } from './0020-frozen-configuration.ts';

export interface Migration {
  /** Steps of ten, so that a fix fits between. */
  version: number;
  up: (database: Database) => void;
}

/** In increasing order. A landed migration is never changed; a new one is added. */
export const MIGRATIONS: readonly Migration[] = [firstLight, frozenConfiguration];
