/**
 * SentencePiece's compiled table of replacements (`precompiled_charsmap`): u32 bytes of a trie, the trie as a double array of u32 units
 * (Yata's Darts-clone), then the replacements, each ended by a zero byte. Little-endian.
 */
export class ReplacementTable {
  readonly #units: Uint32Array;
  readonly #replacements: Buffer;

  /** @throws Error when the table is damaged. */
  constructor(bytes: Buffer) {
    const trieBytes = bytes.length >= UNIT_BYTES ? bytes.readUInt32LE(0) : -1;
    if (trieBytes < 0 || trieBytes % UNIT_BYTES !== 0 || UNIT_BYTES + trieBytes > bytes.length) {
      throw new Error(`a table of replacements of ${bytes.length} bytes with a trie of ${trieBytes}`);
    }
    this.#units = Uint32Array.from({ length: trieBytes / UNIT_BYTES }, (_, index) => bytes.readUInt32LE(UNIT_BYTES * (index + 1)));
    this.#replacements = bytes.subarray(UNIT_BYTES + trieBytes);
  }

  /** What replaces the shortest key that begins these bytes; null where none does. */
  replacementOfShortest(bytes: Uint8Array): Buffer | null {
    let found: number | null = null;
    this.#eachPrefix(bytes, 0, (_, value) => {
      found = value;
      return false;
    });
    return found === null ? null : this.#replacementAt(found);
  }

  /** What replaces the longest key that stands at this place, and where the key ends; null where none does. */
  replacementOfLongest(bytes: Uint8Array, begin: number): { end: number; replacement: Buffer } | null {
    let [last, place] = [begin, 0];
    this.#eachPrefix(bytes, begin, (end, value) => {
      [last, place] = [end, value];
      return true;
    });
    const replacement = last === begin ? null : this.#replacementAt(place);
    return replacement && { end: last, replacement };
  }

  /** Calls back for each key at a place, the shortest first, until that says false. */
  #eachPrefix(bytes: Uint8Array, begin: number, use: (end: number, value: number) => boolean): void {
    const units = this.#units;
    if (units.length === 0) return;
    let place = offsetOf(units[0]!);
    for (let index = begin; index < bytes.length; index++) {
      const byte = bytes[index]!;
      place ^= byte;
      const unit = units[place];
      if (byte === 0 || unit === undefined || labelOf(unit) !== byte) return;
      place ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 0) continue;
      const leaf = units[place];
      if (leaf === undefined || !use(index + 1, leaf & 0x7fffffff)) return;
    }
  }

  /** Null for a place behind all replacements, which only a damaged table has. */
  #replacementAt(begin: number): Buffer | null {
    if (begin > this.#replacements.length) return null;
    const end = this.#replacements.indexOf(0, begin);
    return this.#replacements.subarray(begin, end === -1 ? this.#replacements.length : end);
  }
}

const UNIT_BYTES = 4;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
/** With the highest bit, so that a leaf is the label of no byte. */
const labelOf = (unit: number): number => (unit & (0x80000000 | 0xff)) >>> 0;
