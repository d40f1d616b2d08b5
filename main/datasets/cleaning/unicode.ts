/**
 * One way to write each character (Unicode Standard Annex 15). NFC joins letters with their accents and changes nothing that is seen. NFKC also
 * replaces compatibility characters: "ﬁ" by "fi" and full-width letters by plain ones, but "x²" by "x2" as well, so it is for the user to choose.
 */
export function normaliseUnicode(text: string, form: 'nfc' | 'nfkc'): string {
  return text.normalize(form === 'nfc' ? 'NFC' : 'NFKC');
}
