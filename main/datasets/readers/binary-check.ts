import { UnreadableFile } from '../unreadable-file.ts';

/** The beginning by which a file is judged. */
const SAMPLE_BYTES = 64 * 1024;
/** More of the bytes than this are no control characters in any text; a few are damage, which cleaning removes. */
const MOST_CONTROLS = 0.01;

/** Bytes below the blank that do not occur in text: all but backspace to carriage return, and the escape of terminals. */
const IS_CONTROL = Uint8Array.from({ length: 256 }, (_, byte) => (byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b ? 1 : 0));

/** Tells an image or a program from a text with a few bytes that do not belong to it, as its bytes go by. */
export class BinaryCheck {
  #offset = 0;
  #controls = 0;

  /** @throws UnreadableFile where these bytes are not of a text. */
  add(bytes: Uint8Array): void {
    const sample = bytes.subarray(0, Math.max(0, SAMPLE_BYTES - this.#offset));
    for (const byte of sample) this.#controls += IS_CONTROL[byte]!;
    if (sample.length > 0 && isTooMany(this.#controls, this.#offset + sample.length))
      throw new UnreadableFile('It is a binary file, not text.');
    const rest = bytes.subarray(sample.length);
    const zero = rest.indexOf(0);
    if (zero !== -1) {
      const zeros = rest.reduce((count, byte) => (byte === 0 ? count + 1 : count), 0);
      if (isTooMany(zeros, rest.length)) {
        const place = this.#offset + sample.length + zero;
        throw new UnreadableFile(
          `There are ${zeros} zero bytes from byte ${place} on, as only binary files have: it is damaged, or not text.`,
        );
      }
    }
    this.#offset += bytes.length;
  }
}

function isTooMany(controls: number, bytes: number): boolean {
  return controls > Math.max(1, bytes * MOST_CONTROLS);
}
