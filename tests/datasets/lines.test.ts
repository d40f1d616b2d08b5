import { describe, expect, it } from 'vitest';
import { linesOf } from '../../main/datasets/lines.ts';

/** Lines of bytes that arrive in pieces of a given size. */
async function linesIn(content: string | Uint8Array, chunkBytes = Infinity, maxLineBytes?: number): Promise<string[]> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  async function* chunks(): AsyncIterable<Uint8Array> {
    for (let start = 0; start < bytes.length; start += chunkBytes) yield bytes.subarray(start, Math.min(start + chunkBytes, bytes.length));
  }
  const lines: string[] = [];
  for await (const line of linesOf(chunks(), maxLineBytes)) lines.push(line);
  return lines;
}

describe('linesOf', () => {
  it('splits at line feeds, with or without one at the end, and keeps empty lines', async () => {
    expect(await linesIn('one\n\n two \n')).toEqual(['one', '', ' two ']);
    expect(await linesIn('one\n\n two ')).toEqual(['one', '', ' two ']);
    expect(await linesIn('')).toEqual([]);
    expect(await linesIn('\n')).toEqual(['']);
  });

  it('drops a carriage return in front of a line feed, and no other', async () => {
    expect(await linesIn('one\r\ntwo\r\r\nth\rree\r\n')).toEqual(['one', 'two\r', 'th\rree']);
  });

  it("splits at none of Unicode's other line separators, which JSON strings may contain", async () => {
    const line = '{"text":"a\u2028b\u2029c\u0085d\u000be\u000cf"}';
    expect(await linesIn(`${line}\n${line}`)).toEqual([line, line]);
  });

  it('drops a byte order mark at the start of the file only', async () => {
    expect(await linesIn('\ufeffone\n\ufefftwo')).toEqual(['one', '\ufefftwo']);
    expect(await linesIn('\ufeff')).toEqual(['']);
  });

  it('gives the same lines however the bytes are cut into pieces', async () => {
    const text = '\ufeffäöü 😀\r\n\r\n日本語 text\n👩‍👩‍👧‍👦 end';
    const expected = ['äöü 😀', '', '日本語 text', '👩‍👩‍👧‍👦 end'];
    for (const chunkBytes of [1, 2, 3, 5, 7, 64]) expect(await linesIn(text, chunkBytes), `pieces of ${chunkBytes}`).toEqual(expected);
  });

  it('joins a line that is longer than many pieces', async () => {
    const long = 'x'.repeat(300_000);
    expect(await linesIn(`${long}\nshort`, 65_536)).toEqual([long, 'short']);
  });

  it.each([
    ['a byte that never occurs', [0x61, 0xff, 0x62]],
    ['a Latin-1 umlaut', [0x66, 0xfc, 0x72]],
    ['a character that ends too early', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
  ])('refuses %s, with the byte at which the line starts', async (_what, bytes) => {
    const good = Buffer.from('\ufeffgood ü\r\n\nalso good\n');
    for (const chunkBytes of [1, 1000]) {
      await expect(linesIn(Buffer.concat([good, Buffer.from(bytes), Buffer.from('\nmore')]), chunkBytes)).rejects.toThrow(
        new TypeError(`bytes that are not UTF-8 in the line that starts at byte ${good.length}`),
      );
    }
  });

  it('stops at a line over the limit, before it is held whole', async () => {
    let taken = 0;
    async function* endless(): AsyncIterable<Uint8Array> {
      yield Buffer.from('fine\n');
      for (; ; taken++) yield Buffer.alloc(1000, 'x');
    }
    const lines: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const line of linesOf(endless(), 10_000)) lines.push(line);
    };
    await expect(reading()).rejects.toThrow(new RangeError('a line of more than 10000 bytes, which starts at byte 5'));
    expect({ lines, taken }).toEqual({ lines: ['fine'], taken: 10 });
    expect(await linesIn(`${'x'.repeat(10_000)}\ny`, 100, 10_000)).toHaveLength(2);
  });
});
