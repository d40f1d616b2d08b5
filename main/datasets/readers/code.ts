import { wholeTextOf } from './encoding.ts';
import type { Reader } from './reader.ts';
import { wholeBytes } from './whole.ts';

/** No person wrote more into one file. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A source file is one document: half a function teaches little. */
export const readCode: Reader = async function* (file, note) {
  const text = await wholeTextOf(await wholeBytes(file, MAX_BYTES, 'a source file'), note);
  yield { kind: 'text', text: text.replaceAll('\r\n', '\n'), title: file.name };
};
