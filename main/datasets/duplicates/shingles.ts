import { mix32 } from '../../../shared/domain/random.ts';

/** Words in a shingle: the runs of words that two texts are compared by (Broder 1997). */
export const SHINGLE_WORDS = 5;

/** What a code unit is: between words, part of a word, or a word by itself. */
const BETWEEN = 0;
const IN_WORD = 1;
const WORD_BY_ITSELF = 2;

/** Scripts that write no blanks between words: each of their characters is taken for a word. */
const WITHOUT_BLANKS =
  /[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}\p{scx=Tibt}\p{scx=Bopo}\p{scx=Yiii}]/u;

/** By code unit, what it is and its small letter. Halves of pairs (rare ideographs, emoji) count as words of their own. */
const kinds = new Uint8Array(0x10000);
const small = new Uint16Array(0x10000);
let isFilled = false;

function fillTables(): void {
  if (isFilled) return;
  for (let unit = 0; unit < 0x10000; unit++) {
    const character = String.fromCharCode(unit);
    const lower = character.toLowerCase();
    small[unit] = lower.length === 1 ? lower.charCodeAt(0) : unit;
    if (unit >= 0xd800 && unit < 0xe000) kinds[unit] = WORD_BY_ITSELF;
    else if (/[\p{L}\p{M}\p{N}]/u.test(character)) kinds[unit] = WITHOUT_BLANKS.test(character) ? WORD_BY_ITSELF : IN_WORD;
  }
  isFilled = true;
}

const WORD_FACTOR = 0x01000193;
const FACTOR = 0x9e3779b1 | 0;
let power = 1;
for (let word = 0; word < SHINGLE_WORDS; word++) power = Math.imul(power, FACTOR);
/** FACTOR to the number of words: what the word that leaves a shingle has been multiplied by. */
const LEAVING_FACTOR = power;

/** Grows to the longest text; what `shinglesOf` returns is a part of it. */
let buffer = new Uint32Array(1 << 16);

/**
 * A 32-bit hash of each run of five words of a text, in order (with repetitions); of all words where there are fewer, of none where there are none.
 * Case and punctuation make no difference.
 * @returns a view that the next call overwrites.
 */
export function shinglesOf(text: string): Uint32Array {
  fillTables();
  // At most one word per code unit.
  if (buffer.length < text.length) buffer = new Uint32Array(text.length);
  const window = new Uint32Array(SHINGLE_WORDS);
  let words = 0;
  let count = 0;
  let rolling = 0;
  let word = 0;
  const endWord = (): void => {
    const hash = mix32(word ^ 0x9e3779b9);
    const slot = words % SHINGLE_WORDS;
    // A polynomial in FACTOR of the last five words' hashes, modulo 2^32.
    rolling = (Math.imul(rolling, FACTOR) + hash - Math.imul(window[slot]!, LEAVING_FACTOR)) | 0;
    window[slot] = hash;
    words++;
    word = 0;
    if (words >= SHINGLE_WORDS) buffer[count++] = mix32(rolling);
  };
  let isInWord = false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const kind = kinds[unit]!;
    if (kind === IN_WORD) {
      word = Math.imul(word ^ small[unit]!, WORD_FACTOR);
      isInWord = true;
      continue;
    }
    if (isInWord) endWord();
    isInWord = false;
    if (kind === BETWEEN) continue;
    word = Math.imul(unit, WORD_FACTOR);
    endWord();
  }
  if (isInWord) endWord();
  if (words > 0 && words < SHINGLE_WORDS) buffer[count++] = mix32(rolling);
  return buffer.subarray(0, count);
}
