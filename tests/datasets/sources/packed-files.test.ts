import { appendFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../../main/datasets/readers/read-documents.ts';
import { findFiles } from '../../../main/datasets/sources/find-files.ts';
import { UnreadableFile } from '../../../main/datasets/unreadable-file.ts';
import { textsOf } from '../../support/read-file.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

/** Made by Python's bz2: two lines. */
const BZIP2 = Buffer.from('QlpoOTFBWSZTWW9S/pkAAANXgAAQQAEBAAgADiWcACAAISpoDJtTQpgAC5unMjTZ5IgSE3q+LuSKcKEg3qX9Mg==', 'base64');
const TEXT = 'First line.\nSecond line.';

const folder = useTemporaryFolder();
const lines = Array.from({ length: 50_000 }, (_, index) => `line ${index} ${(index * 7919) % 1009}\n`).join('');

describe('a packed file', () => {
  it('of bzip2 is read, also when several streams stand one after the other', async () => {
    expect(await textsOf(await folder.write('a.txt.bz2', BZIP2))).toEqual([TEXT]);
    expect(await textsOf(await folder.write('b.txt.bz2', Buffer.concat([BZIP2, BZIP2])))).toEqual([`${TEXT}\n${TEXT}`]);
  });

  it('of Zstandard is read, also when several frames stand one after the other', async () => {
    const frames = [zstdCompressSync(`${TEXT}\n`), zstdCompressSync(`${TEXT}\n`)];
    expect(await textsOf(await folder.write('a.txt.zst', frames[0]!))).toEqual([TEXT]);
    expect(await textsOf(await folder.write('b.txt.zst', Buffer.concat(frames)))).toEqual([`${TEXT}\n${TEXT}`]);
  });

  it('of many Zstandard frames, as programs with several threads write them, is read to its end', async () => {
    const parts = Array.from({ length: 300 }, (_, index) => lines.slice(index * 100, (index + 1) * 3000));
    const path = await folder.write('a.jsonl.zst', Buffer.concat(parts.map((part) => zstdCompressSync(JSON.stringify(part) + '\n'))));
    expect((await textsOf(path)).join('') === parts.join('')).toBe(true);
    const cut = Buffer.concat([zstdCompressSync('"one"\n'), zstdCompressSync(JSON.stringify(lines)).subarray(0, -20)]);
    await expect(textsOf(await folder.write('b.jsonl.zst', cut))).rejects.toThrow('The Zstandard data ends too early');
    const followed = Buffer.concat([zstdCompressSync('"one"\n'), Buffer.from('something else')]);
    await expect(textsOf(await folder.write('c.jsonl.zst', followed))).rejects.toThrow('It is not intact Zstandard data');
  });

  it('of two compressions is read', async () => {
    expect(await textsOf(await folder.write('a.txt.zst.gz', gzipSync(zstdCompressSync(TEXT))))).toEqual([TEXT]);
  });

  it.each([
    ...[5, 30, BZIP2.length / 2, BZIP2.length - 6, BZIP2.length - 1].map((end): [string, string, Buffer, string] => [
      `bzip2 cut at byte ${Math.floor(end)}`,
      'a.txt.bz2',
      BZIP2.subarray(0, end),
      'The bzip2 data ends too early: the file is truncated.',
    ]),
    ['bzip2 with changed bytes', 'a.txt.bz2', changed(BZIP2, 40), /^It is not intact bzip2 data \(/],
    ['bzip2 with a wrong checksum', 'a.txt.bz2', changed(BZIP2, -2), /^It is not intact bzip2 data \(/],
    [
      'Zstandard cut short',
      'a.txt.zst',
      zstdCompressSync(lines).subarray(0, -50),
      'The Zstandard data ends too early: the file is truncated.',
    ],
    [
      'Zstandard cut after its header',
      'a.txt.zst',
      zstdCompressSync(lines).subarray(0, 6),
      'The Zstandard data ends too early: the file is truncated.',
    ],
    [
      'Zstandard with changed bytes',
      'a.txt.zst',
      changed(zstdCompressSync(lines, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }), 2000),
      /^(It is not intact Zstandard data|The Zstandard data ends too early)/,
    ],
    ['not bzip2', 'a.txt.bz2', Buffer.from('text'), 'It is named .bz2 but is not bzip2 data.'],
    ['not Zstandard', 'a.txt.zst', Buffer.from('text'), 'It is named .zst but is not Zstandard data.'],
    ['empty', 'a.txt.zst', Buffer.alloc(0), 'The file is empty.'],
    ['bzip2 without its name', 'a.txt', BZIP2, 'It is bzip2 data; name it .bz2.'],
    ['Zstandard without its name', 'a.jsonl', zstdCompressSync(lines), 'It is Zstandard data; name it .zst.'],
  ])('that is %s says so', async (_what, name, content, message) => {
    const read = textsOf(await folder.write(name, content));
    await expect(read).rejects.toThrow(typeof message === 'string' ? new UnreadableFile(message) : message);
    await expect(read).rejects.toBeInstanceOf(UnreadableFile);
  });
});

describe('a file that is not what it was when its reading began', () => {
  async function readWhile(name: string, change: (path: string) => Promise<unknown>): Promise<string> {
    const path = await folder.write(name, lines.repeat(3));
    for await (const each of findFiles([path])) {
      if (each.kind !== 'file') throw new Error('not found');
      let isFirst = true;
      try {
        for await (const _document of readDocuments(each.file)) {
          if (isFirst) await change(path);
          isFirst = false;
        }
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableFile);
        return (error as Error).message;
      }
    }
    return 'read';
  }
  const changedMessage = 'The file changed while it was read. Import it again when nothing writes to it.';

  it.each([
    ['longer', (path: string) => appendFile(path, 'more'), changedMessage],
    ['shorter', (path: string) => truncate(path, 1_000_000), changedMessage],
    ['written again', (path: string) => writeFile(path, lines.repeat(3).toUpperCase()), changedMessage],
    ['replaced', (path: string) => writeFile(`${path}.new`, lines.repeat(3)).then(() => rename(`${path}.new`, path)), changedMessage],
    ['gone', (path: string) => rm(path), 'The file vanished while it was read.'],
    ['the same', () => Promise.resolve(), 'read'],
  ])('is refused: %s', async (_what, change, message) => {
    expect(await readWhile('a.txt', change)).toBe(message);
  });

  it('or vanished before', async () => {
    const path = await folder.write('a.txt', 'x');
    for await (const each of findFiles([path])) {
      await rm(path);
      if (each.kind === 'file')
        await expect(readDocuments(each.file)[Symbol.asyncIterator]().next()).rejects.toThrow('The file vanished after it was found,');
    }
  });
});

it('an error of the machine is no error of the file: it is thrown as it is', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const file = {
    path: 'a.txt',
    name: 'a.txt',
    bytes: null,
    open: async function* (): AsyncIterable<Uint8Array> {
      yield Buffer.from('text');
      throw full;
    },
    onDisk: () => Promise.reject(full),
  };
  for (const name of ['a.txt', 'a.jsonl', 'a.csv', 'a.html', 'a.parquet', 'a.arrow', 'a.docx', 'a.epub', 'a.pdf', 'a.py', 'a.json']) {
    const read = async (): Promise<void> => {
      for await (const _document of readDocuments({ ...file, name })) continue;
    };
    await expect(read(), name).rejects.toBe(full);
  }
});

/** A copy with one byte changed, counted from the end when negative. */
function changed(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index < 0 ? copy.length + index : index]! ^= 0xff;
  return copy;
}
