import { StrataError } from '../../../shared/errors.ts';
import { asList, asText, flag, type JsonObject, optionalText } from './json-fields.ts';
import { type Vocabulary } from './vocabulary.ts';

/** Finds the tokens of one piece of text. */
export interface TokenModel {
  /** Appends the ids of a piece. */
  encode(piece: string, ids: number[]): void;
}

/** Pieces up to this length are remembered, and as many of them. */
const LONGEST_REMEMBERED = 64;
const MOST_REMEMBERED = 50_000;
/** For few symbols looking through all pairs is faster than a queue. */
const FEW_SYMBOLS = 24;

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
      const merged = symbols.length <= FEW_SYMBOLS ? mergeFew(symbols, merges) : mergeMany(symbols, merges);
      for (const id of merged) ids.push(id);
      if (piece.length > LONGEST_REMEMBERED) return;
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      remembered.set(piece, merged);
    },
  };
}

const encoder = new TextEncoder();
/** In place of an id that the vocabulary does not have. */
const MISSING = -1;

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

/** Merges by their two ids, in a table of numbers: half a million of them would be slow as objects. */
class MergeTable {
  readonly #mask: number;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  /** A merge's place in the list, and the id of what it makes. */
  readonly ranks: Int32Array;
  readonly results: Int32Array;

  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.#mask = size - 1;
    this.#left = new Int32Array(size).fill(MISSING);
    this.#right = new Int32Array(size);
    this.ranks = new Int32Array(size);
    this.results = new Int32Array(size);
  }

  /** Of two merges with the same parts the later one counts. */
  set(left: number, right: number, rank: number, result: number): void {
    const place = this.#placeOf(left, right);
    this.#left[place] = left;
    this.#right[place] = right;
    this.ranks[place] = rank;
    this.results[place] = result;
  }

  /** Place of a merge in `ranks` and `results`, or MISSING. */
  find(left: number, right: number): number {
    const place = this.#placeOf(left, right);
    return this.#left[place] === MISSING ? MISSING : place;
  }

  #placeOf(left: number, right: number): number {
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let place = (hash ^ (hash >>> 13)) & this.#mask;
    while (this.#left[place] !== MISSING && (this.#left[place] !== left || this.#right[place] !== right)) place = (place + 1) & this.#mask;
    return place;
  }
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

/** Joins again and again the best pair, found by looking through all. */
function mergeFew(symbols: number[], merges: MergeTable): number[] {
  const places = symbols.slice(1).map((symbol, index) => merges.find(symbols[index]!, symbol));
  for (;;) {
    let [best, bestRank] = [-1, Infinity];
    for (const [index, place] of places.entries()) {
      if (place !== MISSING && merges.ranks[place]! < bestRank) [best, bestRank] = [index, merges.ranks[place]!];
    }
    if (best === -1) return symbols;
    symbols.splice(best, 2, merges.results[places[best]!]!);
    places.splice(best, 1);
    if (best > 0) places[best - 1] = merges.find(symbols[best - 1]!, symbols[best]!);
    if (best < places.length) places[best] = merges.find(symbols[best]!, symbols[best + 1]!);
  }
}

/** The same for long pieces: pairs wait in a heap by rank and place, and the symbols are a linked list. Time n log n. */
function mergeMany(symbols: number[], merges: MergeTable): number[] {
  const ids = Int32Array.from(symbols);
  const next = Int32Array.from(symbols, (_, index) => (index + 1 < symbols.length ? index + 1 : MISSING));
  const previous = Int32Array.from(symbols, (_, index) => index - 1);
  const heap = new PairHeap();
  const offer = (place: number): void => {
    const neighbour = next[place]!;
    if (neighbour === MISSING) return;
    const merge = merges.find(ids[place]!, ids[neighbour]!);
    if (merge !== MISSING) heap.push(merges.ranks[merge]!, place, merges.results[merge]!);
  };
  for (let place = 0; place + 1 < ids.length; place++) offer(place);
  for (let pair = heap.pop(); pair; pair = heap.pop()) {
    const { place, result } = pair;
    const neighbour = next[place]!;
    if (ids[place] === MISSING || neighbour === MISSING) continue;
    const merge = merges.find(ids[place]!, ids[neighbour]!);
    if (merge === MISSING || merges.results[merge] !== result) continue; // one of the two was merged with another since
    ids[place] = result;
    ids[neighbour] = MISSING;
    const after = next[neighbour]!;
    next[place] = after;
    if (after !== MISSING) {
      previous[after] = place;
      offer(place);
    }
    if (previous[place] !== MISSING) offer(previous[place]!);
  }
  return Array.from(ids.filter((id) => id !== MISSING));
}

/** Pairs with the least rank first, of equal ranks the leftmost. */
class PairHeap {
  /** rank and place as one number (places stay below 2^29), with the result beside it. */
  readonly #keys: number[] = [];
  readonly #results: number[] = [];

  push(rank: number, place: number, result: number): void {
    const [keys, results] = [this.#keys, this.#results];
    const key = rank * PLACES + place;
    let index = keys.length;
    keys.push(key);
    results.push(result);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[index] = keys[parent]!;
      results[index] = results[parent]!;
      index = parent;
    }
    keys[index] = key;
    results[index] = result;
  }

  pop(): { place: number; result: number } | null {
    const [keys, results] = [this.#keys, this.#results];
    if (keys.length === 0) return null;
    const top = { place: keys[0]! % PLACES, result: results[0]! };
    const [key, result] = [keys.pop()!, results.pop()!];
    const size = keys.length;
    if (size === 0) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[index] = keys[child]!;
      results[index] = results[child]!;
      index = child;
    }
    keys[index] = key;
    results[index] = result;
    return top;
  }
}

/** More than a text can have characters (V8's longest string has 2^29). */
const PLACES = 2 ** 29;
