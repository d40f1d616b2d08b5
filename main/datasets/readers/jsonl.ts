import { linesOf } from '../lines.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { utf8Of } from './encoding.ts';
import type { Reader } from './reader.ts';
import { documentOf } from './rows.ts';

/** A line is held whole, and a string of V8 ends at 512 MB; the longest line of a known corpus (text8) has 100 MB. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** JSON Lines: a row or a text on each line; blank lines are passed over. */
export const readJsonLines: Reader = async function* (file, note) {
  let number = 0;
  for await (const line of namedErrors(linesOf(utf8Of(file.open(), note), MAX_LINE_BYTES))) {
    number++;
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new UnreadableFile(`Line ${number} is not JSON (${(error as Error).message}).`);
    }
    yield documentOf(value, `line ${number}`);
  }
};

async function* namedErrors(lines: AsyncIterable<string>): AsyncIterable<string> {
  try {
    yield* lines;
  } catch (error) {
    if (error instanceof TypeError && error.message.includes('UTF-8'))
      throw new UnreadableFile(`It is not UTF-8 text: ${error.message}. Save it as UTF-8 and import it again.`);
    if (error instanceof RangeError)
      throw new UnreadableFile(`It has ${error.message}. Split it into lines or documents and import it again.`);
    throw error;
  }
}
