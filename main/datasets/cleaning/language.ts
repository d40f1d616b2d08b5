/** Which language a text is in, by eld (Apache-2.0): n-grams of 60 languages, which it compares with the first 1,000 characters. */

/** Letters below which n-grams tell little: "Total: 4" is of no language. */
const MIN_LETTERS = 40;

export interface LanguageDetector {
  /** ISO 639-1; null where the text is too short or the detector is not sure (code, tables, a language it does not know). */
  languageOf(text: string): string | null;
}

/** Loads the detector's table (about 70 MB of memory, which is why nobody loads it who does not filter). */
export async function loadLanguageDetector(): Promise<LanguageDetector> {
  const { eld } = await import('eld/medium');
  const detector = eld.newInstance();
  // Addresses, domains and numbers look like English to n-grams.
  detector.enableTextCleanup(true);
  return {
    languageOf: (text) => {
      if ((text.slice(0, 4000).match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return null;
      const result = detector.detect(text);
      return result.language !== '' && result.isReliable() ? result.language : null;
    },
  };
}
