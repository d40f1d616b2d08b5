import { z } from 'zod';
import { answerItem } from './answer-item.ts';
import { choiceItem } from './choice-forms.ts';
import type { ChoiceForm } from './choice-item.ts';
import type { PartOptions } from './part.ts';
import { type ItemRow, RowFields } from './row-fields.ts';

/** Longer texts are cut: nobody reads a whole book in a list. */
const SHOWN_CHARACTERS = 2000;

/** An item as a person reads it. */
export const askedItemSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('choices'),
    /** Null where every choice has a beginning of its own, and is written out whole. */
    question: z.string().nullable(),
    choices: z.array(z.string()),
    /** Index of the right one. */
    gold: z.int(),
  }),
  z.object({ kind: z.literal('exact-match'), question: z.string(), answer: z.string() }),
  z.object({ kind: z.literal('text'), text: z.string() }),
]);
export type AskedItem = z.infer<typeof askedItemSchema>;

/**
 * @param form of questions with choices; of no use for others.
 * @param where the row's place, for messages: "line 7".
 * @throws StrataError BAD_INPUT where a field is missing or is something else.
 */
export function askedItem(row: ItemRow, options: PartOptions, form: ChoiceForm | null, where: string): AskedItem {
  switch (options.kind) {
    case 'choices': {
      const { choices, gold } = choiceItem(row, form!, where);
      const shared = choices.every(({ context }) => context === choices[0]!.context) ? choices[0]!.context : null;
      const texts = choices.map(({ context, continuation, text }) => (shared === null ? context + continuation : text));
      return { kind: 'choices', question: shared === null ? null : cut(shared), choices: texts.map(cut), gold };
    }
    case 'exact-match': {
      const { question, answer } = answerItem(row, options.extraction, where);
      return { kind: 'exact-match', question: cut(question), answer: cut(answer) };
    }
    case 'text':
      return { kind: 'text', text: cut(new RowFields(row, where).text('text')) };
  }
}

function cut(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text;
}
