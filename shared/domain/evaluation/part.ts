import { z } from 'zod';
import { CHOICE_FORMS } from './choice-item.ts';
import { choiceFiguresSchema, choiceResultSchema } from './choice-result.ts';
import { ANSWER_MATCHES, EXTRACTIONS } from './extraction.ts';

/** Parts of an evaluation: what is measured, how, and what comes out. */

const drawn = {
  /** Only so many items, drawn by the seed; all when null. */
  limit: z.int().min(1).nullable().default(null),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
};

export const partOptionsSchema = z.discriminatedUnion('kind', [
  /** The loss of texts, each on its own. */
  z.object({ kind: z.literal('text'), context: z.int().min(2).nullable().default(null), ...drawn }),
  /** Questions with choices; null takes the form of the first. */
  z.object({ kind: z.literal('choices'), form: z.enum(CHOICE_FORMS).nullable().default(null), ...drawn }),
  /** Questions that are answered in words. */
  z.object({
    kind: z.literal('exact-match'),
    extraction: z.enum(EXTRACTIONS).default('text'),
    match: z.enum(ANSWER_MATCHES).default('exact'),
    /** Examples before each question: the first of the examples' file, or of the questions, which are not asked then. */
    shots: z.int().min(0).max(100).default(0),
    /** An answer ends after so many tokens; left out, what {@link answerTokens} says of the model. */
    maxTokens: z.int().min(1).max(8192).optional(),
    /** And before the first of these texts; null takes the extraction's own. */
    stops: z.array(z.string().min(1)).nullable().default(null),
    ...drawn,
  }),
]);
export type PartOptions = z.output<typeof partOptionsSchema>;
export type PartOptionsInput = z.input<typeof partOptionsSchema>;

/** As lm-evaluation-harness has it, where that leaves room for a question. */
export const USUAL_ANSWER_TOKENS = 256;

/** How long an answer may become: what was asked for, else 256 tokens, and at most half of what the model reads. */
export function answerTokens({ maxTokens }: { maxTokens?: number | undefined }, contextLength: number): number {
  return maxTokens ?? Math.min(USUAL_ANSWER_TOKENS, Math.floor(contextLength / 2));
}

/** A text that was measured: sums, from which means of any drawing follow. */
export const textResultSchema = z.object({ line: z.int(), tokens: z.int(), bytes: z.int(), loss: z.number() });
export type TextResult = z.infer<typeof textResultSchema>;

export const textFiguresSchema = z.object({
  n: z.int(),
  tokens: z.int(),
  bytes: z.int(),
  /** Nats, and its standard error over texts. */
  lossPerToken: z.number(),
  standardError: z.number().nullable(),
  bitsPerByte: z.number(),
});

export const answerResultSchema = z.object({
  line: z.int(),
  /** What the model wrote, up to the stop; what was taken as its answer. */
  output: z.string(),
  extracted: z.string(),
  isRight: z.boolean(),
  /** GSM8K's second way: the last number anywhere. */
  flexible: z.object({ extracted: z.string(), isRight: z.boolean() }).nullable(),
  /** Tokens at the beginning of the prompt that the model could not read. */
  leftOut: z.int(),
});
export type AnswerResult = z.infer<typeof answerResultSchema>;

export const answerFiguresSchema = z.object({
  n: z.int(),
  /** Share of exact matches: for GSM8K lm-evaluation-harness's strict-match. */
  accuracy: z.number(),
  standardError: z.number().nullable(),
  /** Its flexible-extract; null for other answers. */
  accuracyFlexible: z.number().nullable(),
  standardErrorFlexible: z.number().nullable(),
  /** Prompts that were longer than the model reads, and lost their beginning. */
  shortenedPrompts: z.int(),
});

/** What a model made of a part; `items` are in the order of the file. */
export const partResultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), figures: textFiguresSchema, items: z.array(textResultSchema) }),
  z.object({ kind: z.literal('choices'), figures: choiceFiguresSchema, items: z.array(choiceResultSchema) }),
  z.object({ kind: z.literal('exact-match'), figures: answerFiguresSchema, items: z.array(answerResultSchema) }),
]);
export type PartResult = z.infer<typeof partResultSchema>;
/** Without the items: what a table shows. */
export const partFiguresSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), figures: textFiguresSchema }),
  z.object({ kind: z.literal('choices'), figures: choiceFiguresSchema }),
  z.object({ kind: z.literal('exact-match'), figures: answerFiguresSchema }),
]);
export type PartFigures = z.infer<typeof partFiguresSchema>;
