import { TextTrie } from './text-trie.ts';
import { WHITE_SPACE, WORD_CHARACTERS } from './text-pattern.ts';
import { type AddedToken } from './vocabulary.ts';

/** A stretch of a text: an added token, or text between them (id null). */
export type Stretch = (begin: number, end: number, id: number | null) => void;

/**
 * Finds added tokens in a text: the leftmost first, of those that begin at one place the longest. As in the tokenizers library, the white space
 * that a token takes along may belong to the next token too: its match was found before.
 */
export class AddedTokenFinder {
  readonly #tokens: readonly AddedToken[];
  readonly #contents = new TextTrie();
  /** Whether a text can have one that begins with this character. */
  readonly #firstUnits = new Uint8Array(65_536);

  /** @param contentOf what stands in the text for a token: its content, or its normalised content. */
  constructor(tokens: readonly AddedToken[], contentOf: (token: AddedToken) => string) {
    this.#tokens = tokens;
    for (const [index, token] of tokens.entries()) {
      const content = contentOf(token);
      if (content === '') continue;
      this.#contents.set(content, index);
      this.#firstUnits[content.charCodeAt(0)] = 1;
    }
  }

  /** Calls back for each stretch of a text. @param findsSpecial whether special tokens are found; if not, they are text. */
  eachStretch(text: string, findsSpecial: boolean, use: Stretch): void {
    let done = 0;
    if (this.#tokens.some(({ isSpecial }) => findsSpecial || !isSpecial)) {
      for (let begin = 0; begin < text.length;) {
        const match = this.#firstUnits[text.charCodeAt(begin)] === 1 ? this.#longestAt(text, begin) : null;
        if (!match) {
          begin++;
          continue;
        }
        const { token, end } = match;
        const isFound = (findsSpecial || !token.isSpecial) && (!token.isSingleWord || isAlone(text, begin, end));
        if (isFound) {
          const start = token.stripsLeft ? Math.max(beforeBlanks(text, begin), done) : begin;
          const stop = token.stripsRight ? afterBlanks(text, end) : end;
          if (done < start) use(done, start, null);
          use(start, stop, token.id);
          done = stop;
        }
        begin = end;
      }
    }
    if (done < text.length) use(done, text.length, null);
  }

  #longestAt(text: string, begin: number): { token: AddedToken; end: number } | null {
    let [best, bestEnd] = [-1, begin];
    this.#contents.eachAt(text, begin, (end, index) => ([best, bestEnd] = [index, end]));
    return best === -1 ? null : { token: this.#tokens[best]!, end: bestEnd };
  }
}

const WORD_CHARACTER = new RegExp(`^[${WORD_CHARACTERS}]$`, 'u');
const BLANK = new RegExp(`^${WHITE_SPACE}$`, 'u');

function isAlone(text: string, begin: number, end: number): boolean {
  const before = characterBefore(text, begin);
  const after = end < text.length ? String.fromCodePoint(text.codePointAt(end)!) : '';
  return !WORD_CHARACTER.test(before) && !WORD_CHARACTER.test(after);
}

function characterBefore(text: string, end: number): string {
  const last = text.slice(Math.max(0, end - 1), end);
  return /[\uDC00-\uDFFF]/.test(last) ? text.slice(end - 2, end) : last;
}

/** All white space lies below U+10000. */
function beforeBlanks(text: string, end: number): number {
  while (end > 0 && BLANK.test(text[end - 1]!)) end--;
  return end;
}

function afterBlanks(text: string, begin: number): number {
  while (begin < text.length && BLANK.test(text[begin]!)) begin++;
  return begin;
}
