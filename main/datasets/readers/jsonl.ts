import { linesOf } from '../lines.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { utf8Of } from './encoding.ts';
import { decodeForeignLine, foreignLines } from './mixed-lines.ts';
import type { Reader } from './reader.ts';
import { documentOf } from './rows.ts';

/** A line is held whole, and a string of V8 ends at 512 MB; the longest line of a known corpus (text8) has 100 MB. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/**
 * JSON Lines: a row or a text on each line; blank lines are passed over, lines that are not JSON are unreadable rows. Lines that are not UTF-8
 * among a majority that are were written by another program, and are read as most programs of old wrote.
 */
export const readJsonLines: Reader = async function* (file, note) {
  let number = 0;
  const foreign = { count: 0, line: 0, message: '' };
  const decodeForeign = (bytes: Uint8Array, message: string): string => {
    if (foreign.count++ === 0) Object.assign(foreign, { line: number + 1, message });
    return decodeForeignLine(bytes);
  };
  for await (const line of namedErrors(linesOf(utf8Of(file.open(), note), MAX_LINE_BYTES, decodeForeign))) {
    number++;
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      yield { kind: 'unreadable', reason: `Line ${number} is not JSON (${(error as Error).message}).` };
      continue;
    }
    yield documentOf(value, `line ${number}`);
  }
  if (foreign.count === 0) return;
  if (foreign.count * 2 >= number)
    throw new UnreadableFile(`It is not UTF-8 text: ${foreign.message}. Save it as UTF-8 and import it again.`);
  note(foreignLines(foreign.count, foreign.line));
};

async function* namedErrors(lines: AsyncIterable<string>): AsyncIterable<string> {
  try {
    yield* lines;
  } catch (error) {
    if (error instanceof RangeError)
      throw new UnreadableFile(`It has ${error.message}. Split it into lines or documents and import it again.`);
    throw error;
  }
}
