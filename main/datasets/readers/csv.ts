import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { explain } from '../sources/explain.ts';
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

/** A table whose first row names its columns. All values are texts. */
export const readCsv: Reader = async function* (file, note) {
  const { start, whole } = await startOf(textOf(file.open(), note));
  const isTabbed = /\.tsv$/i.test(file.name);
  const delimiter = isTabbed ? '\t' : delimiterOf(start);
  if (!isTabbed && delimiter !== ',') note(`Its columns are separated by ${DELIMITER_NAMES[delimiter]}.`);
  const parser = parse({
    delimiter,
    columns: (names: string[]) => columnsOf(names, note),
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: MAX_ROW_BYTES,
  });
  // The pipeline hands errors on and closes the file when its reader stops; the reader hears of them where it reads.
  pipeline(Readable.from(whole), parser, () => undefined);
  let number = 0;
  try {
    for await (const row of parser as AsyncIterable<Record<string, string>>) yield { kind: 'row', row, where: `row ${++number}` };
  } catch (error) {
    throw error instanceof CsvError ? new UnreadableFile(refusalOf(error)) : explain(error);
  }
};

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

function refusalOf({ code, message, lines }: CsvError & { lines?: number }): string {
  const where = `Line ${lines ?? '?'}`;
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return `${where}: a quote is opened and never closed. Close it, or double each quote that belongs to a text.`;
    case 'CSV_INVALID_CLOSING_QUOTE':
    case 'INVALID_OPENING_QUOTE':
    case 'CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE':
      return `${where}: a quote stands where none may. Put the text in quotes and double each quote that belongs to it.`;
    case 'CSV_MAX_RECORD_SIZE':
      return `${where}: the row has more than ${MAX_ROW_BYTES / 2 ** 20} MB. A quote before it may not be closed.`;
    case 'CSV_RECORD_INCONSISTENT_COLUMNS':
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH':
      return `${where}: the row has more or fewer values than the first row has names (${message.replace(/ on line \d+$/, '')}).`;
    default:
      return `${where}: it is not a table (${message}).`;
  }
}
