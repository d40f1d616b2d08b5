import type { Normalizer } from './normalizers.ts';
import { ReplacementTable } from './replacement-table.ts';
import { BLANK, type SentencePieceModel } from './sentencepiece-json.ts';
import { TextTrie } from './text-trie.ts';

/**
 * SentencePiece's own normaliser. At each place of a text a user-defined symbol stays as it is, else the longest key of the table is replaced,
 * else a character stays; blanks are then removed, marked and put in front. It works on bytes, as the table does.
 * @throws Error when the table is damaged.
 */
export function sentencePieceNormalizer(model: SentencePieceModel): Normalizer {
  const { pieces, normalizerMap, addDummyPrefix, removeExtraWhitespaces } = model;
  const symbols = pieces.filter(({ type }) => type === 'userDefined').map(({ text }) => text);
  const prefix = addDummyPrefix ? BLANK : '';
  if (!normalizerMap && symbols.length === 0) {
    return (text) => {
      const left = removeExtraWhitespaces ? text.replace(/^ +/, '').replace(/ {2,}/g, ' ') : text;
      if (left === '') return '';
      const marked = prefix + left.replaceAll(' ', BLANK);
      return removeExtraWhitespaces ? withoutLastBlanks(marked) : marked;
    };
  }
  const replace = replacer(normalizerMap && new ReplacementTable(Buffer.from(normalizerMap)), symbols);
  return (text) => {
    const bytes = Buffer.from(text);
    // Bytes as characters, among which the symbols are found.
    const letters = symbols.length > 0 ? bytes.toString('latin1') : '';
    let begin = 0;
    while (removeExtraWhitespaces && begin < bytes.length) {
      const { end, from, first, last } = replace(bytes, letters, begin);
      if (last - first !== 1 || from[first] !== SPACE) break;
      begin = end;
    }
    if (begin === bytes.length) return '';
    const output = new GrowingBytes(bytes.length + bytes.length / 2);
    if (addDummyPrefix) output.addBlank();
    let isAfterSpace = removeExtraWhitespaces;
    while (begin < bytes.length) {
      const { end, from, first, last } = replace(bytes, letters, begin);
      begin = end;
      let place = first;
      while (isAfterSpace && place < last && from[place] === SPACE) place++;
      if (place === last) continue;
      isAfterSpace = removeExtraWhitespaces && from[last - 1] === SPACE;
      for (; place < last; place++) {
        const byte = from[place]!;
        if (byte === SPACE) output.addBlank();
        else output.add(byte);
      }
    }
    return removeExtraWhitespaces ? withoutLastBlanks(output.toString()) : output.toString();
  };
}

const SPACE = 0x20;

/** What stands for the text at a place: bytes `first` to before `last` of `from`; and where the text that it stands for ends. */
interface Replaced {
  from: Uint8Array;
  first: number;
  last: number;
  end: number;
}

function replacer(
  table: ReplacementTable | null,
  symbols: readonly string[],
): (bytes: Uint8Array, letters: string, begin: number) => Replaced {
  const trie = new TextTrie();
  const firstBytes = new Uint8Array(256);
  for (const symbol of symbols) {
    const letters = Buffer.from(symbol).toString('latin1');
    trie.set(letters, 0);
    firstBytes[letters.charCodeAt(0)] = 1;
  }
  return (bytes, letters, begin) => {
    const byte = bytes[begin]!;
    if (firstBytes[byte] === 1) {
      const end = trie.longestAt(letters, begin);
      if (end > begin) return { from: bytes, first: begin, last: end, end };
    }
    const found = table?.replacementOfLongest(bytes, begin);
    if (found) return { from: found.replacement, first: 0, last: found.replacement.length, end: found.end };
    const end = begin + characterBytes(byte);
    return { from: bytes, first: begin, last: end, end };
  };
}

/** Bytes of the character that begins with this byte. */
function characterBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

function withoutLastBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === BLANK) end--;
  return text.slice(0, end);
}

class GrowingBytes {
  #bytes: Buffer;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(Math.ceil(capacity) + 16);
  }

  add(byte: number): void {
    if (this.#length === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * this.#length);
    this.#bytes[this.#length++] = byte;
  }

  /** SentencePiece's mark of a blank, as UTF-8. */
  addBlank(): void {
    this.add(0xe2);
    this.add(0x96);
    this.add(0x81);
  }

  toString(): string {
    return this.#bytes.toString('utf8', 0, this.#length);
  }
}
