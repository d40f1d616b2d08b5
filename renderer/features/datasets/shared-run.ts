/** A text cut into what stands in common with another one and what does not. */
export interface TextPart {
  text: string;
  isShared: boolean;
}

/** Characters before and after what is shared; a whole book would hide it. */
const AROUND = 400;

/**
 * Finds a run of words, as checks write it (lower case, without punctuation, one blank between two), in a text as it is.
 * Where it does not stand in it, the beginning of the text is all there is.
 */
export function markSharedRun(text: string, run: string): TextPart[] {
  const wanted = run.split(' ').filter(Boolean);
  const words = [...text.matchAll(/[\p{L}\p{N}\p{M}'’]+/gu)].map((match) => ({
    word: plain(match[0]),
    start: match.index,
    end: match.index + match[0].length,
  }));
  const first = words.findIndex((_, index) => wanted.every((word, offset) => words[index + offset]?.word === word));
  if (wanted.length === 0 || first < 0) {
    return [{ text: text.slice(0, 2 * AROUND) + (text.length > 2 * AROUND ? '…' : ''), isShared: false }];
  }
  const start = words[first]!.start;
  const { end } = words[first + wanted.length - 1]!;
  return [
    { text: (start > AROUND ? '…' : '') + text.slice(Math.max(0, start - AROUND), start), isShared: false },
    { text: text.slice(start, end), isShared: true },
    { text: text.slice(end, end + AROUND) + (end + AROUND < text.length ? '…' : ''), isShared: false },
  ].filter((part) => part.text !== '');
}

function plain(word: string): string {
  return word.normalize('NFKC').toLowerCase().replaceAll(/['‘’]/g, '');
}
