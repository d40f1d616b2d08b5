import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { explain } from '../sources/explain.ts';
import type { RawDocument } from '../raw-document.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { textOf } from './encoding.ts';
import type { Note, Reader } from './reader.ts';

/** A row is held whole; a quote that is never closed would make one of the rest of the file. */
const MAX_ROW_BYTES = 64 * 1024 * 1024;

/** What separates columns in files named .csv, commonest first. */
const DELIMITERS = [',', ';', '\t', '|'] as const;
const DELIMITER_NAMES: Readonly<Record<string, string>> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };

/** Characters of the start in which the first row is looked for. */
const START_CHARACTERS = 64 * 1024;

/**
 * A table whose first row names its columns. All values are texts. A quote where none may stand belongs to the text; rows with more or fewer
 * values than names are unreadable.
 */
export const readCsv: Reader = async function* (file, note) {
  const { start, whole } = await startOf(textOf(file.open(), note));
  const isTabbed = /\.tsv$/i.test(file.name);
  const delimiter = isTabbed ? '\t' : delimiterOf(start);
  if (!isTabbed && delimiter !== ',') note(`Its columns are separated by ${DELIMITER_NAMES[delimiter]}.`);
  const table = new Table();
  const parser = parse({
    delimiter,
    columns: (names: string[]) => {
      table.lastLine = parser.info.lines;
      return columnsOf(names, note);
    },
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: MAX_ROW_BYTES,
    relax_quotes: true,
    skip_records_with_error: true,
    on_skip: (error) => table.skip(error),
    on_record: (row: Record<string, string>, { lines }) => table.take(row, lines),
  });
  // The pipeline hands errors on and closes the file when its reader stops; the reader hears of them where it reads.
  pipeline(Readable.from(whole), parser, () => undefined);
  try {
    for await (const document of parser as AsyncIterable<RawDocument>) {
      yield* table.skippedBefore(document);
      yield document;
    }
  } catch (error) {
    throw error instanceof CsvError ? new UnreadableFile(refusalOf(error, table.lastLine)) : explain(error);
  }
  yield* table.skippedBefore(null);
};

/** The rows of a table in their order: the parser runs ahead of its reader, and tells of what it skips as it comes to it. */
class Table {
  /** The line in which the last row ended, or the names. */
  lastLine = 0;
  #rows = 0;
  readonly #skipped: { row: number; reason: string }[] = [];
  readonly #numbers = new WeakMap<RawDocument, number>();

  take(row: Record<string, string>, line: number): RawDocument {
    this.lastLine = line;
    const document: RawDocument = { kind: 'row', row, where: `row ${++this.#rows}` };
    this.#numbers.set(document, this.#rows);
    return document;
  }

  /** @throws the error itself where it is not one of a single row. */
  skip(error: CsvError | undefined): undefined {
    if (!error || !RAGGED.has(error.code)) throw error;
    const { lines = this.lastLine + 1 } = error as CsvError & { lines?: number };
    this.lastLine = lines;
    this.#skipped.push({ row: ++this.#rows, reason: refusalOf(error, lines) });
  }

  /** Rows that were skipped before this one, or at the end, each once. */
  *skippedBefore(document: RawDocument | null): Iterable<RawDocument> {
    const row = document === null ? Infinity : this.#numbers.get(document)!;
    while (this.#skipped.length > 0 && this.#skipped[0]!.row < row) yield { kind: 'unreadable', reason: this.#skipped.shift()!.reason };
  }
}

/** The first characters of a text, and the whole text with them. */
async function startOf(text: AsyncIterable<string>): Promise<{ start: string; whole: AsyncIterable<string> }> {
  const pieces = text[Symbol.asyncIterator]();
  let start = '';
  while (start.length < START_CHARACTERS) {
    const next = await pieces.next();
    if (next.done) break;
    start += next.value;
  }
  const whole = async function* (): AsyncIterable<string> {
    try {
      yield start;
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
    } finally {
      await pieces.return?.();
    }
  };
  return { start, whole: whole() };
}

/** What separates the names in the first row: the candidate that occurs most often outside of quotes, the commoner one of several. */
function delimiterOf(start: string): string {
  const counts = new Map<string, number>(DELIMITERS.map((each) => [each, 0]));
  let isQuoted = false;
  let isBlank = true;
  for (const character of start) {
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === '\n' || character === '\r') && !isBlank) break;
    else if (!isQuoted && counts.has(character)) counts.set(character, counts.get(character)! + 1);
    isBlank &&= /\s/.test(character);
  }
  return DELIMITERS.reduce((best, each) => (counts.get(each)! > counts.get(best)! ? each : best), DELIMITERS[0] as string);
}

/** Names for all columns, each once: two values under one name would be one. */
function columnsOf(names: readonly string[], note: Note): string[] {
  const columns: string[] = [];
  for (const [index, name] of names.entries()) {
    const base = name.trim() || `column ${index + 1}`;
    let column = base;
    for (let copy = 2; columns.includes(column); copy++) column = `${base} (${copy})`;
    if (column !== base) note(`Its column ${index + 1} has the name ${base} of one before; it is called ${column}.`);
    columns.push(column);
  }
  return columns;
}

/** A row with more or fewer values than there are names. */
const RAGGED: ReadonlySet<string> = new Set(['CSV_RECORD_INCONSISTENT_COLUMNS', 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH']);

/** @param lastLine where the row before ended. */
function refusalOf(error: CsvError & { lines?: number }, lastLine: number): string {
  const { code, message, lines } = error;
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return `In the row of line ${lastLine + 1} a quote is opened and never closed: it would swallow the rest. Close it, or double each quote that belongs to a text.`;
  if (code === 'CSV_MAX_RECORD_SIZE')
    return `The row of line ${lastLine + 1} has more than ${MAX_ROW_BYTES / 2 ** 20} MB. A quote in it may not be closed.`;
  const where = `Line ${lines ?? '?'}`;
  if (RAGGED.has(code))
    return `${where}: the row has more or fewer values than the first row has names (${message.replace(/ on line \d+$/, '')}).`;
  return `${where}: it is not a table (${message}).`;
}
