import { StrataError } from '../../../shared/errors.ts';

/** A part of a tokenizer that Strata does not compute: guessing would give wrong ids without a word. */
export function unknownPart(part: string, found: unknown, allowed: readonly string[]): StrataError {
  return new StrataError('UNSUPPORTED', `Strata does not know this ${part} of a tokenizer.`, {
    found: typeof found === 'string' ? found.slice(0, 60) : `type ${JSON.stringify(found) ?? 'undefined'}`,
    allowed: allowed.join(', '),
    hint: 'Choose a model with another tokenizer: leaving the part out would give other tokens.',
  });
}
