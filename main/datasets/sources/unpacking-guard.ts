import { UnreadableFile } from '../unreadable-file.ts';
import type { UnpackingLimits } from './limits.ts';

/** Counts what comes out of a packed file against what went in, and refuses a file made to fill memory or disk. */
export class UnpackingGuard {
  readonly #limits: UnpackingLimits;
  #packed: number;
  #unpacked = 0;

  /** @param packed bytes that went in so far; all of them where the size is known. */
  constructor(limits: UnpackingLimits, packed = 0) {
    this.#limits = limits;
    this.#packed = packed;
  }

  tookIn(bytes: number): void {
    this.#packed += bytes;
  }

  /** @throws UnreadableFile when more came out than real data has. */
  gaveOut(bytes: number): void {
    this.#unpacked += bytes;
    const { ratio, ratioFromBytes, totalBytes } = this.#limits;
    if (this.#unpacked > totalBytes)
      throw new UnreadableFile(
        `It unpacks to more than ${inGigabytes(totalBytes)}, which is the most that Strata takes from one file. Split it and import the parts.`,
      );
    if (this.#unpacked > ratioFromBytes && this.#unpacked > ratio * this.#packed)
      throw new UnreadableFile(
        `It unpacks to more than ${ratio.toLocaleString('en')} times its size, as only files do that are made to fill a disk. If it is real data, unpack it and import what is in it.`,
      );
  }
}

function inGigabytes(bytes: number): string {
  return bytes >= 1e9 ? `${Math.round(bytes / 1e9).toLocaleString('en')} GB` : `${bytes.toLocaleString('en')} bytes`;
}
