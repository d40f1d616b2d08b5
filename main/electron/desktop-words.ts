import { type Language, LANGUAGES, type Words, wordsIn } from '../../shared/words/words.ts';

/** Words of menus and dialogs: in the language that was chosen, else in the system's where there is a catalogue of it. */
export function desktopWords(choice: 'system' | Language, systemLocale: string): Promise<Words> {
  const own = systemLocale.split('-')[0]!;
  const system = Object.hasOwn(LANGUAGES, own) ? (own as Language) : 'en';
  return wordsIn(choice === 'system' ? system : choice);
}
