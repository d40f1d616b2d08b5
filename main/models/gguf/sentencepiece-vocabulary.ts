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
 * @param pieces every text that has an id, but for added tokens: these are found in a text before anything is joined.
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
  const scores = new Map<string, number>();
  const ordered = [...made].sort(([, a], [, b]) => a.best - b.best);
  let [group, worst] = [0, -1];
  /** The character that every piece of the group is a run of; null when one is no run. */
  let common: string | null = null;
  for (const [piece, found] of ordered) {
    const character = runOf(piece);
    // Pieces whose merges lie between those of others share a score; of these the leftmost is joined first, which is tried below for runs.
    const isApart = found.best > worst;
    if (!isApart && (character === null || character !== common)) {
      throw different(
        `merges of ${JSON.stringify(piece)} before and after those of another token`,
        'merges that one score for each token can order',
      );
    }
    if (isApart) group++;
    common = character;
    worst = Math.max(worst, found.worst);
    scores.set(piece, -group);
  }
  checkRuns(ranks, scores);
  return scores;
}

/**
 * Where a piece can be joined in two places that share a character, the order of its merges may decide, which a score cannot say. That is so
 * in runs of one character, such as blanks: each run up to twice the longest piece is joined in both ways.
 */
function checkRuns(ranks: ReadonlyMap<string, number>, scores: ReadonlyMap<string, number>): void {
  const longest = new Map<string, number>();
  for (const piece of scores.keys()) {
    const character = runOf(piece);
    if (character !== null) longest.set(character, Math.max(longest.get(character) ?? 0, piece.length / character.length));
  }
  for (const [character, most] of longest) {
    const rankOf = (left: number, right: number): number => ranks.get(`${character.repeat(left)}\0${character.repeat(right)}`) ?? Infinity;
    const byScore = (left: number, right: number): number => -(scores.get(character.repeat(left + right)) ?? -Infinity);
    for (let length = 3; length <= Math.min(2 * most + 1, MAX_RUN); length++) {
      if (joined(length, rankOf).join() === joined(length, byScore).join()) continue;
      throw different(`a run of ${length} ${JSON.stringify(character)}, whose merges do not go from left to right`, 'merges that do');
    }
  }
}

/** Runs of more characters are no longer tried: none of the known vocabularies has a piece half as long. */
const MAX_RUN = 256;

/** The lengths of the parts that a run of one character ends in, when again and again the first of the neighbours with the least `order` is joined. */
function joined(length: number, order: (left: number, right: number) => number): number[] {
  const parts = Array.from({ length }, () => 1);
  for (;;) {
    let [best, at] = [Infinity, -1];
    for (let index = 0; index + 1 < parts.length; index++) {
      const value = order(parts[index]!, parts[index + 1]!);
      if (value < best) [best, at] = [value, index];
    }
    if (at < 0) return parts;
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}

/** The character that a piece repeats, or null. */
function runOf(piece: string): string | null {
  const [character] = piece;
  return character !== undefined && piece === character.repeat(piece.length / character.length) ? character : null;
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
