import {
  type CleaningReport,
  type CleaningSettings,
  cleaningSettingsSchema,
  type CleaningStep,
  DEFAULT_CLEANING,
  MIN_SECTION_CHARACTERS,
  type SensitiveKind,
} from '../../../shared/domain/cleaning.ts';
import { listInWords, words } from '../../../shared/words/words.ts';

/** The settings of cleaning in words, grouped for the screen. */

export type CleaningKey = keyof CleaningSettings;

const LABELS = {
  unicode: 'cleaning.unicode',
  controlCharacters: 'cleaning.controlCharacters',
  boilerplate: 'cleaning.boilerplate',
  boilerplateDocuments: 'cleaning.boilerplateDocuments',
  whitespace: 'cleaning.whitespace',
  secrets: 'cleaning.secrets',
  emails: 'cleaning.emails',
  phones: 'cleaning.phones',
  minCharacters: 'cleaning.minCharacters',
  languages: 'cleaning.languages',
  sectionCharacters: 'cleaning.sectionCharacters',
  exactDuplicates: 'cleaning.exactDuplicates',
  nearDuplicates: 'cleaning.nearDuplicates',
  similarity: 'cleaning.similarity',
} as const satisfies Record<CleaningKey, string>;

const DESCRIPTIONS = {
  unicode: 'cleaning.unicodeAbout',
  controlCharacters: 'cleaning.controlCharactersAbout',
  boilerplate: 'cleaning.boilerplateAbout',
  boilerplateDocuments: 'cleaning.boilerplateDocumentsAbout',
  whitespace: 'cleaning.whitespaceAbout',
  secrets: 'cleaning.secretsAbout',
  emails: 'cleaning.emailsAbout',
  phones: 'cleaning.phonesAbout',
  minCharacters: 'cleaning.minCharactersAbout',
  languages: 'cleaning.languagesAbout',
  sectionCharacters: 'cleaning.sectionCharactersAbout',
  exactDuplicates: 'cleaning.exactDuplicatesAbout',
  nearDuplicates: 'cleaning.nearDuplicatesAbout',
  similarity: 'cleaning.similarityAbout',
} as const satisfies Record<CleaningKey, string>;

export const CLEANING_GROUPS = [
  { title: 'cleaning.groupCharacters', keys: ['unicode', 'controlCharacters', 'whitespace', 'boilerplate', 'boilerplateDocuments'] },
  { title: 'cleaning.groupSensitive', keys: ['secrets', 'emails', 'phones'] },
  { title: 'cleaning.groupDuplicates', keys: ['exactDuplicates', 'nearDuplicates', 'similarity'] },
  { title: 'cleaning.groupLength', keys: ['minCharacters', 'sectionCharacters', 'languages'] },
] as const satisfies readonly { title: string; keys: readonly CleaningKey[] }[];

/** Bounds of the numbers. */
export const CLEANING_NUMBERS: Readonly<Partial<Record<CleaningKey, { min: number; max?: number; step: number }>>> = {
  boilerplateDocuments: { min: 3, step: 1 },
  minCharacters: { min: 0, step: 1 },
  sectionCharacters: { min: 0, step: 500 },
  similarity: { min: 0.5, max: 1, step: 0.05 },
};

export function cleaningLabel(key: CleaningKey): string {
  return words(LABELS[key]);
}

/** What a setting does. */
export function cleaningDescription(key: CleaningKey): string {
  return words(DESCRIPTIONS[key]);
}

/** The choices of a setting, by value; null for one that has none. */
export function cleaningChoices(key: CleaningKey): Readonly<Record<string, string>> | null {
  switch (key) {
    case 'unicode':
      return { off: words('cleaning.asItIs'), nfc: words('cleaning.composed'), nfkc: words('cleaning.compatible') };
    case 'secrets':
    case 'emails':
    case 'phones':
      return {
        off: words('cleaning.doNotLook'),
        flag: words('cleaning.report'),
        mask: words('cleaning.mask'),
        drop: words('cleaning.leaveDocumentOut'),
      };
    case 'exactDuplicates':
      return { keep: words('cleaning.keep'), remove: words('cleaning.remove') };
    case 'nearDuplicates':
      return { off: words('cleaning.doNotLook'), keep: words('cleaning.keepTogether'), remove: words('cleaning.remove') };
    default:
      return null;
  }
}

/** What the number of a setting counts; empty for settings that are no numbers. */
export function cleaningUnit(key: CleaningKey): string {
  switch (key) {
    case 'boilerplateDocuments':
      return words('cleaning.unitDocuments');
    case 'minCharacters':
    case 'sectionCharacters':
      return words('cleaning.unitCharacters');
    case 'similarity':
      return words('cleaning.unitRuns');
    default:
      return '';
  }
}

/** A setting that only matters together with another one. */
export function isIdle(key: CleaningKey, settings: CleaningSettings): boolean {
  if (key === 'boilerplateDocuments') return !settings.boilerplate;
  return key === 'similarity' && settings.nearDuplicates === 'off';
}

/** What is wrong with the settings, as a sentence; null when nothing is. */
export function wrongCleaning(settings: CleaningSettings): string | null {
  const [issue] = cleaningSettingsSchema.safeParse(settings).error?.issues ?? [];
  if (!issue) return null;
  const key = issue.path[0] as CleaningKey;
  const setting = cleaningLabel(key);
  if (key === 'sectionCharacters') return words('cleaning.sectionAtLeast', { setting, least: MIN_SECTION_CHARACTERS });
  const bounds = CLEANING_NUMBERS[key];
  if (bounds?.max !== undefined) return words('cleaning.between', { setting, least: bounds.min, most: bounds.max });
  return bounds ? words('cleaning.atLeast', { setting, least: bounds.min }) : `${setting}: ${issue.message}`;
}

/** All that is done, in one line. */
export function cleaningInWords(settings: CleaningSettings): string {
  const done: string[] = [];
  const say = (isSo: boolean, text: string): unknown => isSo && done.push(text);
  say(settings.unicode !== 'off', settings.unicode === 'nfkc' ? words('cleaning.doneCompatible') : words('cleaning.doneUniform'));
  say(settings.controlCharacters, words('cleaning.doneControlCharacters'));
  say(settings.boilerplate, words('cleaning.doneBoilerplate'));
  say(settings.whitespace, words('cleaning.doneWhitespace'));
  for (const [action, key] of [
    ['flag', 'cleaning.doneReported'],
    ['mask', 'cleaning.doneMasked'],
    ['drop', 'cleaning.doneDropped'],
  ] as const) {
    const kinds = sensitiveSettings(settings, action);
    say(kinds.length > 0, words(key, { kinds: listInWords(kinds) }));
  }
  say(settings.exactDuplicates === 'remove', words('cleaning.doneDuplicates'));
  say(settings.nearDuplicates === 'keep', words('cleaning.doneNearDuplicatesKept'));
  say(settings.nearDuplicates === 'remove', words('cleaning.doneNearDuplicates'));
  say(settings.minCharacters > 0, words('cleaning.doneShort', { characters: settings.minCharacters }));
  say(settings.languages.length > 0, words('cleaning.doneLanguages', { languages: settings.languages.join(', ') }));
  say(settings.sectionCharacters > 0, words('cleaning.doneSections', { characters: settings.sectionCharacters }));
  if (done.length === 0) return words('cleaning.nothing');
  const line = done.join(', ');
  return line.charAt(0).toUpperCase() + line.slice(1) + '.';
}

/** The kinds of sensitive text with which something is done. */
function sensitiveSettings(settings: CleaningSettings, action: CleaningSettings['secrets']): string[] {
  const kinds = { secrets: 'cleaning.kindSecrets', emails: 'cleaning.kindEmails', phones: 'cleaning.kindPhones' } as const;
  return (['secrets', 'emails', 'phones'] as const).filter((key) => settings[key] === action).map((key) => words(kinds[key]));
}

export function isDefaultCleaning(settings: CleaningSettings): boolean {
  return JSON.stringify(settings) === JSON.stringify(DEFAULT_CLEANING);
}

/** What a step of a report did, as a label. */
export function stepLabel(step: CleaningStep): string {
  return words(LABELS[step]);
}

/** Kinds of sensitive text: by themselves, and counted. */
const SENSITIVE = {
  'aws-access-key': ['sensitive.awsAccessKeys', 'sensitive.countedAwsAccessKeys'],
  'github-token': ['sensitive.githubTokens', 'sensitive.countedGithubTokens'],
  'google-api-key': ['sensitive.googleApiKeys', 'sensitive.countedGoogleApiKeys'],
  'slack-token': ['sensitive.slackTokens', 'sensitive.countedSlackTokens'],
  'openai-key': ['sensitive.openaiKeys', 'sensitive.countedOpenaiKeys'],
  'anthropic-key': ['sensitive.anthropicKeys', 'sensitive.countedAnthropicKeys'],
  'private-key': ['sensitive.privateKeys', 'sensitive.countedPrivateKeys'],
  jwt: ['sensitive.jwts', 'sensitive.countedJwts'],
  'api-key': ['sensitive.apiKeys', 'sensitive.countedApiKeys'],
  password: ['sensitive.passwords', 'sensitive.countedPasswords'],
  'credit-card': ['sensitive.cards', 'sensitive.countedCards'],
  iban: ['sensitive.ibans', 'sensitive.countedIbans'],
  'e-mail': ['sensitive.emails', 'sensitive.countedEmails'],
  phone: ['sensitive.phones', 'sensitive.countedPhones'],
} as const satisfies Record<SensitiveKind, readonly [string, string]>;

/** A kind of sensitive text, as a label. */
export function sensitiveLabel(kind: SensitiveKind): string {
  return words(SENSITIVE[kind][0]);
}

/** "3 passwords". */
export function sensitiveCounted(kind: SensitiveKind, count: number): string {
  return words(SENSITIVE[kind][1], { count });
}

/** How many documents were there before the first step and after the last; null where no step was on. */
export function overallAmounts(report: CleaningReport): { before: number; after: number } | null {
  const [first] = report.steps;
  const last = report.steps.at(-1);
  return first && last ? { before: first.before.documents, after: last.after.documents } : null;
}
