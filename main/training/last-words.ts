/** How much of a dying process's stderr is kept for its error. */
const LENGTH = 2000;

/** What TensorFlow says at every start, whatever happens later, and V8's stack of addresses, which would push its reason out. */
const NOISE =
  /^\s*\d+: 0x[0-9a-f]+ |Native stack trace|Last few GCs|JS stacktrace|absl::InitializeLog|oneDNN custom operations|This TensorFlow binary is optimized|To enable the following instructions/;

/** The end of a trainer process's stderr, without what it always says: the only word of a process that died. */
export class LastWords {
  #text = '';

  hear(chunk: Buffer): void {
    const text = this.#text + chunk.toString();
    this.#text = text
      .split('\n')
      .filter((line) => !NOISE.test(line))
      .join('\n')
      .slice(-LENGTH);
  }

  toString(): string {
    return this.#text.trim();
  }
}
