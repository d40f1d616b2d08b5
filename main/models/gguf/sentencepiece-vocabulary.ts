import { StrataError } from '../../../shared/errors.ts';
import type { BytePairTokenizer, Step } from './tokenizer-json.ts';

/** SentencePiece's mark of a blank. */
const BLANK = '▁';

/** What llama.cpp's SentencePiece tokenizer is told beside the pieces. */
export interface SentencePieceVocabulary {
  /** Best first, for each piece that text can spell; other pieces are not in it. */
  scores: Map<string, number>;
  /** Whether a blank is put before a text. */
  addSpacePrefix: boolean;
  notes: string[];
}

/** The text of the piece that stands for a byte. */
export function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/**
 * Scores with which llama.cpp's SentencePiece tokenizer makes the tokens of a byte-pair encoding with byte pieces. It knows no merges: it
 * joins, again and again, the neighbours whose joined text is a piece with the best score, in the whole text at once. That comes to the same
 * when every way to join two parts into a piece is a merge, and the merges of a piece follow each other in the order of ranks.
 * @param pieces every text that has an id, for reserved pieces too.
 * @throws StrataError UNSUPPORTED when it would not come to the same, with the first place where it does not.
 */
export function sentencePieceVocabulary(tokenizer: BytePairTokenizer, pieces: ReadonlySet<string>): SentencePieceVocabulary {
  const { model, merges } = tokenizer;
  if (model.ignore_merges) throw different('ignore_merges in tokenizer.json', 'merges that are never passed over');
  const missing = Array.from({ length: 256 }, (_, byte) => bytePiece(byte)).filter((piece) => !pieces.has(piece));
  if (!model.byte_fallback || missing.length > 0) {
    throw different(
      missing.length > 0 ? `no pieces for ${missing.length} of the 256 bytes` : 'characters without a piece become <unk>',
      'a tokenizer that spells characters without a piece in bytes (byte_fallback, and pieces <0x00> to <0xFF>)',
    );
  }
  const { addSpacePrefix, splitsWords, notes } = blanksOf(tokenizer);
  if (splitsWords) {
    const across = [...pieces].find((piece) => piece.includes(BLANK, 1));
    if (across !== undefined) throw different(`the piece ${JSON.stringify(across)}, while text is cut at blanks`, 'pieces within a word');
  }
  return { scores: scoresOf(merges, pieces), addSpacePrefix, notes };
}

function scoresOf(merges: readonly [string, string][], pieces: ReadonlySet<string>): Map<string, number> {
  const ranks = new Map(merges.map(([left, right], rank) => [`${left}\0${right}`, rank]));
  /** Pieces of several characters that joining comes to, with the best and worst rank of a merge that makes them. */
  const made = new Map<string, { best: number; worst: number }>();
  const isReached = (part: string): boolean => made.has(part) || isOneCharacter(part);
  const byLength = [...pieces].filter((piece) => !isOneCharacter(piece)).sort((a, b) => a.length - b.length);
  for (const piece of byLength) {
    for (const [left, right] of cuts(piece)) {
      if (!isReached(left) || !isReached(right)) continue;
      const rank = ranks.get(`${left}\0${right}`);
      if (rank === undefined) {
        throw different(
          `${JSON.stringify(piece)} is a token, but ${JSON.stringify(left)} and ${JSON.stringify(right)} are not joined to it`,
          'merges for every pair of parts that makes a token, as a SentencePiece model has them',
        );
      }
      const known = made.get(piece);
      made.set(piece, { best: Math.min(known?.best ?? rank, rank), worst: Math.max(known?.worst ?? rank, rank) });
    }
  }
  const ordered = [...made].sort(([, a], [, b]) => a.best - b.best);
  const scores = new Map<string, number>();
  for (const [index, [piece, { worst }]] of ordered.entries()) {
    const next = ordered[index + 1];
    if (next && next[1].best < worst) {
      throw different(
        `merges of ${JSON.stringify(piece)} before and after one of ${JSON.stringify(next[0])}`,
        'merges that one score for each token can order',
      );
    }
    scores.set(piece, -index);
  }
  return scores;
}

function* cuts(piece: string): Iterable<[string, string]> {
  let cut = 0;
  for (const character of piece) {
    cut += character.length;
    if (cut < piece.length) yield [piece.slice(0, cut), piece.slice(cut)];
  }
}

function isOneCharacter(text: string): boolean {
  return text.length === (text.codePointAt(0)! > 0xffff ? 2 : 1);
}

/** What is done with blanks before the merges. */
function blanksOf({ normalizers, preTokenizers }: BytePairTokenizer): { addSpacePrefix: boolean; splitsWords: boolean; notes: string[] } {
  let [addSpacePrefix, marksBlanks, splitsWords] = [false, false, false];
  const notes: string[] = [];
  for (const step of normalizers) {
    if (step.type === 'Prepend' && step.prepend === BLANK && !marksBlanks) addSpacePrefix = true;
    else if (step.type === 'Replace' && isBlankPattern(step) && step.content === BLANK) marksBlanks = true;
    else throw different(`the normaliser ${describe(step)}`, 'none but a blank before the text and ▁ for blanks');
  }
  for (const step of preTokenizers) {
    if (step.type !== 'Metaspace' || step.replacement !== BLANK) {
      throw different(`the pre-tokenizer ${describe(step)}`, 'none, or Metaspace with ▁');
    }
    marksBlanks = true;
    splitsWords = step.split !== false;
    const scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always');
    if (scheme === 'never') continue;
    addSpacePrefix = true;
    notes.push('llama.cpp puts a blank before a text that begins with one, and after every special token; transformers does not.');
  }
  if (!marksBlanks) throw different('blanks that stay blanks', 'a tokenizer that writes ▁ for them');
  return { addSpacePrefix, splitsWords, notes };
}

function isBlankPattern({ pattern }: Step): boolean {
  return typeof pattern === 'object' && pattern !== null && (pattern as { String?: unknown }).String === ' ';
}

function describe(step: Step): string {
  return JSON.stringify(step).slice(0, 120);
}

function different(found: string, allowed: string): StrataError {
  return new StrataError('UNSUPPORTED', "llama.cpp's SentencePiece tokenizer would give other tokens than this model's.", {
    found,
    allowed,
    hint: 'Export it as a Hugging Face folder; programs that use tokenizer.json read it as it is.',
  });
}
