/** Texts with numbers, found from any place of another text. A table of numbers: an object for each character would need gigabytes. */
export class TextTrie {
  #size: number;
  #count = 0;
  #nodes = 1;
  /** Hash table of steps: node and character, to a node. Node 0 is the root, so 0 means empty. */
  #from: Int32Array;
  #units: Uint16Array;
  #to: Int32Array;
  readonly #values: number[] = [NONE];

  constructor() {
    this.#size = 1024;
    [this.#from, this.#units, this.#to] = emptyTable(this.#size);
  }

  /** A later number for the same text replaces the earlier one. */
  set(text: string, value: number): void {
    let node = 0;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      let place = this.#placeOf(node, unit);
      if (this.#to[place] === 0) {
        if (2 * ++this.#count > this.#size) {
          this.#grow();
          place = this.#placeOf(node, unit);
        }
        this.#from[place] = node;
        this.#units[place] = unit;
        this.#to[place] = this.#nodes++;
        this.#values.push(NONE);
      }
      node = this.#to[place]!;
    }
    this.#values[node] = value;
  }

  /** Calls back for each text that stands at this place, the shortest first. */
  eachAt(text: string, begin: number, use: (end: number, value: number) => void): void {
    let node = 0;
    for (let index = begin; index < text.length; index++) {
      const place = this.#placeOf(node, text.charCodeAt(index));
      node = this.#to[place]!;
      if (node === 0) return;
      if (this.#values[node] !== NONE) use(index + 1, this.#values[node]!);
    }
  }

  /** Where the longest text that stands at this place ends; the place itself where none does. */
  longestAt(text: string, begin: number): number {
    let longest = begin;
    this.eachAt(text, begin, (end) => void (longest = end));
    return longest;
  }

  #placeOf(node: number, unit: number): number {
    const mask = this.#size - 1;
    let hash = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let place = (hash ^ (hash >>> 13)) & mask;
    while (this.#to[place] !== 0 && (this.#from[place] !== node || this.#units[place] !== unit)) place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const [from, units, to] = [this.#from, this.#units, this.#to];
    this.#size *= 2;
    [this.#from, this.#units, this.#to] = emptyTable(this.#size);
    for (const [old, target] of to.entries()) {
      if (target === 0) continue;
      const place = this.#placeOf(from[old]!, units[old]!);
      this.#from[place] = from[old]!;
      this.#units[place] = units[old]!;
      this.#to[place] = target;
    }
  }
}

const NONE = -1;

function emptyTable(size: number): [Int32Array, Uint16Array, Int32Array] {
  return [new Int32Array(size), new Uint16Array(size), new Int32Array(size)];
}
