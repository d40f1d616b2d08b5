import type { TokenPiece } from '../../shared/domain/rendering.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { EncodedContent } from './tokenizers/parallel-encoding.ts';

/** No character has more tokens than bytes. */
const MOST_TOKENS_OF_CHARACTER = 4;

/**
 * The tokens of a document as pieces of its text, which together are the text. A character of several tokens stands at the last of them.
 * @param count of tokens from the first on.
 */
export function tokenPieces(tokenizer: TextTokenizer, { ids, learned }: EncodedContent, count = ids.length): TokenPiece[] {
  const pieces: TokenPiece[] = [];
  /** Tokens whose text is known, to see what the next ones add: what a tokenizer does at a text's beginning depends on it. */
  let context: number[] = [];
  let open: number[] = [];
  for (const [index, id] of ids.slice(0, count).entries()) {
    const name = tokenizer.specialToken(id);
    const piece = { id, text: name ?? '', special: name !== null, learned: learned ? learned[index] === 1 : true };
    pieces.push(piece);
    if (name !== null) {
      [context, open] = [[], []];
      continue;
    }
    open.push(id);
    const before = tokenizer.decode(context);
    const text = tokenizer.decode([...context, ...open]).slice(before.length);
    const isIncomplete = text.endsWith('\uFFFD') && open.length < MOST_TOKENS_OF_CHARACTER;
    if (isIncomplete) continue;
    piece.text = text;
    [context, open] = [withText(tokenizer, [...context, ...open], open.length), []];
  }
  return pieces;
}

/** Blanks in front of a text have no text of their own; a context of nothing else would seem to be a text's beginning. */
const LONGEST_CONTEXT = 64;

/** The last tokens, so many of them at least, that have a text when they stand alone. */
function withText(tokenizer: TextTokenizer, tokens: readonly number[], count: number): number[] {
  let last = tokens.slice(-count);
  const longest = Math.min(tokens.length, LONGEST_CONTEXT);
  while (last.length < longest && tokenizer.decode(last) === '') last = tokens.slice(-last.length - 1);
  return last;
}
