/** GPT-2's letters for bytes: a byte that can be seen stands for itself, each other one is the next letter above 255. */

const isVisible = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;

const LETTERS: string[] = [];
const BYTES = new Map<string, number>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const letter = String.fromCharCode(isVisible(byte) ? byte : next++);
  LETTERS.push(letter);
  BYTES.set(letter, byte);
}

const encoder = new TextEncoder();

/** A letter for each UTF-8 byte of a text. */
export function toByteLetters(text: string): string {
  let letters = '';
  let begin = 0; // of a row that stands for itself
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 32 && code < 127) continue;
    letters += text.slice(begin, index);
    if (code > 127) return letters + lettersOf(encoder.encode(text.slice(index)));
    letters += LETTERS[code]!;
    begin = index + 1;
  }
  return begin === 0 ? text : letters + text.slice(begin);
}

function lettersOf(bytes: Uint8Array): string {
  let letters = '';
  for (const byte of bytes) letters += LETTERS[byte]!;
  return letters;
}

/** The bytes of a row of letters, or null when one of its characters stands for none. */
export function fromByteLetters(letters: string): Uint8Array | null {
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) {
    const byte = BYTES.get(letters[index]!);
    if (byte === undefined) return null;
    bytes[index] = byte;
  }
  return bytes;
}
