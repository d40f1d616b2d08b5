import { UnreadableFile } from '../unreadable-file.ts';

/** Which encoding of Unicode a file's first bytes tell: by a byte order mark, or by the zeros that UTF-16 has in every other byte. */

export type UnicodeEncoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'utf-32le' | 'utf-32be';

/** Bytes by which UTF-16 without a mark is recognised. */
const START_BYTES = 512;
/** In this part of the pairs one byte is zero where most letters are Latin; texts in other letters need their mark. */
const ZERO_PAIRS = 0.4;
/** The other byte is zero in hardly any: in 😀, for one. */
const STRAY_ZEROS = 0.05;

const MARKS: readonly { encoding: UnicodeEncoding; mark: readonly number[] }[] = [
  { encoding: 'utf-32le', mark: [0xff, 0xfe, 0, 0] }, // before the one that it begins with
  { encoding: 'utf-32be', mark: [0, 0, 0xfe, 0xff] },
  { encoding: 'utf-16le', mark: [0xff, 0xfe] },
  { encoding: 'utf-16be', mark: [0xfe, 0xff] },
  { encoding: 'utf-8', mark: [0xef, 0xbb, 0xbf] },
];

/** @returns the encoding, and how many bytes its mark has. */
export function byteOrderOf(start: Uint8Array): { encoding: UnicodeEncoding; markBytes: number } {
  const marked = MARKS.find(({ mark }) => mark.every((byte, index) => start[index] === byte));
  if (marked) return { encoding: marked.encoding, markBytes: marked.mark.length };
  return { encoding: unmarkedUtf16(start.subarray(0, START_BYTES)) ?? 'utf-8', markBytes: 0 };
}

function unmarkedUtf16(start: Uint8Array): UnicodeEncoding | null {
  const pairs = start.length >> 1;
  const zeros: [number, number] = [0, 0];
  for (let index = 0; index < pairs * 2; index++) if (start[index] === 0) zeros[(index & 1) as 0 | 1]++;
  const isIn = (most: number, fewest: number): boolean => pairs >= 2 && most >= pairs * ZERO_PAIRS && fewest <= pairs * STRAY_ZEROS;
  if (isIn(zeros[1], zeros[0])) return 'utf-16le';
  return isIn(zeros[0], zeros[1]) ? 'utf-16be' : null;
}

/** The stream with a first chunk that is long enough to tell its encoding, as far as it has so many bytes. */
export async function* withWholeStart(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let start: Uint8Array | null = new Uint8Array();
  for await (const chunk of bytes) {
    if (!start) yield chunk;
    else {
      start = start.length === 0 ? chunk : Buffer.concat([start, chunk]);
      if (start.length < START_BYTES) continue;
      yield start;
      start = null;
    }
  }
  if (start && start.length > 0) yield start;
}

/** UTF-32, which the platform does not decode. */
export class Utf32Decoder {
  readonly encoding: 'utf-32le' | 'utf-32be';
  #begun: Uint8Array = new Uint8Array();

  constructor(encoding: 'utf-32le' | 'utf-32be') {
    this.encoding = encoding;
  }

  decode(bytes: Uint8Array): string {
    const all = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const view = new DataView(all.buffer, all.byteOffset, all.length);
    const whole = all.length - (all.length % 4);
    const letters: string[] = [];
    for (let at = 0; at < whole; at += 4) letters.push(letterOf(view.getUint32(at, this.encoding === 'utf-32le')));
    this.#begun = all.slice(whole);
    return letters.join('');
  }

  end(): string {
    if (this.#begun.length > 0) throw notUtf32();
    return '';
  }
}

function letterOf(code: number): string {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw notUtf32();
  return String.fromCodePoint(code);
}

function notUtf32(): UnreadableFile {
  return new UnreadableFile('It has bytes that are not UTF-32 text: it is damaged. Save it as UTF-8 and import it again.');
}
