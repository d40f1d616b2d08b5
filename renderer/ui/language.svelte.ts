import { type Language, LANGUAGES, speak } from '../../shared/words/words.ts';

const KEY = 'strata-language';
type Choice = 'system' | Language;

function isLanguage(text: string | null): text is Language {
  return text !== null && Object.hasOwn(LANGUAGES, text);
}

/** The language of the pages: the system's where there is a catalogue of it, unless the user chose. */
class PageLanguage {
  choice = $state<Choice>(storedChoice());
  /** The one that is spoken; what is shown is made anew when it changes. */
  current = $state<Language>('en');

  /** The system's first language that there is a catalogue of. */
  get system(): Language {
    return navigator.languages.map((tag) => tag.split('-')[0]!).find(isLanguage) ?? 'en';
  }

  /** Speaks what is chosen. @throws Error where the catalogue cannot be loaded; the language then stays. */
  async apply(): Promise<void> {
    const wanted = this.choice === 'system' ? this.system : this.choice;
    await speak(wanted);
    document.documentElement.lang = wanted;
    this.current = wanted;
  }

  async choose(choice: Choice): Promise<void> {
    this.choice = choice;
    localStorage.setItem(KEY, choice);
    await this.apply();
  }
}

function storedChoice(): Choice {
  const stored = localStorage.getItem(KEY);
  return isLanguage(stored) ? stored : 'system';
}

export const pageLanguage = new PageLanguage();
