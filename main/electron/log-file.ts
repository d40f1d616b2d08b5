import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MOST_BYTES = 1_000_000;
/** strata.log, strata.1.log, strata.2.log. */
const FILES = 3;
/** Last lines, for a crash report. */
const KEPT_LINES = 200;
/** One message cannot fill the file. */
const MOST_CHARACTERS = 4000;

/**
 * The program's log, in the person's folder: what it was told to say, with the time. Files are bounded, the oldest goes. It stays on this
 * machine.
 */
export class LogFile {
  readonly #folder: string;
  readonly #mostBytes: number;
  readonly #lines: string[] = [];
  #bytes: number;

  constructor(folder: string, mostBytes = MOST_BYTES) {
    this.#folder = folder;
    this.#mostBytes = mostBytes;
    this.#bytes = statSync(this.#path(0), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Adds a line; a disk that does not take it is not the program's end. */
  write(message: string): void {
    const line = `${new Date().toISOString()} ${message.slice(0, MOST_CHARACTERS)}`;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    try {
      mkdirSync(this.#folder, { recursive: true });
      if (this.#bytes > this.#mostBytes) this.#rotate();
      appendFileSync(this.#path(0), `${line}\n`);
      this.#bytes += Buffer.byteLength(line) + 1;
    } catch {
      // There is nobody left to tell.
    }
  }

  /** The last lines, oldest first. */
  last(): readonly string[] {
    return this.#lines;
  }

  #rotate(): void {
    rmSync(this.#path(FILES - 1), { force: true });
    for (let number = FILES - 2; number >= 0; number--) {
      if (statSync(this.#path(number), { throwIfNoEntry: false })) renameSync(this.#path(number), this.#path(number + 1));
    }
    this.#bytes = 0;
  }

  #path(number: number): string {
    return join(this.#folder, number === 0 ? 'strata.log' : `strata.${number}.log`);
  }
}
