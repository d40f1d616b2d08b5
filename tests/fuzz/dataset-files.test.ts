import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { threadedReader } from '../../main/datasets/readers/threaded.ts';
import { formatOf } from '../../main/datasets/readers/formats.ts';
import { readDocuments } from '../../main/datasets/readers/read-documents.ts';
import { findFiles } from '../../main/datasets/sources/find-files.ts';
import { UnreadableFile } from '../../main/datasets/unreadable-file.ts';
import { StrataError } from '../../shared/errors.ts';
import { docxOf, epubOf, pdfOf } from '../support/documents.ts';
import { fuzz, FUZZ_TIMEOUT_MS } from '../support/fuzz.ts';
import { FUZZ_CASES, mutate } from '../support/mutate.ts';
import { tarOf } from '../support/tar.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { zipOf } from '../support/zip-archive.ts';

const folder = useTemporaryFolder();
/** Seventeen kinds of file, some of them decoded on a thread that damage may end. */
const CASES = Math.ceil(FUZZ_CASES / 10);
const rows = Array.from({ length: 40 }, (_, index) => ({ text: `Row ${index} with ü and 日本`, tags: ['a', 'b'], id: index }));
const lines = rows.map((row) => JSON.stringify(row) + '\n').join('');
const members = { 'a.jsonl': lines, 'part/b.txt': 'One text.\n\nAnother.', 'c.csv': 'text,id\n"a ""b""",1\n' };
const bzip2 = Buffer.from('QlpoOTFBWSZTWW9S/pkAAANXgAAQQAEBAAgADiWcACAAISpoDJtTQpgAC5unMjTZ5IgSE3q+LuSKcKEg3qX9Mg==', 'base64');

it.each([
  ['a.txt', () => Buffer.from(`Grüße.\n<|endoftext|>\n${lines}`)],
  ['a.jsonl', () => Buffer.from(lines)],
  ['a.json', () => Buffer.from(JSON.stringify({ version: 1, rows }))],
  ['a.csv', () => Buffer.from('text;id\n"a ""quoted"" text";1\nb;2\n'.repeat(20))],
  [
    'a.html',
    () =>
      Buffer.from(
        '<html><head><meta charset="utf-8"></head><body><p>A <b>text</b> &amp; more</p><table><tr><td>x</td></tr></table></body></html>',
      ),
  ],
  ['a.py', () => Buffer.from('def f():\n    return "ü"\n')],
  ['a.jsonl.gz', () => gzipSync(lines)],
  ['a.jsonl.zst', () => zstdCompressSync(lines)],
  ['a.txt.bz2', () => bzip2],
  ['a.zip', () => zipOf(members)],
  ['a.tar', () => tarOf(Object.entries(members).map(([name, content]) => ({ name, content })))],
  ['a.docx', () => docxOf(['One paragraph.', 'Another.'])],
  ['a.epub', () => epubOf(['<p>one</p>', '<p>two</p>'])],
  ['a.pdf', () => pdfOf(['one line', 'another'])],
  [
    'a.parquet',
    () =>
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: 'text', data: rows.map(({ text }) => text), type: 'STRING' },
            { name: 'id', data: rows.map(({ id }) => id), type: 'INT32' },
          ],
        }),
      ),
  ],
  ['a.arrow', () => Buffer.from(tableToIPC(tableFromArrays({ text: rows.map(({ text }) => text), id: rows.map(({ id }) => id) }), 'file'))],
  ['stream.arrow', () => Buffer.from(tableToIPC(tableFromArrays({ text: rows.map(({ text }) => text) }), 'stream'))],
])(
  'damaged files are read or refused, each with a sentence: %s',
  async (name, make) => {
    const whole = await make();
    await readAll(await folder.write(name, whole), WARM_UP_MS); // loads the libraries
    const { read, refused } = await fuzz(async (seed) => {
      try {
        await readAll(await folder.write(name, mutate(whole, seed)));
      } catch (error) {
        if (!(error instanceof UnreadableFile)) throw error;
        throw new StrataError('BAD_INPUT', error.message);
      }
    }, CASES);
    expect(read + refused).toBeGreaterThan(0);
    expect(refused, 'some damage is seen').toBeGreaterThan(0);
  },
  FUZZ_TIMEOUT_MS,
);

/** A damaged file that is decoded on a thread is given up when nothing comes of it; here sooner than for a user. */
const STALL_MS = 800;
/** A busy machine takes longer than that to start a thread and load a library. */
const WARM_UP_MS = 60_000;

async function readAll(path: string, stallMs = STALL_MS): Promise<void> {
  for await (const found of findFiles([path])) {
    if (found.kind !== 'file') throw new UnreadableFile(found.reason);
    const format = formatOf(found.file.name);
    const documents =
      format === 'parquet' || format === 'arrow' || format === 'pdf'
        ? threadedReader(format, stallMs)(found.file, () => undefined)
        : readDocuments(found.file);
    for await (const _document of documents) continue;
  }
}
