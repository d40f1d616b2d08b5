/** Blanks before a line's end. The look behind lets a run of blanks be tried once, not from each of them: a line of a million blanks takes no minute. */
const TRAILING = /(?<![^\S\n])[^\S\n]+(?=\n|$)/g;

/** More than two empty lines. */
const MANY_EMPTY_LINES = /\n{4,}/g;

/** A text without blanks at line ends, with at most two empty lines together; blanks inside a line, which code lives by, stay. */
export function tidyWhitespace(text: string): string {
  return text.replace(TRAILING, '').replace(MANY_EMPTY_LINES, '\n\n\n');
}
