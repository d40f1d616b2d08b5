import { UnreadableFile } from '../unreadable-file.ts';

/** A line with only this ends a document in a text file: the convention of many corpora. */
const DOCUMENT_SEPARATOR = '<|endoftext|>';

/**
 * A plain text is one long document. It is cut into sections of about this many characters, between paragraphs where possible,
 * so that some of them can be held out; nothing is lost.
 */
const SECTION_CHARACTERS = 4000;

/** A document is held whole, and a string of V8 ends at 512 MB. */
const MAX_DOCUMENT_CHARACTERS = 256 * 1024 * 1024;

/**
 * Cuts a text that comes in pieces into its documents, or into sections of one long document. What it holds of a text without separators is
 * bounded by a few sections, however long its lines.
 */
export class SectionCutter {
  /** Text whose line is not over. */
  #rest = '';
  /** Whether a part of the rest's line has been cut off already. */
  #isInLine = false;
  #isLineBlank = true;
  /** Lines with their ends, so that the pieces of a cut line can be told from lines. */
  #section: string[] = [];
  #length = 0;
  #isSeparated = false;
  /** Held back while it may still turn out that the file has separators; one section. */
  #pending: string[] = [];

  /** Documents that are complete with this text. */
  push(text: string): string[] {
    const documents: string[] = [];
    const all = this.#rest + text;
    let start = 0;
    for (let end = all.indexOf('\n', start); end !== -1; end = all.indexOf('\n', start)) {
      const isReturn = end > start && all[end - 1] === '\r';
      this.#line(all.slice(start, isReturn ? end - 1 : end), documents);
      start = end + 1;
    }
    this.#rest = this.#cutLong(all.slice(start), documents);
    return documents;
  }

  /** The documents that are left when the text is over. */
  end(): string[] {
    const documents: string[] = [];
    if (this.#rest !== '' || this.#isInLine) this.#line(this.#rest, documents);
    this.#rest = '';
    if (this.#pending.length > 0) documents.push(textOf(this.#pending));
    this.#pending = [];
    if (this.#section.length > 0) documents.push(textOf(this.#take()));
    this.#isSeparated = false;
    return documents;
  }

  /** A whole line, or the last part of one. */
  #line(line: string, documents: string[]): void {
    if (!this.#isInLine && line.length < 100 && line.trim() === DOCUMENT_SEPARATOR) return this.#separate(documents);
    const last = this.#cutLong(line, documents);
    const isParagraphEnd = this.#isLineBlank && last.trim() === '';
    this.#isInLine = false;
    this.#isLineBlank = true;
    this.#add(`${last}\n`);
    if (this.#isSeparated || this.#length < SECTION_CHARACTERS) return;
    if (isParagraphEnd || this.#length >= 2 * SECTION_CHARACTERS) this.#close(documents);
  }

  /** Takes pieces off a line longer than two sections, cut after a blank where there is one; together they are the line. */
  #cutLong(line: string, documents: string[]): string {
    let start = 0;
    while (line.length - start >= 2 * SECTION_CHARACTERS) {
      const middle = start + SECTION_CHARACTERS;
      const blank = line.slice(middle, middle + SECTION_CHARACTERS).search(/\s/);
      let end = blank === -1 ? middle + SECTION_CHARACTERS : middle + blank + 1;
      if (/[\uD800-\uDBFF]/.test(line[end - 1]!)) end--; // never between the halves of one character
      const piece = line.slice(start, end);
      this.#isInLine = true;
      this.#isLineBlank &&= piece.trim() === '';
      this.#add(piece);
      if (!this.#isSeparated && this.#length >= SECTION_CHARACTERS) this.#close(documents);
      start = end;
    }
    return line.slice(start);
  }

  #add(part: string): void {
    this.#section.push(part);
    this.#length += part.length;
    if (this.#length > MAX_DOCUMENT_CHARACTERS)
      throw new UnreadableFile(
        `It has a document of more than ${MAX_DOCUMENT_CHARACTERS} characters between lines ${DOCUMENT_SEPARATOR}. Split it and import it again.`,
      );
  }

  #close(documents: string[]): void {
    if (this.#pending.length > 0) documents.push(textOf(this.#pending));
    this.#pending = this.#take();
  }

  #separate(documents: string[]): void {
    // What was cut before the first separator belongs together: it was the first document.
    if (!this.#isSeparated) {
      this.#isSeparated = true;
      this.#section = [...this.#pending, ...this.#section];
      this.#pending = [];
    }
    documents.push(textOf(this.#take()));
  }

  #take(): string[] {
    const parts = this.#section;
    this.#section = [];
    this.#length = 0;
    return parts;
  }
}

function textOf(parts: readonly string[]): string {
  return parts.join('').replace(/\n$/, '');
}

/** The sections of a text that is whole. */
export function sectionsOf(text: string): string[] {
  const cutter = new SectionCutter();
  return [...cutter.push(text), ...cutter.end()];
}
