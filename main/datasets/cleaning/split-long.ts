/**
 * Sections of a long text, whose concatenation is the text: nothing is lost. Each is cut behind an empty line where there is one between the wished
 * and twice the wished length, else behind a line, else behind a blank, else between two characters (never between the halves of one).
 * @param characters the wished length, in UTF-16 code units; a text shorter than twice of it stays whole.
 */
export function splitLong(text: string, characters: number): string[] {
  const sections: string[] = [];
  let start = 0;
  while (text.length - start >= 2 * characters) {
    const end = start + cutOf(text.slice(start, start + 2 * characters), characters);
    sections.push(text.slice(start, end));
    start = end;
  }
  if (start < text.length || sections.length === 0) sections.push(text.slice(start));
  return sections;
}

/** Behind: an empty line (with blanks perhaps), a line, a blank. */
const BORDERS = [/\n[^\S\n]*\n/g, /\n/g, /\s/g];

/** Where to cut a piece of twice the wished length. */
function cutOf(piece: string, wished: number): number {
  for (const border of BORDERS) {
    border.lastIndex = wished - 1;
    const found = border.exec(piece);
    if (found !== null) return border.lastIndex;
  }
  const isInsidePair = /[\uD800-\uDBFF]/.test(piece[wished - 1]!) && /[\uDC00-\uDFFF]/.test(piece[wished]!);
  return isInsidePair ? wished + 1 : wished;
}
