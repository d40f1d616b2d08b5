import { beginningOf } from '../beginning.ts';
import { loadLanguageDetector } from '../cleaning/language.ts';
import type { LanguageShares } from '../dataset-manifest.ts';

/** So many documents tell the languages of a dataset. */
const SAMPLED_DOCUMENTS = 200;
/** The detector reads no more of a text. */
const READ_CHARACTERS = 4000;
/** Languages that are named. */
const MOST_LANGUAGES = 8;

/** Documents spread over a dataset, from which its languages are told. */
export class LanguageSample {
  readonly #step: number;
  readonly #texts: { beginning: string; characters: number }[] = [];

  /** @param documents so many will be offered. */
  constructor(documents: number) {
    this.#step = Math.max(1, Math.ceil(documents / SAMPLED_DOCUMENTS));
  }

  /** Takes the text where its place is one of the sample's. */
  offer(place: number, text: string): void {
    if (place % this.#step === 0) this.#texts.push({ beginning: beginningOf(text, READ_CHARACTERS), characters: text.length });
  }

  /** Main languages as shares of the sample's text, the largest first. */
  async shares(): Promise<LanguageShares> {
    const all = this.#texts.reduce((sum, { characters }) => sum + characters, 0);
    if (all === 0) return [];
    const detector = await loadLanguageDetector();
    const characters = new Map<string, number>();
    for (const text of this.#texts) {
      const language = detector.languageOf(text.beginning) ?? 'unknown';
      characters.set(language, (characters.get(language) ?? 0) + text.characters);
    }
    return [...characters]
      .map(([language, count]) => ({ language, share: count / all }))
      .sort((a, b) => b.share - a.share || (a.language < b.language ? -1 : 1))
      .slice(0, MOST_LANGUAGES);
  }
}
