/** Texts as words that can be compared: lower case, compatibility forms unified (NFKC), punctuation and symbols left out. */

/** The words of one text. The arrays are the cutter's own and hold until its next cut. */
export interface Words {
  count: number;
  /** The words in UTF-16, one space between two. */
  codes: Uint16Array;
  /** Where each word begins in `codes`; after the last, where one more would. [count + 1] */
  starts: Int32Array;
  /** Two independent 32-bit hashes of each word. [count] */
  low: Int32Array;
  high: Int32Array;
}

const SEPARATOR = 0;
const LETTER = 1;
/** Left out without ending the word: apostrophes, soft hyphens, invisible joiners. */
const IGNORED = 2;
/** A word by itself: scripts that put no spaces between words. */
const ALONE = 3;
const SURROGATE = 4;

const SPACE = 0x20;
const SPACELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u;

function kindOf(code: number): number {
  const character = String.fromCodePoint(code);
  if (/['\u2018\u2019]|\p{Cf}/u.test(character)) return IGNORED;
  if (!/[\p{L}\p{N}\p{M}]/u.test(character)) return SEPARATOR;
  return SPACELESS.test(character) ? ALONE : LETTER;
}

let knownKinds: Uint8Array | undefined;

/** Kinds of the code units, found once: when a text is cut, since it takes a tenth of what a command takes to start. */
function kindsOfUnits(): Uint8Array {
  knownKinds ??= Uint8Array.from({ length: 0x10000 }, (_, unit) => (unit >= 0xd800 && unit <= 0xdfff ? SURROGATE : kindOf(unit)));
  return knownKinds;
}

/** Cuts texts into words, one after the other, in buffers that are used again. */
export class WordCutter {
  readonly #kinds = kindsOfUnits();
  #codes = new Uint16Array(1024);
  #starts = new Int32Array(256);
  #low = new Int32Array(256);
  #high = new Int32Array(256);

  cut(text: string): Words {
    const normal = text.normalize('NFKC').toLowerCase();
    // At most a word and a space for each unit.
    if (this.#codes.length < 2 * normal.length + 2) this.#codes = new Uint16Array(3 * normal.length + 2);
    const codes = this.#codes;
    const kinds = this.#kinds;
    let length = 0;
    let count = 0;
    let begin = 0;
    let low = 0;
    let high = 0;
    const end = (): void => {
      if (length === begin) return;
      if (count + 2 > this.#starts.length) this.#grow();
      this.#starts[count] = begin;
      this.#low[count] = mixed(low);
      this.#high[count] = mixed(high);
      count++;
      codes[length++] = SPACE;
      begin = length;
      low = 0;
      high = 0;
    };
    const take = (unit: number): void => {
      codes[length++] = unit;
      low = Math.imul(low ^ unit, 0x01000193) + 0x3779 || 0;
      high = Math.imul(high + unit, 0x2c1b3c6d) ^ 0x5bd1;
    };
    for (let index = 0; index < normal.length; index++) {
      const unit = normal.charCodeAt(index);
      let kind = kinds[unit]!;
      let second = -1;
      if (kind === SURROGATE) {
        const code = normal.codePointAt(index)!;
        kind = code > 0xffff ? kindOf(code) : SEPARATOR;
        if (code > 0xffff) second = normal.charCodeAt(++index);
      }
      if (kind === IGNORED) continue;
      if (kind !== LETTER) end();
      if (kind === SEPARATOR) continue;
      take(unit);
      if (second !== -1) take(second);
      if (kind === ALONE) end();
    }
    end();
    if (count + 1 > this.#starts.length) this.#grow();
    this.#starts[count] = length;
    return { count, codes, starts: this.#starts, low: this.#low, high: this.#high };
  }

  #grow(): void {
    const larger = (array: Int32Array): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(2 * array.length);
      grown.set(array);
      return grown;
    };
    this.#starts = larger(this.#starts);
    this.#low = larger(this.#low);
    this.#high = larger(this.#high);
  }
}

/** The finaliser of MurmurHash3, as a signed number: what typed arrays hold. */
export function mixed(hash: number): number {
  let h = hash | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Multipliers of the two hashes of several words: h = h * multiplier + word. */
export const LOW_MULTIPLIER = 0x9e3779b1 | 0;
export const HIGH_MULTIPLIER = 0x85ebca77 | 0;
