/**
 * SentencePiece's compiled table of replacements (`precompiled_charsmap`): u32 bytes of a trie, the trie as a double array of u32 units
 * (Yata's Darts-clone), then the replacements, each ended by a zero byte. Little-endian.
 */

const UNIT_BYTES = 4;
/** Longer groups of characters are replaced one by one, as the tokenizers library does it. */
const LONGEST_GROUP_BYTES = 6;

/**
 * A function that replaces what the table names: whole groups of characters that make up one sign where the table has them, else each
 * character of its own.
 * @throws Error when the table is damaged.
 */
export function precompiledMap(bytes: Buffer): (text: string) => string {
  const trieBytes = bytes.length >= UNIT_BYTES ? bytes.readUInt32LE(0) : -1;
  if (trieBytes < 0 || trieBytes % UNIT_BYTES !== 0 || UNIT_BYTES + trieBytes > bytes.length) {
    throw new Error(`a table of replacements of ${bytes.length} bytes with a trie of ${trieBytes}`);
  }
  const units = Uint32Array.from({ length: trieBytes / UNIT_BYTES }, (_, index) => bytes.readUInt32LE(UNIT_BYTES * (index + 1)));
  const replacements = bytes.subarray(UNIT_BYTES + trieBytes);
  const replacementAt = (begin: number): string => {
    const end = replacements.indexOf(0, begin);
    return replacements.toString('utf8', begin, end === -1 ? replacements.length : end);
  };
  const known = new Map<string, string | null>();
  const find = (group: string): string | null => {
    const remembered = known.get(group);
    if (remembered !== undefined) return remembered;
    const place = firstPrefix(units, encoder.encode(group));
    const replacement = place === null || place > replacements.length ? null : replacementAt(place);
    if (known.size < MOST_REMEMBERED) known.set(group, replacement);
    return replacement;
  };
  return (text) => {
    let result = '';
    for (const { segment } of groups.segment(text)) {
      const whole = Buffer.byteLength(segment) < LONGEST_GROUP_BYTES ? find(segment) : null;
      if (whole !== null) result += whole;
      else for (const character of segment) result += find(character) ?? character;
    }
    return result;
  };
}

const encoder = new TextEncoder();
const groups = new Intl.Segmenter('en', { granularity: 'grapheme' });
const MOST_REMEMBERED = 50_000;

/** The value of the shortest key that begins these bytes, or null. */
function firstPrefix(units: Uint32Array, bytes: Uint8Array): number | null {
  const root = units[0];
  if (root === undefined) return null;
  let place = offsetOf(root);
  for (const byte of bytes) {
    if (byte === 0) return null;
    place ^= byte;
    const unit = units[place];
    if (unit === undefined || labelOf(unit) !== byte) return null;
    place ^= offsetOf(unit);
    if (((unit >>> 8) & 1) === 1) {
      const leaf = units[place];
      return leaf === undefined ? null : leaf & 0x7fffffff;
    }
  }
  return null;
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
/** With the highest bit, so that a leaf is the label of no byte. */
const labelOf = (unit: number): number => (unit & (0x80000000 | 0xff)) >>> 0;
