import { z } from 'zod';

/**
 * How the documents of an import are cleaned: steps that each can be switched, in the order in which they are taken, and what each of them did.
 * A step's name is that of its setting.
 */

/** What is done with a document in which something sensitive is found. */
export const SENSITIVE_ACTIONS = ['off', 'flag', 'mask', 'drop'] as const;
export type SensitiveAction = (typeof SENSITIVE_ACTIONS)[number];

/** Languages that the detector knows, by ISO 639-1. */
export const LANGUAGES =
  'am ar az be bg bn ca cs da de el en es et eu fa fi fr gu he hi hr hu hy is it ja ka kn ko ku lo lt lv ml mr ms nl no or pa pl pt ro ru sk sl sq sr sv ta te th tl tr uk ur vi yo zh'.split(
    ' ',
  );

/** The shortest section that a long text may be cut into: shorter ones are no documents. */
export const MIN_SECTION_CHARACTERS = 500;

export const cleaningSettingsSchema = z.strictObject({
  unicode: z
    .enum(['off', 'nfc', 'nfkc'])
    .default('nfc')
    .describe('one way to write each character; nfkc also turns ligatures, full-width letters and superscripts into plain ones'),
  controlCharacters: z.boolean().default(true).describe('remove characters that nobody sees, and write every line end as a line feed'),
  boilerplate: z.boolean().default(false).describe('remove first and last lines that many documents share'),
  boilerplateDocuments: z.int().min(3).default(20).describe('documents that share a line before it counts as boilerplate'),
  whitespace: z.boolean().default(false).describe('remove blanks at line ends and more than two empty lines'),
  secrets: z.enum(SENSITIVE_ACTIONS).default('flag').describe('access keys, tokens, private keys, card and account numbers'),
  emails: z.enum(SENSITIVE_ACTIONS).default('flag').describe('e-mail addresses'),
  phones: z.enum(SENSITIVE_ACTIONS).default('off').describe('telephone numbers'),
  minCharacters: z.int().min(0).default(0).describe('documents with fewer characters are left out; 0 keeps all'),
  languages: z
    .array(z.string().refine((language) => LANGUAGES.includes(language), { error: `Languages are named as in: ${LANGUAGES.join(', ')}.` }))
    .default([])
    .describe('languages to keep; none keeps all'),
  sectionCharacters: z
    .int()
    .refine((characters) => characters === 0 || characters >= MIN_SECTION_CHARACTERS, {
      error: `A section has at least ${MIN_SECTION_CHARACTERS} characters; 0 does not cut.`,
    })
    .default(0)
    .describe('plain texts longer than this are cut between paragraphs; 0 leaves them whole'),
  exactDuplicates: z.enum(['keep', 'remove']).default('remove').describe('documents with the same text'),
  nearDuplicates: z
    .enum(['off', 'keep', 'remove'])
    .default('keep')
    .describe('documents with nearly the same text; keep holds them on one side of the split'),
  similarity: z.number().min(0.5).max(1).default(0.8).describe('share of their runs of five words that near-duplicates have in common'),
});
export type CleaningSettings = z.infer<typeof cleaningSettingsSchema>;
export const DEFAULT_CLEANING: CleaningSettings = cleaningSettingsSchema.parse({});

/** Steps in their order. */
export const CLEANING_STEPS = [
  'unicode',
  'controlCharacters',
  'boilerplate',
  'whitespace',
  'secrets',
  'emails',
  'phones',
  'minCharacters',
  'languages',
  'exactDuplicates',
  'nearDuplicates',
] as const satisfies (keyof CleaningSettings)[];
export type CleaningStep = (typeof CLEANING_STEPS)[number];

/** Most examples that a report keeps of one step or kind. */
export const MAX_CLEANING_EXAMPLES = 20;

const amountSchema = z.object({ documents: z.int(), /** UTF-16 code units, JavaScript's length. */ characters: z.int() });

export const cleaningStepReportSchema = z.object({
  step: z.enum(CLEANING_STEPS),
  before: amountSchema,
  after: amountSchema,
  /** Documents that stayed with another text. */
  changed: z.int(),
  /** Documents that were left out. */
  removed: z.int(),
  examples: z
    .array(
      z.object({
        /** The document's place, for people. */
        where: z.string(),
        /** "" where it would show a secret, or the step holds no texts. */
        before: z.string(),
        /** The same place afterwards; null for a document that was left out. */
        after: z.string().nullable(),
        /** Why a document was left out, where the step alone does not tell. */
        reason: z.string().nullable(),
      }),
    )
    .max(MAX_CLEANING_EXAMPLES),
});
export type CleaningStepReport = z.infer<typeof cleaningStepReportSchema>;

export const SENSITIVE_KINDS = [
  'aws-access-key',
  'github-token',
  'google-api-key',
  'slack-token',
  'openai-key',
  'anthropic-key',
  'private-key',
  'jwt',
  'api-key',
  'password',
  'credit-card',
  'iban',
  'e-mail',
  'phone',
] as const;
export type SensitiveKind = (typeof SENSITIVE_KINDS)[number];

export const sensitiveReportSchema = z.object({
  kind: z.enum(SENSITIVE_KINDS),
  documents: z.int(),
  matches: z.int(),
  /** What was found, but for a few characters hidden. */
  examples: z.array(z.object({ where: z.string(), excerpt: z.string() })).max(MAX_CLEANING_EXAMPLES),
});
export type SensitiveReport = z.infer<typeof sensitiveReportSchema>;

export const cleaningReportSchema = z.object({
  /** The steps that were on, in their order. */
  steps: z.array(cleaningStepReportSchema),
  /** What was found, by kind; kinds that were not found are absent. */
  sensitive: z.array(sensitiveReportSchema),
  /** Documents by language, where the filter was on; "unknown" for those too short to tell. */
  languages: z.record(z.string(), z.int()).nullable(),
  /** Sections that long texts became, beyond the one that each was. */
  sectionsAdded: z.int(),
});
export type CleaningReport = z.infer<typeof cleaningReportSchema>;
