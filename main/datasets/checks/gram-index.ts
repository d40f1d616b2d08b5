import { GrowingArray } from './growing-array.ts';
import { HIGH_MULTIPLIER, LOW_MULTIPLIER, mixed, type Words } from './words.ts';

/**
 * Texts that share 13 words in a row are taken to share them not by chance: the length of GPT-3's decontamination (Brown et al. 2020,
 * arXiv 2005.14165, appendix C), which lm-evaluation-harness follows (docs/decontamination.md).
 */
export const GRAM_WORDS = 13;
/** A shorter item is looked for whole, from this length on (GPT-3's least). Even shorter ones only equal a whole document. */
export const LEAST_WORDS = 8;

/** What an item and a document share. */
export interface SharedText {
  item: number;
  document: number;
  /** Words of the item at which shared 13-grams begin, rising; common phrases left out. */
  positions: number[];
  /** All of the item stands in the document. */
  isWhole: boolean;
}

/**
 * The 13-grams of many short texts (items), in which those of other texts are looked up. Equal hashes (64 bits) are followed by a comparison of
 * the words themselves, so nothing is found that is not there. About 60 bytes for each gram.
 */
export class GramIndex {
  /** Words of all items, one after the other, a space after each word. */
  #pool = new Uint16Array(1 << 16);
  #poolLength = 0;
  readonly #itemStarts = new GrowingArray();
  readonly #itemLengths = new GrowingArray();
  readonly #itemWords = new GrowingArray();
  readonly #itemGrams = new GrowingArray();
  readonly #itemOwners = new GrowingArray();
  /** Document in which each item was last found whole. */
  readonly #itemWholeIn = new GrowingArray();
  readonly #tiny = new Map<string, number[]>();
  /** Items by the hash of all their words, and lengths in words of those that begin with a gram: what a document is asked for where it has it. */
  readonly #wholes = new Map<number, number[]>();
  readonly #lengthsAfter = new Map<number, number[]>();
  readonly #sums = new RunningHashes();

  /** An entry is a gram of an item: the item, its first word there, its place in the pool, the next entry with the same words. */
  readonly #entryItems = new GrowingArray();
  readonly #entryWords = new GrowingArray();
  readonly #entryStarts = new GrowingArray();
  readonly #entryNext = new GrowingArray();

  /** A slot is a distinct gram: its hashes, its latest entry plus one (0 is free), whether an item begins with it. */
  #slotCount = 0;
  #low = new Int32Array(1 << 12);
  #high = new Int32Array(1 << 12);
  #entry = new Int32Array(1 << 12);
  #isFirst = new Uint8Array(1 << 12);

  readonly #lengths = new Set<number>();
  readonly #mostDocuments: number;
  #isScanning = false;
  /** Of each slot: documents that have it, the last of them plus one. */
  #documents = new Uint16Array(0);
  #lastDocument = new Int32Array(0);
  readonly #hitSlots = new GrowingArray();
  readonly #hitDocuments = new GrowingArray();
  readonly #wholeItems = new GrowingArray();
  readonly #wholeDocuments = new GrowingArray();

  /**
   * @param mostDocuments a 13-gram in more scanned documents than these counts as a common phrase and proves nothing (GPT-3 took 10); an item
   * that is found whole counts however often it is there.
   */
  constructor({ mostDocuments }: { mostDocuments: number }) {
    this.#mostDocuments = mostDocuments;
  }

  get items(): number {
    return this.#itemStarts.length;
  }

  /** Grams of all items, repeated ones of an item once. */
  get grams(): number {
    return this.#entryItems.length;
  }

  wordsOf(item: number): number {
    return this.#itemWords.at(item);
  }

  /** Distinct grams of an item. */
  gramsOf(item: number): number {
    return this.#itemGrams.at(item);
  }

  /**
   * Adds an item and returns its number. Items come before the first document.
   * @param owner the number of a document in which the item is not looked for: its own.
   */
  add(words: Words, owner = -1): number {
    if (this.#isScanning) throw new Error('An item was added after documents had been scanned.');
    const item = this.items;
    const start = this.#poolLength;
    const length = words.starts[words.count]!;
    this.#addToPool(words.codes.subarray(0, length));
    this.#itemStarts.push(start);
    this.#itemLengths.push(length);
    this.#itemWords.push(words.count);
    this.#itemGrams.push(0);
    this.#itemOwners.push(owner);
    this.#itemWholeIn.push(-1);
    if (words.count < LEAST_WORDS) {
      if (words.count > 0) {
        const text = textOf(words.codes, 0, length);
        this.#tiny.set(text, [...(this.#tiny.get(text) ?? []), item]);
      }
      return item;
    }
    const size = Math.min(words.count, GRAM_WORDS);
    this.#lengths.add(size);
    this.#sums.forget();
    this.#sums.read(words);
    append(this.#wholes, this.#sums.of(0, words.count), item);
    forEachGram(words, size, (position, low, high) => this.#addEntry(words, item, start, position, size, low, high));
    return item;
  }

  /** Looks a document up. Its number must not be below that of the one before; documents of one number count as one. */
  scan(words: Words, document: number): void {
    if (!this.#isScanning) {
      this.#isScanning = true;
      this.#documents = new Uint16Array(this.#entry.length);
      this.#lastDocument = new Int32Array(this.#entry.length);
    }
    this.#sums.forget();
    if (words.count > 0 && words.count < LEAST_WORDS && this.#tiny.size > 0) {
      for (const item of this.#tiny.get(textOf(words.codes, 0, words.starts[words.count]!)) ?? []) this.#foundWhole(item, document);
    }
    for (const size of this.#lengths) {
      forEachGram(words, size, (position, low, high) => {
        const begin = words.starts[position]!;
        const slot = this.#slotOf(low, high, words.codes, begin, words.starts[position + size]! - begin);
        if (this.#entry[slot] !== 0) this.#hit(slot, words, position, document);
      });
    }
  }

  /** What all documents so far share with the items, in the order of the documents. */
  findings(): SharedText[] {
    const shared: SharedText[] = [];
    let hit = 0;
    let whole = 0;
    while (hit < this.#hitSlots.length || whole < this.#wholeItems.length) {
      const nextHit = hit < this.#hitSlots.length ? this.#hitDocuments.at(hit) : Infinity;
      const nextWhole = whole < this.#wholeItems.length ? this.#wholeDocuments.at(whole) : Infinity;
      const document = Math.min(nextHit, nextWhole);
      const found = new Map<number, { positions: number[]; isWhole: boolean }>();
      const of = (item: number): { positions: number[]; isWhole: boolean } => {
        const known = found.get(item);
        if (known) return known;
        const made = { positions: [], isWhole: false };
        found.set(item, made);
        return made;
      };
      for (; hit < this.#hitSlots.length && this.#hitDocuments.at(hit) === document; hit++) {
        const slot = this.#hitSlots.at(hit);
        if (this.#documents[slot]! > this.#mostDocuments) continue;
        for (let entry = this.#entry[slot]! - 1; entry !== -1; entry = this.#entryNext.at(entry)) {
          const item = this.#entryItems.at(entry);
          if (this.#itemOwners.at(item) !== document) of(item).positions.push(this.#entryWords.at(entry));
        }
      }
      for (; whole < this.#wholeItems.length && this.#wholeDocuments.at(whole) === document; whole++) {
        of(this.#wholeItems.at(whole)).isWhole = true;
      }
      for (const [item, { positions, isWhole }] of found) {
        shared.push({ item, document, positions: positions.sort((a, b) => a - b), isWhole });
      }
    }
    return shared;
  }

  /** Words of an item, as they were compared. */
  excerpt(item: number, firstWord: number, words: number): string {
    const start = this.#itemStarts.at(item);
    const text = textOf(this.#pool, start, start + this.#itemLengths.at(item));
    return text
      .split(' ')
      .slice(firstWord, firstWord + words)
      .join(' ')
      .trim();
  }

  #addToPool(codes: Uint16Array): void {
    if (this.#poolLength + codes.length > this.#pool.length) {
      const grown = new Uint16Array(2 * (this.#poolLength + codes.length));
      grown.set(this.#pool.subarray(0, this.#poolLength));
      this.#pool = grown;
    }
    this.#pool.set(codes, this.#poolLength);
    this.#poolLength += codes.length;
  }

  #addEntry(words: Words, item: number, itemStart: number, position: number, size: number, low: number, high: number): void {
    if (2 * (this.#slotCount + 1) > this.#entry.length) this.#enlarge();
    const begin = words.starts[position]!;
    const slot = this.#slotOf(low, high, words.codes, begin, words.starts[position + size]! - begin);
    const before = this.#entry[slot]! - 1;
    if (before !== -1 && this.#entryItems.at(before) === item) return; // the item says it twice
    if (before === -1) {
      this.#slotCount++;
      this.#low[slot] = low;
      this.#high[slot] = high;
    }
    if (position === 0) {
      this.#isFirst[slot] = 1;
      const key = keyOf(low, high);
      if (!this.#lengthsAfter.get(key)?.includes(words.count)) append(this.#lengthsAfter, key, words.count);
    }
    this.#entryItems.push(item);
    this.#entryWords.push(position);
    this.#entryStarts.push(itemStart + begin);
    this.#entryNext.push(before);
    this.#entry[slot] = this.#entryItems.length;
    this.#itemGrams.set(item, this.#itemGrams.at(item) + 1);
  }

  /** The slot of a gram, or the free one where it would stand. The space after its last word is compared too, so that words end alike. */
  #slotOf(low: number, high: number, codes: Uint16Array, begin: number, length: number): number {
    const mask = this.#entry.length - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#entry[slot]! - 1;
      if (entry === -1) return slot;
      if (this.#low[slot] === low && this.#high[slot] === high && this.#isInPool(this.#entryStarts.at(entry), codes, begin, length))
        return slot;
    }
  }

  #isInPool(start: number, codes: Uint16Array, begin: number, length: number): boolean {
    if (start + length > this.#poolLength) return false;
    for (let index = 0; index < length; index++) if (this.#pool[start + index] !== codes[begin + index]) return false;
    return true;
  }

  #enlarge(): void {
    const [low, high, entry, isFirst] = [this.#low, this.#high, this.#entry, this.#isFirst];
    const size = 2 * entry.length;
    this.#low = new Int32Array(size);
    this.#high = new Int32Array(size);
    this.#entry = new Int32Array(size);
    this.#isFirst = new Uint8Array(size);
    for (let old = 0; old < entry.length; old++) {
      if (entry[old] === 0) continue;
      let slot = low[old]! & (size - 1);
      while (this.#entry[slot] !== 0) slot = (slot + 1) & (size - 1);
      this.#low[slot] = low[old]!;
      this.#high[slot] = high[old]!;
      this.#entry[slot] = entry[old]!;
      this.#isFirst[slot] = isFirst[old]!;
    }
  }

  #hit(slot: number, words: Words, position: number, document: number): void {
    if (this.#lastDocument[slot] !== document + 1) {
      this.#lastDocument[slot] = document + 1;
      if (this.#documents[slot]! <= this.#mostDocuments && this.#isOfOthers(slot, document)) {
        this.#documents[slot]!++;
        this.#hitSlots.push(slot);
        this.#hitDocuments.push(document);
      }
    }
    if (this.#isFirst[slot] === 0) return;
    const begin = words.starts[position]!;
    for (const count of this.#lengthsAfter.get(keyOf(this.#low[slot]!, this.#high[slot]!))!) {
      if (position + count > words.count) continue;
      this.#sums.read(words);
      for (const item of this.#wholes.get(this.#sums.of(position, count)) ?? []) {
        const length = words.starts[position + count]! - begin;
        const isEqual = length === this.#itemLengths.at(item) && this.#isInPool(this.#itemStarts.at(item), words.codes, begin, length);
        if (isEqual) this.#foundWhole(item, document);
      }
    }
  }

  #isOfOthers(slot: number, document: number): boolean {
    for (let entry = this.#entry[slot]! - 1; entry !== -1; entry = this.#entryNext.at(entry)) {
      if (this.#itemOwners.at(this.#entryItems.at(entry)) !== document) return true;
    }
    return false;
  }

  #foundWhole(item: number, document: number): void {
    if (this.#itemWholeIn.at(item) === document || this.#itemOwners.at(item) === document) return;
    this.#itemWholeIn.set(item, document);
    this.#wholeItems.push(item);
    this.#wholeDocuments.push(document);
  }
}

/** Hashes of any run of words of a text, each in constant time once the text was read. */
class RunningHashes {
  #low = new Int32Array(1024);
  #high = new Int32Array(1024);
  #lowPowers = new Int32Array(0);
  #highPowers = new Int32Array(0);
  #isRead = false;

  forget(): void {
    this.#isRead = false;
  }

  /** Reads a text, unless that has been done since the last was forgotten. */
  read({ count, low, high }: Words): void {
    if (this.#isRead) return;
    this.#isRead = true;
    if (this.#lowPowers.length <= count) this.#enlarge(2 * count + 2);
    for (let index = 0; index < count; index++) {
      this.#low[index + 1] = Math.imul(this.#low[index]!, LOW_MULTIPLIER) + low[index]!;
      this.#high[index + 1] = Math.imul(this.#high[index]!, HIGH_MULTIPLIER) + high[index]!;
    }
  }

  of(first: number, count: number): number {
    const low = this.#low[first + count]! - Math.imul(this.#low[first]!, this.#lowPowers[count]!);
    const high = this.#high[first + count]! - Math.imul(this.#high[first]!, this.#highPowers[count]!);
    return keyOf(mixed(low), mixed(high));
  }

  #enlarge(length: number): void {
    this.#low = new Int32Array(length);
    this.#high = new Int32Array(length);
    const powers = (multiplier: number): Int32Array<ArrayBuffer> => {
      const table = new Int32Array(length).fill(1);
      for (let index = 1; index < length; index++) table[index] = Math.imul(table[index - 1]!, multiplier);
      return table;
    };
    this.#lowPowers = powers(LOW_MULTIPLIER);
    this.#highPowers = powers(HIGH_MULTIPLIER);
  }
}

/** Two hashes as one number, of the 53 bits that it holds exactly. */
function keyOf(low: number, high: number): number {
  return (low >>> 0) * 2 ** 21 + (high >>> 11);
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}

/** Calls with the first word and the two hashes of every run of `size` words. */
function forEachGram(words: Words, size: number, visit: (position: number, low: number, high: number) => void): void {
  if (words.count < size) return;
  let [low, high, lowPower, highPower] = [0, 0, 1, 1];
  for (let index = 0; index < size; index++) {
    low = (Math.imul(low, LOW_MULTIPLIER) + words.low[index]!) | 0;
    high = (Math.imul(high, HIGH_MULTIPLIER) + words.high[index]!) | 0;
    lowPower = Math.imul(lowPower, LOW_MULTIPLIER);
    highPower = Math.imul(highPower, HIGH_MULTIPLIER);
  }
  for (let position = 0; ; position++) {
    visit(position, mixed(low), mixed(high));
    const next = position + size;
    if (next >= words.count) return;
    // The word that enters at the end, less the one that leaves at the front.
    low = (Math.imul(low, LOW_MULTIPLIER) + words.low[next]! - Math.imul(lowPower, words.low[position]!)) | 0;
    high = (Math.imul(high, HIGH_MULTIPLIER) + words.high[next]! - Math.imul(highPower, words.high[position]!)) | 0;
  }
}

function textOf(codes: Uint16Array, begin: number, end: number): string {
  return Buffer.from(codes.buffer, codes.byteOffset + 2 * begin, 2 * (end - begin)).toString('utf16le');
}
