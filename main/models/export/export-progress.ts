import { StrataError } from '../../../shared/errors.ts';

/** For whoever waits for an export. */
export interface ExportWatch {
  /** Told after every piece: bytes written and read again, of all there are to write and read again. */
  onProgress?: (done: number, total: number) => void;
  /** Ends the export; nothing of it stays. */
  signal?: AbortSignal;
}

/** Counts the bytes of an export, and ends it where it was cancelled. */
export class ExportProgress {
  readonly #total: number;
  readonly #watch: ExportWatch;
  #done = 0;

  constructor(total: number, watch: ExportWatch) {
    this.#total = total;
    this.#watch = watch;
    this.advance(0);
  }

  /** @throws StrataError INTERRUPTED when the export was cancelled. */
  advance(bytes: number): void {
    if (this.#watch.signal?.aborted) throw new StrataError('INTERRUPTED', 'The export was cancelled; nothing of it was kept.');
    this.#done += bytes;
    this.#watch.onProgress?.(this.#done, this.#total);
  }

  /**
   * The same pieces, counted when each has been dealt with.
   * @param bytes that an element of a piece counts for.
   */
  async *count<Piece extends { length: number }>(pieces: AsyncIterable<Piece>, bytes = 1): AsyncIterable<Piece> {
    for await (const piece of pieces) {
      yield piece;
      this.advance(piece.length * bytes);
    }
  }
}
