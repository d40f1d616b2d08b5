/** The first characters of a text as a copy: a slice would keep the whole text in memory for as long as it is kept. */
export function beginningOf(text: string, characters: number): string {
  return Buffer.from(text.slice(0, characters)).toString();
}
