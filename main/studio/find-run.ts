import type { Reader } from '../store/open-store.ts';
import { findRun, listReferences, listRunNames, type StoredRun } from '../store/runs.ts';
import { resolve } from './context.ts';

/**
 * The run that an id or a name means. A name means a run of the history first, and one in the bin only where none is called so.
 * @throws StrataError NOT_FOUND, with what there is; BAD_INPUT when several have the name.
 */
export function findStoredRun(reader: Reader, reference: string): StoredRun {
  const called = listReferences(reader, reference);
  const present = called.filter(({ id, deletedAt }) => id === reference || deletedAt === null);
  const meant = present.length > 0 ? present : called;
  const { id } = resolve('run', reference, meant.length > 0 ? meant : listRunNames(reader));
  return findRun(reader, id)!;
}
