import type { FileHandle } from 'node:fs/promises';
import { StrataError } from '../../../shared/errors.ts';

/** Vocabularies make the longest headers: those of 262,144 tokens have about 15 MB. */
const MAX_HEADER_BYTES = 100_000_000;
/** Read at a time, unless more is asked for. */
const WINDOW_BYTES = 2 ** 20;

/**
 * Goes through the head of a GGUF file, which holds no table of its own: each value tells where the next one begins. The file is read through a
 * window; what a value claims as its length is held against the bytes that are left before anything is allocated for it.
 */
export class HeaderCursor {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #size: number;
  #window = Buffer.alloc(0);
  /** Place of the window in the file, and of the cursor in the window. */
  #start = 0;
  #at = 0;

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.#size = size;
  }

  /** Bytes before the cursor. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes from here to the end of what may be a header. */
  get left(): number {
    return Math.min(this.#size, MAX_HEADER_BYTES) - this.position;
  }

  /** Whether so many bytes can be taken without {@link load}. */
  has(bytes: number): boolean {
    return this.#at + bytes <= this.#window.length;
  }

  /**
   * Makes sure that so many bytes can be taken.
   * @param what Names what they are.
   * @throws StrataError CORRUPT when the file or what may be a header ends before.
   */
  async load(bytes: number, what: string): Promise<void> {
    if (this.has(bytes)) return;
    if (bytes > this.left) {
      throw this.position + bytes > this.#size
        ? this.incomplete(
            `${what} at byte ${this.position} needs ${bytes} bytes; the file ends at byte ${this.#size}`,
            `a file that goes on to byte ${this.position + bytes} at least`,
          )
        : this.corrupt(
            `${what} at byte ${this.position} goes on after ${MAX_HEADER_BYTES} bytes, the longest header that is read`,
            `a header of up to ${MAX_HEADER_BYTES} bytes`,
          );
    }
    const window = Buffer.alloc(Math.min(this.left, Math.max(bytes, WINDOW_BYTES)));
    for (let filled = this.#window.copy(window, 0, this.#at); filled < window.length;) {
      const { bytesRead } = await this.#file.read(window, filled, window.length - filled, this.position + filled);
      if (bytesRead === 0)
        throw this.incomplete(`the file ends at byte ${this.position + filled}`, `${this.#size} bytes, as when it was opened`);
      filled += bytesRead;
    }
    this.#start = this.position;
    this.#window = window;
    this.#at = 0;
  }

  /** The next bytes, which were loaded: a view that is good until the next load. */
  take(bytes: number): Buffer {
    const taken = this.#window.subarray(this.#at, this.#at + bytes);
    this.#at += bytes;
    return taken;
  }

  uint32(): number {
    return this.take(4).readUInt32LE();
  }

  uint64(): bigint {
    return this.take(8).readBigUInt64LE();
  }

  corrupt(found: string, allowed?: string): StrataError {
    return corruptGguf(this.#path, found, allowed);
  }

  incomplete(found: string, allowed: string): StrataError {
    return incompleteGguf(this.#path, found, allowed);
  }
}

/** A file that ends before what it says that it holds. */
export function incompleteGguf(path: string, found: string, allowed: string): StrataError {
  return new StrataError('CORRUPT', `${path} is not a complete GGUF file.`, {
    found,
    allowed,
    hint: 'Download or copy the file again and compare its size with the original.',
  });
}

/** A file that cannot be right. @param allowed what the format has there; unless said, a whole file. */
export function corruptGguf(path: string, found: string, allowed = 'a whole file, as the GGUF format has it'): StrataError {
  return new StrataError('CORRUPT', `${path} does not follow the GGUF format.`, {
    found,
    allowed,
    hint: 'Download or copy the file again. If the original is like this, convert the model again with a current program.',
  });
}
