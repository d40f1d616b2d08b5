import { createHash } from 'node:crypto';

/** Numbers of 32 bits in a key. */
const WORDS = 4;

/**
 * What two texts have in common that are exact duplicates: the first 128 bits of the text's SHA-256. Two of a billion different texts have the same
 * key with a probability of 10^-21.
 */
export function textKeyOf(text: string): Uint32Array {
  const digest = createHash('sha256').update(text).digest();
  return Uint32Array.from({ length: WORDS }, (_, word) => digest.readUInt32BE(4 * word));
}

/** At most three of four places of the table are taken: more, and the searches in it grow long. */
const MAX_LOAD = 0.75;

/**
 * The first document of each key: a table with open addressing in typed arrays, 27 to 53 bytes per key (20 bytes per place, 3/8 to 3/4 of them taken;
 * half as much again while it grows). A set of strings takes four times that.
 */
export class TextKeys {
  #places = 1024;
  #keys = new Uint32Array(WORDS * this.#places);
  /** Document + 1; 0 is a free place. */
  #documents = new Uint32Array(this.#places);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The document that had this key first: `document` itself when the key is new, which is then remembered. */
  firstWith(key: Uint32Array, document: number): number {
    if (this.#size + 1 > MAX_LOAD * this.#places) this.#grow();
    const place = this.#placeOf(key);
    if (this.#documents[place] !== 0) return this.#documents[place]! - 1;
    this.#put(place, key, document + 1);
    this.#size++;
    return document;
  }

  /** Forgets a key, as when the rest of its file cannot be read; whether it was there. */
  delete(key: Uint32Array): boolean {
    let free = this.#placeOf(key);
    if (this.#documents[free] === 0) return false;
    this.#documents[free] = 0;
    this.#size--;
    // Keys behind it that were pushed past their place move up, so that searches for them find no gap (Knuth, volume 3, 6.4, algorithm R).
    for (let place = this.#next(free); this.#documents[place] !== 0; place = this.#next(place)) {
      const home = this.#keys[WORDS * place]! % this.#places;
      const isReachable = free <= place ? free < home && home <= place : free < home || home <= place;
      if (isReachable) continue;
      this.#put(free, this.#keys.subarray(WORDS * place, WORDS * (place + 1)), this.#documents[place]!);
      this.#documents[place] = 0;
      free = place;
    }
    return true;
  }

  /** Where a key stands or would stand. */
  #placeOf(key: Uint32Array): number {
    let place = key[0]! % this.#places;
    while (this.#documents[place] !== 0 && !this.#hasAt(place, key)) place = this.#next(place);
    return place;
  }

  #hasAt(place: number, key: Uint32Array): boolean {
    for (let word = 0; word < WORDS; word++) if (this.#keys[WORDS * place + word] !== key[word]) return false;
    return true;
  }

  #next(place: number): number {
    return place + 1 === this.#places ? 0 : place + 1;
  }

  #put(place: number, key: Uint32Array, entry: number): void {
    this.#keys.set(key, WORDS * place);
    this.#documents[place] = entry;
  }

  #grow(): void {
    const [keys, documents] = [this.#keys, this.#documents];
    this.#places *= 2;
    this.#keys = new Uint32Array(WORDS * this.#places);
    this.#documents = new Uint32Array(this.#places);
    for (const [old, entry] of documents.entries()) {
      if (entry === 0) continue;
      const key = keys.subarray(WORDS * old, WORDS * (old + 1));
      this.#put(this.#placeOf(key), key, entry);
    }
  }
}
