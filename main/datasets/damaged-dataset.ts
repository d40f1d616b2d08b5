import { StrataError } from '../../shared/errors.ts';

/** A dataset folder does not hold what its import wrote. */
export function damagedDataset(directory: string, found: string, cause?: unknown): StrataError {
  return new StrataError('CORRUPT', 'A dataset folder is damaged.', {
    found,
    hint: `Import the files again; ${directory} can be deleted.`,
    cause,
  });
}
