import { StrataError } from '../../../shared/errors.ts';

export const DISAGREES_HINT =
  'expansion.json must be the one that belongs to these weights: put it or the weights back as they were, or delete the file to use the model as a base of its own.';

/** The refusal of an `expansion.json` that cannot be true, whatever the weights are. */
export function contradicts(found: string, allowed: string): StrataError {
  return new StrataError('CORRUPT', 'The plan in expansion.json contradicts itself.', { found, allowed, hint: DISAGREES_HINT });
}
