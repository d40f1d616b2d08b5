/** Reads a stream of pieces in portions of a wished length, so that two streams that are cut differently can be compared. */
export class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  /** What is left of the last piece. */
  #rest = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** A fresh array of the next bytes: as many as asked for, fewer only at the end. */
  async read(bytes: number): Promise<Uint8Array> {
    const portion = new Uint8Array(bytes);
    let filled = 0;
    while (filled < bytes) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#pieces.next();
        if (done) break;
        this.#rest = value as Uint8Array<ArrayBuffer>;
      }
      const part = this.#rest.subarray(0, bytes - filled);
      portion.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return filled === bytes ? portion : portion.subarray(0, filled);
  }

  /** Ends the stream, wherever it is. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
