/** Each text once, in the order of its first place. */
export function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
