import { StrataError } from '../../../shared/errors.ts';
import { asList, asText, flag, type JsonObject, optionalText } from './json-fields.ts';
import { mergePairs, MergeTable, MISSING } from './merge-pairs.ts';
import { type Vocabulary } from './vocabulary.ts';

/** Finds the tokens of one piece of text. */
export interface TokenModel {
  /** Appends the ids of a piece. */
  encode(piece: string, ids: number[]): void;
}

/** Pieces up to this length are remembered, and as many of them. */
const LONGEST_REMEMBERED = 64;
const MOST_REMEMBERED = 50_000;

/**
 * Byte-pair encoding: a piece's characters are tokens, and the neighbours whose merge stands first in the list are joined, the leftmost
 * first, until none is left.
 * @throws Error for a damaged model.
 */
export function bytePairModel(json: JsonObject, vocabulary: Vocabulary): TokenModel {
  if (json.dropout !== undefined && json.dropout !== null && json.dropout !== 0) {
    throw new StrataError('UNSUPPORTED', 'This tokenizer leaves out merges by chance.', {
      found: `dropout ${JSON.stringify(json.dropout)}`,
      allowed: 'none',
      hint: 'Set "dropout" to null in tokenizer.json: it is for training another tokenizer only.',
    });
  }
  const prefix = optionalText(json, 'continuing_subword_prefix') ?? '';
  const suffix = optionalText(json, 'end_of_word_suffix') ?? '';
  const unknown = optionalText(json, 'unk_token');
  const unknownId = unknown === null ? null : (vocabulary.get(unknown) ?? MISSING);
  const fusesUnknown = flag(json, 'fuse_unk', false);
  const ignoresMerges = flag(json, 'ignore_merges', false);
  const byteIds = flag(json, 'byte_fallback', false) ? idsOfBytes(vocabulary) : null;
  const merges = readMerges(json.merges, vocabulary, prefix);

  /** Ids of single characters; unknown ones together where the model says so. */
  const symbolsOf = (piece: string): number[] => {
    const symbols: number[] = [];
    let pending: number | null = null;
    for (let begin = 0; begin < piece.length;) {
      const end = begin + (piece.codePointAt(begin)! > 0xffff ? 2 : 1);
      const character = piece.slice(begin, end);
      const text = (begin > 0 ? prefix : '') + character + (end === piece.length ? suffix : '');
      begin = end;
      const id = vocabulary.get(text);
      if (id !== undefined) {
        if (pending !== null) symbols.push(pending);
        pending = null;
        symbols.push(id);
        continue;
      }
      const bytes = byteIds && Array.from(encoder.encode(text), (byte) => byteIds[byte]!);
      if (bytes?.every((byteId) => byteId !== MISSING)) {
        symbols.push(...bytes);
      } else if (unknownId !== null) {
        if (unknownId === MISSING) throw missingToken(unknown!);
        if (pending !== null && !fusesUnknown) symbols.push(pending);
        pending = unknownId;
      }
    }
    if (pending !== null) symbols.push(pending);
    return symbols;
  };

  const remembered = new Map<string, number[]>();
  return {
    encode: (piece, ids) => {
      const known = remembered.get(piece);
      if (known) {
        for (let index = 0; index < known.length; index++) ids.push(known[index]!);
        return;
      }
      const whole = ignoresMerges ? vocabulary.get(piece) : undefined;
      const symbols = whole === undefined ? symbolsOf(piece) : [whole];
      const merged = mergePairs(symbols, merges);
      for (const id of merged) ids.push(id);
      if (piece.length > LONGEST_REMEMBERED) return;
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(piece, merged);
    },
  };
}

const encoder = new TextEncoder();

/** The ids of `<0x00>` to `<0xFF>`. */
export function idsOfBytes(vocabulary: Vocabulary): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => vocabulary.get(byteToken(byte)) ?? MISSING);
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

export function missingToken(token: string): StrataError {
  return new StrataError('CORRUPT', 'The tokenizer uses a token that its vocabulary does not have.', {
    found: token.slice(0, 60),
    hint: 'tokenizer.json must be the one that was saved with the model: download or copy it again.',
    allowed: 'tokens of the vocabulary in tokenizer.json',
  });
}

/** Pairs of texts, or texts with a blank between, as older files have them. */
function readMerges(json: unknown, vocabulary: Vocabulary, prefix: string): MergeTable {
  const list = asList(json, 'merges');
  const table = new MergeTable(list.length);
  const idOf = (text: string): number => {
    const id = vocabulary.get(text);
    if (id === undefined) throw new Error(`a merge with ${JSON.stringify(text.slice(0, 60))}, which the vocabulary does not have`);
    return id;
  };
  for (const [rank, merge] of list.entries()) {
    const parts = typeof merge === 'string' ? merge.split(' ') : asList(merge, 'a merge');
    if (parts.length !== 2) throw new Error(`a merge of ${parts.length} parts`);
    const [left, right] = [asText(parts[0], 'a part of a merge'), asText(parts[1], 'a part of a merge')];
    if (!right.startsWith(prefix)) throw new Error(`a merge with ${JSON.stringify(right.slice(0, 60))}, which lacks the prefix of parts`);
    table.set(idOf(left), idOf(right), rank, idOf(left + right.slice(prefix.length)));
  }
  return table;
}
