import type { TextTokenizer } from './tokenizer.ts';

/** No character has more tokens than bytes. */
const MOST_TOKENS_OF_CHARACTER = 4;

/** Blanks in front of a text have no text of their own; a context of nothing else would seem to be a text's beginning. */
const LONGEST_CONTEXT = 64;

/**
 * Tokens one after the other as pieces of their text, which together are the text. A character of several tokens stands at the last of them, and
 * special tokens have no text.
 */
export class PieceReader {
  readonly #tokenizer: TextTokenizer;
  /** Tokens whose text is known, to see what the next ones add: what a tokenizer does at a text's beginning depends on it. */
  #context: number[] = [];
  #open: number[] = [];

  constructor(tokenizer: TextTokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The text that a token adds. */
  next(id: number): string {
    if (this.#tokenizer.specialToken(id) !== null) {
      [this.#context, this.#open] = [[], []];
      return '';
    }
    this.#open.push(id);
    const all = [...this.#context, ...this.#open];
    const text = this.#tokenizer.decode(all).slice(this.#tokenizer.decode(this.#context).length);
    const isIncomplete = text.endsWith('\uFFFD') && this.#open.length < MOST_TOKENS_OF_CHARACTER;
    if (isIncomplete) return '';
    [this.#context, this.#open] = [this.#withText(all, this.#open.length), []];
    return text;
  }

  /** The last tokens, so many of them at least, that have a text when they stand alone. */
  #withText(tokens: readonly number[], count: number): number[] {
    let last = tokens.slice(-count);
    const longest = Math.min(tokens.length, LONGEST_CONTEXT);
    while (last.length < longest && this.#tokenizer.decode(last) === '') last = tokens.slice(-last.length - 1);
    return last;
  }
}
