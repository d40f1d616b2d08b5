import { isUtf8 } from 'node:buffer';
import type { UnreadableFile } from '../unreadable-file.ts';
import type { Note } from './reader.ts';

/** So much of a line without an end is held; a longer one is judged in parts. */
const MAX_HELD_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;

/** A line that is not UTF-8 as the commonest encoding of one byte a letter has it. */
export function decodeForeignLine(line: Uint8Array): string {
  return new TextDecoder('windows-1252').decode(line);
}

/** What is noted of lines that were decoded so. */
export function foreignLines(count: number, first: number): string {
  const lines = count === 1 ? 'One line is not UTF-8 and was' : `${count} lines are not UTF-8 and were`;
  return `${lines} read as Windows-1252${count === 1 ? `: line ${first}` : `, the first of them line ${first}`}.`;
}

/** How many lines end in these bytes. */
export function lineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

/** Decodes UTF-8 of which a few lines are in another encoding: files that were put together from several. */
export class MixedLines {
  readonly #note: Note;
  readonly #refusal: UnreadableFile;
  #held: Uint8Array = new Uint8Array();
  #lines: number;
  #foreign = 0;
  #firstForeign = 0;

  /**
   * @param linesBefore lines that were UTF-8.
   * @param refusal what is thrown at the end where most lines are not.
   */
  constructor(note: Note, linesBefore: number, refusal: UnreadableFile) {
    this.#note = note;
    this.#lines = linesBefore;
    this.#refusal = refusal;
  }

  decode(bytes: Uint8Array): string {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const lastEnd = all.lastIndexOf(LINE_FEED) + 1;
    const end = all.length - lastEnd > MAX_HELD_BYTES ? all.length : lastEnd;
    this.#held = all.slice(end);
    return this.#textOf(all.subarray(0, end));
  }

  /** @throws UnreadableFile where most lines were not UTF-8. */
  end(): string {
    const isOpen = this.#held.length > 0;
    const text = this.#textOf(this.#held);
    if (this.#foreign * 2 >= this.#lines + (isOpen ? 1 : 0)) throw this.#refusal;
    this.#note(foreignLines(this.#foreign, this.#firstForeign));
    return text;
  }

  #textOf(bytes: Uint8Array): string {
    if (isUtf8(bytes)) {
      this.#lines += lineEnds(bytes);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    }
    const texts: string[] = [];
    for (let start = 0; start < bytes.length;) {
      const feed = bytes.indexOf(LINE_FEED, start);
      const end = feed === -1 ? bytes.length : feed + 1;
      texts.push(this.#lineOf(bytes.subarray(start, end)));
      if (feed !== -1) this.#lines++;
      start = end;
    }
    return texts.join('');
  }

  #lineOf(line: Uint8Array): string {
    if (isUtf8(line)) return Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8');
    if (this.#foreign++ === 0) this.#firstForeign = this.#lines + 1;
    return decodeForeignLine(line);
  }
}
