import { z } from 'zod';
import { words } from '../words/words.ts';

/**
 * The shape of a file's rows: which kind of content a row is, and which columns make it. Guessed from the first rows, shown to the user, and
 * editable. Columns are named as the file names them.
 */

const column = z.string().min(1);
const columns = z.array(column);

/** How the column of the right answer names a choice. */
export const ANSWER_FORMS = [
  'index', // its position, counted from 0
  'number', // its position, counted from 1
  'letter', // A, B, C...
  'label', // the label that the choice itself has
  'text', // the choice's own text
] as const;
export type AnswerForm = (typeof ANSWER_FORMS)[number];

export const mappingSchema = z.discriminatedUnion('shape', [
  /** Columns whose texts make one text, a blank line between them. */
  z.object({ shape: z.literal('text'), columns: columns.min(1) }),
  /** Prompt and completion, each of one column or of several with a blank line between them: instruction and input, question and context. */
  z.object({ shape: z.literal('completion'), prompt: columns.min(1), completion: columns.min(1) }),
  /** Lists of messages, one after the other; a column with the system's message where it is not among them. */
  z.object({ shape: z.literal('chat'), messages: columns.min(1), system: column.nullable() }),
  z.object({
    shape: z.literal('choice'),
    /** Of several columns a blank line is put between them; of none, the question is what all choices begin with. */
    question: columns,
    /** One column with a list (of texts, or of texts with labels), or one column for each choice. */
    choices: columns.min(1),
    /** A column whose text follows each choice. */
    ending: column.nullable(),
    /** What stands in the question where a choice belongs, such as "_". */
    gap: z.string().min(1).nullable(),
    answer: column,
    answerForm: z.enum(ANSWER_FORMS),
  }),
]);
export type Mapping = z.infer<typeof mappingSchema>;
export type Shape = Mapping['shape'];

/** What a cell of a row can hold. */
export const CELL_TYPES = ['text', 'texts', 'messages', 'choices', 'number', 'boolean', 'list', 'object', 'empty'] as const;
export type CellType = (typeof CELL_TYPES)[number];

const CELL_TYPE_WORDS = {
  text: 'shapes.cellText',
  texts: 'shapes.cellTexts',
  messages: 'shapes.cellMessages',
  choices: 'shapes.cellChoices',
  number: 'shapes.cellNumber',
  boolean: 'shapes.cellBoolean',
  list: 'shapes.cellList',
  object: 'shapes.cellObject',
  empty: 'shapes.cellEmpty',
} as const satisfies Record<CellType, string>;

/** A type in words, for a screen and for messages. */
export function cellTypeInWords(type: CellType): string {
  return words(CELL_TYPE_WORDS[type]);
}

export const foundColumnSchema = z.object({
  name: column,
  /** In how many of the rows looked at it holds what. */
  types: z.partialRecord(z.enum(CELL_TYPES), z.int()),
  /** Its first value that is not empty, shortened; empty where there is none. */
  example: z.string(),
});
export type FoundColumn = z.infer<typeof foundColumnSchema>;

export const shapeGuessSchema = z.object({
  /** Null where no column is known and there are several that could be meant. */
  mapping: mappingSchema.nullable(),
  /** `sure`: the names are usual ones; `likely`: the values look like it; `unsure`: nothing else was there. */
  confidence: z.enum(['sure', 'likely', 'unsure']),
  /** Other ways to read the same rows, most telling first. */
  alternatives: z.array(mappingSchema),
  columns: z.array(foundColumnSchema),
  /** Rows that were looked at. */
  rows: z.int(),
});
export type ShapeGuess = z.infer<typeof shapeGuessSchema>;
