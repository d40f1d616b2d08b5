import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawDocumentsOf, rowsOf, textsOf } from '../support/read-file.ts';
import { python } from './sides.ts';

/** Files of every format, written by the libraries that people write them with, hold for us what they hold for them. */

let folder: string;
let written: { rows: { text: string; id: number }[]; texts: Record<string, string> };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-formats-'));
  written = JSON.parse(await python('datasets_formats.py', folder)) as typeof written;
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const KINDS = ['poem', 'prose', null];

it.each([
  'rows.jsonl.gz',
  'rows.jsonl.bz2',
  'streams.jsonl.bz2',
  'rows.jsonl.zst',
  'frames.jsonl.zst',
  'deflated.zip',
  'stored.zip',
  'zip64.zip',
])('packed rows: %s', async (name) => {
  expect(await rowsOf(join(folder, name))).toEqual(written.rows);
});

it.each(['gnu.tar', 'pax.tar.gz', 'ustar.tar.bz2'])('rows in an archive: %s', async (name) => {
  expect(await rowsOf(join(folder, name))).toEqual(written.rows);
});

it('a zip archive that uses bzip2 says so', async () => {
  await expect(rowsOf(join(folder, 'bzip2.zip'))).rejects.toThrow('It is packed with bzip2; Strata unpacks Deflate');
});

it.each([
  ['rows.csv', []],
  ['excel.csv', ['Its columns are separated by semicolons.']],
  ['rows.tsv', ['Read as UTF-16 LE.']],
])('a table: %s', async (name, expectedNotes) => {
  const notes: string[] = [];
  expect(await rowsOf(join(folder, name), notes)).toEqual(written.rows.map(({ text, id }) => ({ text, id: String(id) })));
  expect(notes).toEqual(expectedNotes);
});

describe('columns', () => {
  it.each(['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'v2'].map((name) => `${name}.parquet`))('of Parquet: %s', async (name) => {
    expect(await rowsOf(join(folder, name))).toEqual(written.rows.map((row) => ({ ...row, kind: KINDS[row.id % 3] })));
  });

  it.each(['uncompressed.feather', 'lz4.feather', 'zstd.feather', 'stream.arrow'])('of Arrow: %s', async (name) => {
    expect(await rowsOf(join(folder, name))).toEqual(written.rows.map((row) => ({ ...row, kind: KINDS[row.id % 3] })));
  });

  it.each([
    ['nested.parquet', '2024-05-01T12:00:00.000Z'],
    ['nested.feather', Date.UTC(2024, 4, 1, 12)],
  ])('that are nested or missing: %s', async (name, when) => {
    const notes: string[] = [];
    expect(await rowsOf(join(folder, name), notes)).toEqual([
      {
        messages: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello 😀' },
        ],
        tags: ['a', null],
        meta: { when, score: 0.5, big: (2n ** 60n).toString() },
        raw: null,
        missing: null,
      },
      { messages: [], tags: null, meta: null, raw: 'text', missing: null },
    ]);
    expect(notes).toEqual(['Columns of bytes were taken for text where they are UTF-8, and left empty elsewhere: raw.']);
  });

  it('of the newer kinds of text', async () => {
    expect(await rowsOf(join(folder, 'large.arrow'))).toEqual([
      { text: 'one', view: 'kurz' },
      { text: null, view: 'a text too long for its view' },
      { text: 'drei', view: null },
    ]);
  });

  it('of the first version of Feather are named', async () => {
    await expect(rowsOf(join(folder, 'first-version.feather'))).rejects.toThrow(
      'It is a Feather file of the first version, which Strata does not read.',
    );
  });
});

describe('documents', () => {
  it('of Word', async () => {
    const text = 'A heading\n\nFirst paragraph with ü and 日本.\n\nSecond paragraph.\n\nleft cell\n\nright cell';
    expect(await textsOf(join(folder, 'a.docx'))).toEqual([text]);
  });

  it('of EPUB, in the order of the spine', async () => {
    expect(await rawDocumentsOf(join(folder, 'a.epub'))).toEqual([
      { kind: 'text', title: 'A book', text: 'Chapter 1\n\nWords of chapter\u00a01 & more.' },
      { kind: 'text', title: 'A book', text: 'Chapter 2\n\nWords of chapter\u00a02 & more.' },
    ]);
  });

  it.each(['a.pdf', 'owned.pdf'])('of PDF, with cut words mended: %s', async (name) => {
    expect(await textsOf(join(folder, name))).toEqual([
      'The first line ends with a hyphenated word. Well-\nKnown names keep theirs.\n\nAnother paragraph is cut by the page. The end.',
    ]);
  });

  it.each([
    ['locked.pdf', 'It is protected by a password. Save it without one and import it again.'],
    ['pictures.pdf', 'It has no text layer: its 2 pages are pictures. Recognise its text (OCR) and import the result.'],
  ])('that have no text for us: %s', async (name, message) => {
    await expect(textsOf(join(folder, name))).rejects.toThrow(message);
  });
});

it.each([
  ['windows-1252', 'Read as Windows-1252, guessed from its bytes.'],
  ['windows-1251', 'Read as Windows-1251, guessed from its bytes.'],
  ['shift_jis', 'Read as Shift JIS, guessed from its bytes.'],
  ['gb18030', 'Read as GB18030, guessed from its bytes.'],
  ['euc_kr', 'Read as EUC-KR, guessed from its bytes.'],
  ['utf-16', 'Read as UTF-16 LE.'],
])('a text in %s', async (encoding, note) => {
  const notes: string[] = [];
  expect((await textsOf(join(folder, `${encoding}.txt`), notes)).join('')).toBe(written.texts[encoding]);
  expect(notes).toEqual([note]);
});

it('a page in the encoding that it names', async () => {
  const notes: string[] = [];
  expect(await textsOf(join(folder, 'declared.html'), notes)).toEqual([
    written.texts['windows-1251']!.slice(0, written.texts['windows-1251']!.length / 20).trim(),
  ]);
  expect(notes[0]).toBe('Read as Windows-1251, as it says itself.');
});
