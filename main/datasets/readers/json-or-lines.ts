import { byteOrderOf } from './byte-order.ts';
import { readJson } from './json.ts';
import { readJsonLines } from './jsonl.ts';
import type { Reader } from './reader.ts';

/** So much is held to see the first line; a longer one is not the first of many. */
const MAX_START_BYTES = 16 * 1024 * 1024;
const LINE_FEED = 0x0a;

/** JSON and JSON Lines under either's name, which programs mix up: what the first line is tells. */
export const readJsonOrLines: Reader = async function* (file, note) {
  const chunks = file.open()[Symbol.asyncIterator]();
  try {
    const held: Uint8Array[] = [];
    let bytes = 0;
    let first: FirstLine | null = null;
    while (!first?.isFollowed && bytes <= MAX_START_BYTES) {
      const next = await chunks.next();
      if (next.done) break;
      held.push(next.value);
      bytes += next.value.length;
      // Only where a line ends can there be more to see.
      if (first === null || next.value.includes(LINE_FEED)) first = firstLineOf(Buffer.concat(held));
    }
    const whole = async function* (): AsyncIterable<Uint8Array> {
      yield* held.splice(0);
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    };
    const isNamedLines = /\.(jsonl|ndjson)$/i.test(file.name);
    const read = areLines(first, isNamedLines) ? readJsonLines : readJson;
    yield* read({ ...file, open: whole }, note);
  } finally {
    await chunks.return?.();
  }
};

/** The first line that is not blank, as far as it is held, and whether one that is not blank follows. */
interface FirstLine {
  text: string;
  isFollowed: boolean;
}

function firstLineOf(bytes: Uint8Array): FirstLine {
  const { encoding, markBytes } = byteOrderOf(bytes);
  const text = new TextDecoder(encoding.startsWith('utf-32') ? 'utf-8' : encoding).decode(bytes.subarray(markBytes)).trimStart();
  const end = text.indexOf('\n');
  return end === -1 ? { text, isFollowed: false } : { text: text.slice(0, end), isFollowed: text.slice(end).trimStart() !== '' };
}

/** A whole row before another line makes JSON Lines of any file; a list that does not end on its line, or has no line after it, is JSON. */
function areLines(first: FirstLine | null, isNamedLines: boolean): boolean {
  if (first === null) return isNamedLines;
  const isWhole = first.isFollowed && isJson(first.text);
  return first.text.startsWith('[') ? isNamedLines && isWhole : isNamedLines || isWhole;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
