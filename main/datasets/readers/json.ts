import { guessMapping } from '../shapes/guess-mapping.ts';
import { UnreadableFile } from '../unreadable-file.ts';
import { textOf } from './encoding.ts';
import { JsonElements } from './json-elements.ts';
import type { Reader } from './reader.ts';
import { documentOf } from './rows.ts';

/** Up to this many characters an object is parsed whole, which finds rows in more shapes than one list can have. */
const WHOLE_CHARACTERS = 64 * 1024 * 1024;

/**
 * A JSON file: a list of rows, of any length, or an object that holds a list of objects beside other things, is a row itself, or has a row
 * under each key.
 */
export const readJson: Reader = async function* (file, note) {
  const pieces = textOf(file.open(), note, false)[Symbol.asyncIterator]();
  try {
    const held: string[] = [];
    let characters = 0;
    let isList = false;
    let isOver = false;
    while (!isList && characters <= WHOLE_CHARACTERS) {
      const next = await pieces.next();
      if (next.done) {
        isOver = true;
        break;
      }
      held.push(next.value);
      characters += next.value.length;
      isList = /^\s*\[/.test(held[0]!.trimStart() === '' ? held.join('') : held[0]!);
    }
    if (isOver && !isList) {
      const rows = rowsIn(parse(held.join(''), ''));
      if (rows.length === 0) throw noRows();
      for (const [index, row] of rows.entries()) yield documentOf(row, `row ${index + 1}`);
      return;
    }
    let number = 0;
    const elements = new JsonElements();
    const rest = async function* (): AsyncIterable<string> {
      yield* held.splice(0);
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
    };
    for await (const piece of rest()) {
      for (const text of push(elements, piece)) {
        number++;
        yield documentOf(parse(text, `row ${number}: `), `row ${number}`);
      }
    }
    parse(elements.skeleton, '');
    if (number === 0) throw noRows();
  } finally {
    await pieces.return?.();
  }
};

function noRows(): UnreadableFile {
  return new UnreadableFile('There is no list of rows in it.');
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnreadableFile(`It is not JSON (${where}${(error as Error).message}).`);
  }
}

function push(elements: JsonElements, piece: string): string[] {
  try {
    return elements.push(piece);
  } catch (error) {
    if (error instanceof SyntaxError) throw new UnreadableFile(`It is not JSON (${error.message}).`);
    if (error instanceof RangeError) throw new UnreadableFile(`It has ${error.message}. Convert it to JSON Lines, which can be streamed.`);
    throw error;
  }
}

/** Rows of a JSON value that is not a list. */
function rowsIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const values: unknown[] = Object.values(value);
  const lists = values.filter((each) => Array.isArray(each));
  const table = lists.find((list) => typeof list[0] === 'object');
  return table ?? (isRow(value as Record<string, unknown>) ? [value] : (lists[0] ?? values));
}

/** Whether an object's own columns are known ones. */
function isRow(value: Record<string, unknown>): boolean {
  const { mapping, confidence } = guessMapping([value]);
  return mapping !== null && confidence !== 'unsure';
}
