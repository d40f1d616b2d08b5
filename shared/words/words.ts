import { createInstance, type FormatterModule, type i18n } from 'i18next';
import { en } from './en/index.ts';

/** Languages that there is a catalogue of, each by its own name. */
export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;

export type Language = keyof typeof LANGUAGES;

/** How numbers and dates are written; English dates have the day first. */
const LOCALES: Record<Language, { numbers: string; dates: string }> = {
  en: { numbers: 'en-US', dates: 'en-GB' },
  de: { numbers: 'de-DE', dates: 'de-DE' },
};

/** A sentence of plural forms (`runs_one`, `runs_other`) is asked for by its stem, with `count`. */
type StemOf<Name extends string> = Name extends `${infer Stem}_${'one' | 'other'}` ? Stem : Name;
type Rooms = typeof en;
/** A catalogue in another language: the same rooms and names. */
export type Catalogue = { readonly [Room in keyof Rooms]: { readonly [Name in keyof Rooms[Room]]: string } };

/**
 * `room.name` of a sentence in the catalogue; of any other key, the keys that its room has.
 * Only the room that is named is looked at: all keys of the catalogue as one type cost each file that is checked half a second.
 */
type WordKey<Key> = Key extends `${infer Room}.${infer Name}`
  ? Room extends keyof Rooms
    ? Name extends StemOf<keyof Rooms[Room] & string>
      ? Key
      : `${Room}.${StemOf<keyof Rooms[Room] & string>}`
    : `${keyof Rooms}.${string}`
  : `${keyof Rooms}.${string}`;
type TextOf<Key> = Key extends `${infer Room}.${infer Name}`
  ? Room extends keyof Rooms
    ? Name extends keyof Rooms[Room]
      ? Rooms[Room][Name]
      : `${Name}_other` extends keyof Rooms[Room]
        ? Rooms[Room][`${Name}_other`]
        : never
    : never
  : never;
type NamesIn<Text> = Text extends `${string}{{${infer Name}}}${infer Rest}` ? Name | NamesIn<Rest> : never;
/** What a sentence is filled with: each `{{name}}` that it has. */
type WordParameters<Key> = [NamesIn<TextOf<Key>>] extends [never]
  ? [] | [{ count: number }]
  : [{ [Name in NamesIn<TextOf<Key>>]: string | number }];

/** Numbers are written as the language writes them. */
const formatter: FormatterModule = {
  type: 'formatter',
  init: () => undefined,
  add: () => undefined,
  addCached: () => undefined,
  format: (value: unknown) => (typeof value === 'number' ? value.toLocaleString(locale().numbers) : String(value)),
};

const instance: i18n = createInstance();
void instance.use(formatter).init({
  lng: 'en',
  fallbackLng: 'en',
  resources: { en: { translation: en } },
  initAsync: false,
  interpolation: {
    // Sentences are shown as text, never as markup: what is filled in stays as it is.
    escapeValue: false,
    alwaysFormat: true,
  },
  returnNull: false,
});

/** Keys and parameters are checked by the types above: i18next's own would be worked out anew at each call. */
const translate = instance.t as unknown as (key: string, parameters?: object) => string;

/**
 * A sentence of the catalogue in the language in use, its `{{names}}` filled in; numbers among them are written as the language writes them.
 * Plural forms are chosen by `count`. Plain processes (the trainer, the command line) speak English.
 */
export function words<Key extends string>(key: WordKey<Key>, ...[parameters]: WordParameters<Key>): string {
  return translate(key, parameters);
}

/** {@link words} of a sentence that was looked up, whose name and holes no compiler can know. */
export function wordsNamed(key: string, parameters: Readonly<Record<string, string | number>>): string {
  return translate(key, parameters);
}

export function language(): Language {
  return instance.language as Language;
}

export function locale(): { numbers: string; dates: string } {
  return LOCALES[language()];
}

/** Several things as the language lists them: "a, b and c". */
export function listInWords(items: readonly string[]): string {
  return new Intl.ListFormat(locale().dates, { type: 'conjunction' }).format(items);
}

/** {@link words} in a language of its own: for menus and dialogs of a process that itself goes on speaking English. */
export async function wordsIn(wanted: Language): Promise<Words> {
  await load(wanted);
  return (key, ...[parameters]) => translate(key, { ...parameters, lng: wanted });
}
export type Words = typeof words;

/** Speaks another language from now on; texts already on a page stay. @throws Error where its catalogue cannot be loaded. */
export async function speak(wanted: Language): Promise<void> {
  await load(wanted);
  await instance.changeLanguage(wanted);
}

async function load(wanted: Language): Promise<void> {
  if (wanted === 'en' || instance.hasResourceBundle(wanted, 'translation')) return;
  const { de } = await import('./de/index.ts');
  instance.addResourceBundle(wanted, 'translation', de);
}
