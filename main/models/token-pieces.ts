import type { TokenPiece } from '../../shared/domain/rendering.ts';
import { PieceReader } from './piece-reader.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { EncodedContent } from './tokenizers/parallel-encoding.ts';

/**
 * The tokens of a document as pieces of its text, which together are the text: see {@link PieceReader}.
 * @param count of tokens from the first on.
 */
export function tokenPieces(tokenizer: TextTokenizer, { ids, learned }: EncodedContent, count = ids.length): TokenPiece[] {
  const reader = new PieceReader(tokenizer);
  return Array.from(ids.slice(0, count), (id, index) => {
    const name = tokenizer.specialToken(id);
    const text = reader.next(id);
    return { id, text: name ?? text, special: name !== null, learned: learned ? learned[index] === 1 : true };
  });
}
