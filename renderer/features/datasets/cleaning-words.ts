import {
  type CleaningReport,
  type CleaningSettings,
  cleaningSettingsSchema,
  type CleaningStep,
  DEFAULT_CLEANING,
  type SensitiveAction,
  type SensitiveKind,
} from '../../../shared/domain/cleaning.ts';

/** The settings of cleaning in words, grouped for the screen. */

export type CleaningKey = keyof CleaningSettings;

export const CLEANING_LABELS: Readonly<Record<CleaningKey, string>> = {
  unicode: 'Unicode form',
  controlCharacters: 'Control characters',
  boilerplate: 'Boilerplate',
  boilerplateDocuments: 'Boilerplate: shared by',
  whitespace: 'Superfluous blanks',
  secrets: 'Secrets',
  emails: 'E-mail addresses',
  phones: 'Telephone numbers',
  minCharacters: 'Shortest document',
  languages: 'Languages',
  sectionCharacters: 'Longest text',
  exactDuplicates: 'Exact duplicates',
  nearDuplicates: 'Near-duplicates',
  similarity: 'Near-duplicates: similarity',
};

export const CLEANING_GROUPS: readonly { title: string; keys: readonly CleaningKey[] }[] = [
  { title: 'Characters and lines', keys: ['unicode', 'controlCharacters', 'whitespace', 'boilerplate', 'boilerplateDocuments'] },
  { title: 'Sensitive text', keys: ['secrets', 'emails', 'phones'] },
  { title: 'Duplicates', keys: ['exactDuplicates', 'nearDuplicates', 'similarity'] },
  { title: 'Length and language', keys: ['minCharacters', 'sectionCharacters', 'languages'] },
];

/** Choices of the settings that have some. */
export const CLEANING_CHOICES: Readonly<Partial<Record<CleaningKey, Readonly<Record<string, string>>>>> = {
  unicode: { off: 'as it is', nfc: 'composed (NFC)', nfkc: 'compatible (NFKC)' },
  secrets: sensitiveChoices(),
  emails: sensitiveChoices(),
  phones: sensitiveChoices(),
  exactDuplicates: { keep: 'keep', remove: 'remove' },
  nearDuplicates: { off: 'do not look for them', keep: 'keep, on one side of the split', remove: 'remove' },
};

/** Bounds of the numbers, and what they count. */
export const CLEANING_NUMBERS: Readonly<Partial<Record<CleaningKey, { min: number; max?: number; step: number; unit: string }>>> = {
  boilerplateDocuments: { min: 3, step: 1, unit: 'documents' },
  minCharacters: { min: 0, step: 1, unit: 'characters' },
  sectionCharacters: { min: 0, step: 500, unit: 'characters' },
  similarity: { min: 0.5, max: 1, step: 0.05, unit: 'of five-word runs' },
};

function sensitiveChoices(): Record<SensitiveAction, string> {
  return { off: 'do not look for them', flag: 'report', mask: 'mask', drop: 'leave the document out' };
}

/** What a setting does, as the settings themselves say it. */
export function cleaningDescription(key: CleaningKey): string {
  const description = cleaningSettingsSchema.shape[key].description ?? '';
  return description.charAt(0).toUpperCase() + description.slice(1) + '.';
}

/** A setting that only matters together with another one. */
export function isIdle(key: CleaningKey, settings: CleaningSettings): boolean {
  if (key === 'boilerplateDocuments') return !settings.boilerplate;
  return key === 'similarity' && settings.nearDuplicates === 'off';
}

/** What is wrong with the settings, as a sentence; null when nothing is. */
export function wrongCleaning(settings: CleaningSettings): string | null {
  const { error } = cleaningSettingsSchema.safeParse(settings);
  const [issue] = error?.issues ?? [];
  return issue ? `${CLEANING_LABELS[issue.path[0] as CleaningKey]}: ${issue.message}` : null;
}

/** All that is done, in one line. */
export function cleaningInWords(settings: CleaningSettings): string {
  const done: string[] = [];
  const say = (isSo: boolean, words: string): unknown => isSo && done.push(words);
  say(settings.unicode !== 'off', settings.unicode === 'nfkc' ? 'characters made compatible' : 'characters made uniform');
  say(settings.controlCharacters, 'control characters removed');
  say(settings.boilerplate, 'boilerplate removed');
  say(settings.whitespace, 'superfluous blanks removed');
  for (const [action, words] of [
    ['flag', 'reported'],
    ['mask', 'masked'],
    ['drop', 'left out with their documents'],
  ] as const) {
    const kinds = (
      [
        ['secrets', 'secrets'],
        ['emails', 'e-mail addresses'],
        ['phones', 'telephone numbers'],
      ] as const
    ).flatMap(([key, noun]) => (settings[key] === action ? [noun] : []));
    say(kinds.length > 0, `${kinds.join(' and ')} ${words}`);
  }
  say(settings.exactDuplicates === 'remove', 'duplicates removed');
  say(settings.nearDuplicates === 'keep', 'near-duplicates kept on one side of the split');
  say(settings.nearDuplicates === 'remove', 'near-duplicates removed');
  say(settings.minCharacters > 0, `documents under ${settings.minCharacters} characters left out`);
  say(settings.languages.length > 0, `only ${settings.languages.join(', ')}`);
  say(settings.sectionCharacters > 0, `texts cut at ${settings.sectionCharacters} characters`);
  if (done.length === 0) return 'Nothing is cleaned.';
  const line = done.join(', ');
  return line.charAt(0).toUpperCase() + line.slice(1) + '.';
}

export function isDefaultCleaning(settings: CleaningSettings): boolean {
  return JSON.stringify(settings) === JSON.stringify(DEFAULT_CLEANING);
}

/** What a step of a report did, as a label. */
export function stepLabel(step: CleaningStep): string {
  return CLEANING_LABELS[step];
}

export const SENSITIVE_WORDS: Readonly<Record<SensitiveKind, string>> = {
  'aws-access-key': 'AWS access keys',
  'github-token': 'GitHub tokens',
  'google-api-key': 'Google API keys',
  'slack-token': 'Slack tokens',
  'openai-key': 'OpenAI keys',
  'anthropic-key': 'Anthropic keys',
  'private-key': 'private keys',
  jwt: 'JSON web tokens',
  'api-key': 'other API keys',
  password: 'passwords',
  'credit-card': 'card numbers',
  iban: 'account numbers (IBAN)',
  'e-mail': 'e-mail addresses',
  phone: 'telephone numbers',
};

/** How many documents were there before the first step and after the last; null where no step was on. */
export function overallAmounts(report: CleaningReport): { before: number; after: number } | null {
  const [first] = report.steps;
  const last = report.steps.at(-1);
  return first && last ? { before: first.before.documents, after: last.after.documents } : null;
}
