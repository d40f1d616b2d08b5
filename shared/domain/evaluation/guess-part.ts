import { StrataError } from '../../errors.ts';
import { knownExtraction } from './answer-item.ts';
import { knownChoiceForm } from './choice-forms.ts';
import { CHOICE_FORM_WORDS } from './choice-item.ts';
import { type PartOptions, partOptionsSchema } from './part.ts';
import type { ItemRow } from './row-fields.ts';

/**
 * What rows of items seem to be, by the first of them: questions with choices, questions with answers, or texts.
 * @throws StrataError BAD_INPUT when they are none of these.
 */
export function guessPart(row: ItemRow, name: string): PartOptions {
  if (knownChoiceForm(row) !== null) return partOptionsSchema.parse({ kind: 'choices' });
  const extraction = knownExtraction(row);
  if (extraction !== null) return partOptionsSchema.parse({ kind: 'exact-match', extraction });
  if (typeof row.text === 'string') return partOptionsSchema.parse({ kind: 'text' });
  throw new StrataError('BAD_INPUT', `${name} holds nothing that a model can be measured with.`, {
    found: `the fields ${Object.keys(row).join(', ') || '(none)'}`,
    allowed: `questions with choices (${Object.values(CHOICE_FORM_WORDS).join(' | ')}); a prompt or question with its answer; a text`,
    hint: 'Write each line as {"query": "...", "choices": ["...", "..."], "gold": 0}, {"prompt": "...", "answer": "..."} or {"text": "..."}.',
  });
}
