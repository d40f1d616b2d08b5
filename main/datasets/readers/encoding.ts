import { isAscii, isUtf8 } from 'node:buffer';
import { analyse } from 'chardet';
import { UnreadableFile } from '../unreadable-file.ts';
import { BinaryCheck } from './binary-check.ts';
import { lineEnds, MixedLines } from './mixed-lines.ts';
import { byteOrderOf, Utf32Decoder, withWholeStart } from './byte-order.ts';
import type { Note } from './reader.ts';

/**
 * Text from bytes: UTF-8, or UTF-16 or UTF-32 where the first bytes say so. Otherwise, where the format leaves it open, the encoding is guessed at
 * the first bytes that are not UTF-8: everything before them was ASCII, which all encodings share, so nothing has to be read twice. Bytes
 * that are not UTF-8 after letters that were are no other encoding but a damaged or mixed file: it is read line by line where most of its lines
 * are UTF-8, and refused otherwise.
 */

/** Bytes looked at to guess an encoding. */
const SAMPLE_BYTES = 64 * 1024;

/** Below this the library only says which encodings are possible. */
const LEAST_CONFIDENCE = 20;

/** What a text in an unknown encoding of one byte a letter most often is. */
const COMMONEST = 'windows-1252';

/**
 * The text of a stream, in pieces.
 * @param guesses whether an encoding may be guessed; formats that are UTF-8 by definition do not.
 * @throws UnreadableFile when it is binary or cannot be decoded.
 */
export async function* textOf(bytes: AsyncIterable<Uint8Array>, note: Note, guesses = true): AsyncIterable<string> {
  let decoder: Decoder | null = null;
  for await (const chunk of withWholeStart(bytes)) {
    const isFirst: boolean = decoder === null;
    decoder ??= decoderFor(chunk, note, guesses);
    const text = decoder.decode(isFirst ? chunk.subarray(byteOrderOf(chunk).markBytes) : chunk);
    if (text !== '') yield text;
  }
  const last = decoder?.end() ?? '';
  if (last !== '') yield last;
}

/** Bytes as UTF-8 without a mark: those of UTF-16 in UTF-8, others as they are. */
export async function* utf8Of(bytes: AsyncIterable<Uint8Array>, note: Note): AsyncIterable<Uint8Array> {
  let decoder: Decoder | null = null;
  let isFirst = true;
  const check = new BinaryCheck();
  for await (const chunk of withWholeStart(bytes)) {
    const order = isFirst ? byteOrderOf(chunk) : null;
    const rest = chunk.subarray(order?.markBytes ?? 0);
    isFirst = false;
    if (order && order.encoding !== 'utf-8') decoder = decoderFor(chunk, note, false);
    if (decoder) yield Buffer.from(decoder.decode(rest));
    else {
      check.add(rest);
      yield rest;
    }
  }
  if (decoder) yield Buffer.from(decoder.end());
}

/** The text of whole bytes; an encoding that the file itself names is taken where they are not UTF-8. */
export async function wholeTextOf(bytes: Uint8Array, note: Note, declared: string | null = null): Promise<string> {
  const { encoding, markBytes } = byteOrderOf(bytes);
  if (encoding === 'utf-8' && declared !== null && !isUtf8(bytes)) {
    new BinaryCheck().add(bytes);
    const decoder = new FixedDecoder(declared);
    note(`Read as ${nameOf(decoder.encoding)}, as it says itself.`);
    return decoder.decode(bytes.subarray(markBytes)) + decoder.end();
  }
  const parts: string[] = [];
  const once = async function* (): AsyncIterable<Uint8Array> {
    if (bytes.length > 0) yield bytes;
  };
  for await (const part of textOf(once(), note)) parts.push(part);
  return parts.join('');
}

interface Decoder {
  decode(bytes: Uint8Array): string;
  end(): string;
}

function decoderFor(start: Uint8Array, note: Note, guesses: boolean): Decoder {
  const { encoding } = byteOrderOf(start);
  if (encoding === 'utf-8') return new Utf8Decoder(note, guesses);
  note(`Read as ${nameOf(encoding)}.`);
  return new WideDecoder(encoding === 'utf-32le' || encoding === 'utf-32be' ? new Utf32Decoder(encoding) : new FixedDecoder(encoding));
}

/** Encodings of several bytes a letter: what is binary shows only in what comes out. */
class WideDecoder implements Decoder {
  readonly #check = new BinaryCheck();
  readonly #decoder: Decoder;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  decode(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes);
    this.#check.add(Buffer.from(text));
    return text;
  }

  end(): string {
    return this.#decoder.end();
  }
}

/** An encoding that is known. */
class FixedDecoder implements Decoder {
  readonly encoding: string;
  readonly #decoder: InstanceType<typeof TextDecoder>;

  constructor(encoding: string) {
    this.#decoder = new TextDecoder(encoding, { fatal: true });
    this.encoding = this.#decoder.encoding;
  }

  decode(bytes: Uint8Array): string {
    return this.#refusing(() => this.#decoder.decode(bytes, { stream: true }));
  }

  end(): string {
    return this.#refusing(() => this.#decoder.decode());
  }

  #refusing(decode: () => string): string {
    try {
      return decode();
    } catch {
      throw new UnreadableFile(
        `It has bytes that are not ${nameOf(this.encoding)} text: it is damaged, or of another encoding. Save it as UTF-8 and import it again.`,
      );
    }
  }
}

/** UTF-8 for as long as it is. */
class Utf8Decoder implements Decoder {
  readonly #note: Note;
  readonly #guesses: boolean;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  /** The begun character at the end of the bytes so far. */
  #begun: Uint8Array = new Uint8Array();
  #offset = 0;
  #isAscii = true;
  readonly #check = new BinaryCheck();
  #lines = 0;
  #guessed: Decoder | null = null;

  constructor(note: Note, guesses: boolean) {
    this.#note = note;
    this.#guesses = guesses;
  }

  decode(bytes: Uint8Array): string {
    this.#check.add(bytes);
    if (this.#guessed) return this.#guessed.decode(bytes);
    const all = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const whole = all.length - begunBytes(all);
    const text = this.#decodeWhole(all.subarray(0, whole), all);
    if (this.#guessed) return text;
    // A copy: whoever gave the bytes may use them again.
    this.#begun = all.slice(whole);
    this.#offset += whole;
    return text;
  }

  end(): string {
    if (this.#guessed) return this.#guessed.end();
    if (this.#begun.length === 0) return '';
    const text = this.#otherEncoding(this.#begun);
    return text + this.#guessed!.end();
  }

  #decodeWhole(bytes: Uint8Array, all: Uint8Array): string {
    const isAsciiPart = isAscii(bytes);
    try {
      const text = this.#decoder.decode(bytes);
      this.#isAscii &&= isAsciiPart;
      this.#lines += lineEnds(bytes);
      return text;
    } catch {
      return this.#otherEncoding(all);
    }
  }

  /** Everything from these bytes on in the encoding that they look like. */
  #otherEncoding(bytes: Uint8Array): string {
    const isBegun = !this.#isAscii || isMostlyUtf8(bytes);
    if (!this.#guesses || isBegun) {
      const place = `There are other bytes at byte ${this.#offset + firstWrong(bytes)}.`;
      const refusal = new UnreadableFile(
        `It is not UTF-8 text${isBegun ? ', though most of it is' : ''}. ${place} Save it as UTF-8 and import it again.`,
      );
      if (!this.#guesses) throw refusal;
      this.#guessed = new MixedLines(this.#note, this.#lines, refusal);
    } else {
      const guessed = new FixedDecoder(guess(bytes));
      this.#note(`Read as ${nameOf(guessed.encoding)}, guessed from its bytes.`);
      this.#guessed = guessed;
    }
    return this.#guessed.decode(bytes);
  }
}

/** How many bytes at the end begin a character of UTF-8 that is not over yet. */
function begunBytes(bytes: Uint8Array): number {
  for (let count = 1; count <= Math.min(3, bytes.length); count++) {
    const byte = bytes[bytes.length - count]!;
    if (byte >> 6 === 0b10) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > count && byte < 0xf8 ? count : 0;
  }
  return 0;
}

/** The place of the first bytes that are not UTF-8. */
function firstWrong(bytes: Uint8Array): number {
  let [right, wrong] = [0, bytes.length];
  while (wrong - right > 1) {
    const middle = (right + wrong) >> 1;
    const part = bytes.subarray(0, middle);
    if (isUtf8(part.subarray(0, middle - begunBytes(part)))) right = middle;
    else wrong = middle;
  }
  return Math.max(0, wrong - 1);
}

/**
 * Whether at least half of the letters beyond ASCII are UTF-8: then the others are damage, or of a second encoding. A few are by chance in
 * any other encoding.
 */
function isMostlyUtf8(bytes: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, SAMPLE_BYTES + firstWrong(bytes)));
  const beyond = text.match(/[^\0-\x7f]/gu) ?? [];
  return beyond.filter((letter) => letter !== '\ufffd').length * 2 >= beyond.length;
}

/** The encoding that bytes look like: the library's best guess that decodes them, else the commonest. */
function guess(bytes: Uint8Array): string {
  const start = Math.max(0, bytes.findIndex((byte) => byte >= 0x80) - SAMPLE_BYTES / 2);
  const sample = bytes.subarray(start, start + SAMPLE_BYTES);
  const controls = sample.reduce((count, byte) => count + Number(byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d) && byte !== 0x1b), 0);
  if (controls > sample.length / 200) throw new UnreadableFile('It is a binary file, not text.');
  for (const { name, confidence } of analyse(sample)) {
    if (confidence >= LEAST_CONFIDENCE && !/^(utf|ascii)/i.test(name) && decodes(name, sample)) return name;
  }
  return COMMONEST;
}

function decodes(name: string, sample: Uint8Array): boolean {
  try {
    new TextDecoder(name, { fatal: true }).decode(sample, { stream: true });
    return true;
  } catch {
    return false; // a name that is not known here, or bytes that are not of it
  }
}

/** An encoding's name as people write it. */
function nameOf(encoding: string): string {
  return encoding
    .replace(/^windows/, 'Windows')
    .replace(/^(utf|iso|euc|koi8|gbk?)(-\w+)*/, (name) => name.toUpperCase())
    .replace(/^UTF-(16|32)/, 'UTF-$1 ')
    .replace(/^big/, 'Big')
    .replace(/^shift_jis$/, 'Shift JIS');
}
