import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { UnreadableFile } from '../../../main/datasets/unreadable-file.ts';
import { docxOf, epubOf, pdfOf } from '../../support/documents.ts';
import { rawDocumentsOf, rowsOf, textsOf } from '../../support/read-file.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';
import { zipOf } from '../../support/zip-archive.ts';

const folder = useTemporaryFolder();

async function refusalOf(name: string, content: string | Uint8Array): Promise<string> {
  const error: unknown = await rawDocumentsOf(await folder.write(name, content)).then(
    () => expect.fail('it was read'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UnreadableFile);
  return (error as Error).message;
}

const words = (count: number, what: string): string =>
  Array.from({ length: count }, (_, index) => `${what} ${index}, and so on.`).join(' ');

describe('a page', () => {
  it('gives its main text, without menus, scripts and addresses of links', async () => {
    const paragraphs = [1, 2, 3].map((number) => `<p>${words(30, `Sentence ${number}`)} <a href="https://example.com/x">A link</a>.</p>`);
    const html = `<!doctype html><html><head><title>The title</title><style>p{}</style></head><body><nav><a href="/a">Home</a><a href="/b">News</a></nav><article><h1>The title</h1>${paragraphs.join('')}<script>alert(1)</script></article><footer>Imprint</footer></body></html>`;
    const notes: string[] = [];
    const documents = await rawDocumentsOf(await folder.write('a.html', html), notes);
    const text = documents.map((each) => (each.kind === 'text' ? each.text : '')).join('\n');
    expect(documents[0]).toMatchObject({ kind: 'text', title: 'The title' });
    expect(text).toContain(`${words(30, 'Sentence 2')} A link.`);
    for (const other of ['Home', 'Imprint', 'alert', 'example.com', '<']) expect(text).not.toContain(other);
    expect(notes).toEqual([]);
  });

  it('without a main text gives all of it, and says so', async () => {
    const notes: string[] = [];
    const path = await folder.write(
      'a.htm',
      '<title>t</title><ul><li>One &amp; two</li><li>three</li></ul><table><tr><td>a</td><td>b</td></tr></table>',
    );
    expect(await textsOf(path, notes)).toEqual([expect.stringMatching(/^\* One & two\n \* three\n\na +b$/)]);
    expect(notes).toEqual(['No main text was found in the page; all of its text was taken.']);
  });

  it('is not cut, however long', async () => {
    const text = words(100_000, 'Word');
    const texts = await textsOf(await folder.write('a.html', `<body>${text}</body>`));
    expect(texts.join('').replace(/\s+/g, ' ')).toBe(text);
  });

  it('that is empty, too deep or too large says so', async () => {
    expect(await refusalOf('a.html', '<html><body><script>x</script></body></html>')).toBe('There is no text in it.');
    expect(await refusalOf('b.html', Buffer.alloc(17 * 1024 * 1024, '<p>x</p>'))).toBe(
      'It is a page of over 16 MB, which has to be held whole. Split it and import the parts.',
    );
    const deep = await textsOf(await folder.write('c.html', `${'<div>'.repeat(20_000)}deep`)).catch((error: Error) => error);
    expect(deep instanceof UnreadableFile || (Array.isArray(deep) && deep[0] === 'deep')).toBe(true);
  });
});

describe('a document', () => {
  it('of Word, EPUB and PDF', async () => {
    expect(await textsOf(await folder.write('a.docx', await docxOf(['First &amp; ü', 'second'])))).toEqual(['First & ü\n\nsecond']);
    expect(await rawDocumentsOf(await folder.write('a.epub', await epubOf(['<p>one</p>', '<p>two</p>'])))).toEqual([
      { kind: 'text', title: 'Title', text: 'one' },
      { kind: 'text', title: 'Title', text: 'two' },
    ]);
    const notes: string[] = [];
    expect(await textsOf(await folder.write('a.pdf', pdfOf(['A cut syl-', '', 'lable'])), notes)).toEqual(['A cut syllable']);
    expect(notes).toEqual(['1 of 3 pages have no text layer; they may be pictures.']);
  });

  it('of many pages or paragraphs is cut into sections and loses nothing', async () => {
    const paragraphs = Array.from({ length: 300 }, (_, index) => words(5, `Paragraph ${index}`));
    const sections = await textsOf(await folder.write('a.docx', await docxOf(paragraphs)));
    expect(sections.length).toBeGreaterThan(5);
    expect(sections.join('\n')).toBe(paragraphs.join('\n\n'));
    const pages = await textsOf(await folder.write('a.pdf', pdfOf(paragraphs)));
    expect(pages.length).toBeGreaterThan(3);
    expect(pages.join('\n')).toBe(paragraphs.join('\n'));
  });

  it.each([
    ['a.docx', async () => (await docxOf(['x'])).subarray(0, -40), /^It is not a zip archive, or it ends too early/],
    ['b.docx', () => zipOf({ 'a.txt': 'x' }), /^It is not an intact Word document \(/],
    ['c.docx', () => docxOf([' '.repeat(70_000_000)]), /^(Its text has over 64 MB inside|It unpacks to more than 1,000 times)/],
    ['d.docx', () => Buffer.from('plain text'), /^It is named \.docx but is not Word\.$/],
    [
      'e.docx',
      () => Buffer.from('d0cf11e0a1b11ae1', 'hex'),
      /^It is an old Word or Excel file, or one with a password, which Strata does not read\./,
    ],
    ['a.epub', () => zipOf({ 'a.txt': 'x' }), /^It lacks META-INF\/container\.xml/],
    ['b.epub', () => epubOf([]), /^There is no chapter in it\.$/],
    ['c.epub', async () => renamedMember(await epubOf(['<p>x</p>'])), /^It lacks book\/c 1\.xhtml, which its table of contents names\.$/],
    [
      'd.epub',
      () => epubOf(['<p>x</p>'], { 'META-INF/encryption.xml': '<encryption><enc:CipherReference URI="book/c%201.xhtml"/></encryption>' }),
      /^It is protected against copying \(DRM\); it cannot be read\.$/,
    ],
    ['a.pdf', () => Buffer.from('plain text'), /^It is not an intact PDF file \(/],
    ['b.pdf', () => pdfOf(['x', 'y']).subarray(0, 100), /^It is not an intact PDF file \(/],
    ['c.pdf', () => pdfOf(['', '']), /^It has no text layer: its 2 pages are pictures\./],
  ])('that cannot be read says why: %s', async (name, make, message) => {
    expect(await refusalOf(name, await make())).toMatch(message);
  });
});

function renamedMember(book: Buffer): Buffer {
  return Buffer.from(book.toString('latin1').replaceAll('book/c 1.xhtml', 'book/c_1.xhtml'), 'latin1');
}

describe('a table', () => {
  it.each([
    ['commas', 'text,id\n"one, two",1\n', []],
    ['semicolons', 'text;id\n"one, two";1\n', ['Its columns are separated by semicolons.']],
    ['tabs', 'text\tid\none, two\t1\n', ['Its columns are separated by tabs.']],
    ['bars', '\n"text"|id\r\none, two|1\r\n', ['Its columns are separated by vertical bars.']],
  ])('separated by %s', async (_what, content, expected) => {
    const notes: string[] = [];
    expect(await rowsOf(await folder.write('a.csv', content), notes)).toEqual([{ text: 'one, two', id: '1' }]);
    expect(notes).toEqual(expected);
  });

  it('of one column, with line feeds in texts, columns without a name and with the same one', async () => {
    expect(await rowsOf(await folder.write('a.csv', '\ufefftext\n"first\n""line"""\nsecond\n'))).toEqual([
      { text: 'first\n"line"' },
      { text: 'second' },
    ]);
    expect(await rowsOf(await folder.write('b.tsv', 'text\t\ttext\na\tb\tc\n'))).toEqual([{ text: 'a', 'column 2': 'b', 'text (2)': 'c' }]);
  });

  it.each([
    ['text,id\n"open,1\nx,2\n', /^In the row of line 2 a quote is opened and never closed: it would swallow the rest\./],
    ['text,id\n"a\nb",1\nc,2\n"open,1\nx,2\n', /^In the row of line 5 a quote is opened and never closed/],
    ['text,id\nb\n', /^Line 2: the row has more or fewer values than the first row has names \(.+\)\.$/],
    ['text,id\na,1,2\n', /^Line 2: the row has more or fewer values/],
    ['text,id\n', /^There is no text in it\.$/],
    ['a\0\0b,c\n', /^It is a binary file, not text\.$/],
  ])('that is broken throughout, or whose end is lost, names the line: %j', async (content, message) => {
    expect(await refusalOf('a.csv', content)).toMatch(message);
  });
});

describe('columns', () => {
  const texts = Array.from({ length: 20_000 }, (_, index) => words(10, `Row ${index}`));

  it('of Parquet, in parts of row groups', async () => {
    const buffer = parquetWriteBuffer({ columnData: [{ name: 'text', data: texts, type: 'STRING' }], rowGroupSize: 7000 });
    expect((await rowsOf(await folder.write('a.parquet', new Uint8Array(buffer)))).map(({ text }) => text)).toEqual(texts);
  });

  it('of Arrow, as a file and as a stream', async () => {
    const table = tableFromArrays({ text: texts.slice(0, 1000) });
    for (const form of ['file', 'stream'] as const)
      expect((await rowsOf(await folder.write(`${form}.arrow`, tableToIPC(table, form)))).map(({ text }) => text)).toEqual(
        texts.slice(0, 1000),
      );
  });

  const parquet = Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'text', data: texts.slice(0, 1000), type: 'STRING' }] }));
  const arrow = Buffer.from(tableToIPC(tableFromArrays({ text: texts.slice(0, 1000) }), 'file'));
  it.each([
    ['a.parquet', parquet.subarray(0, -100), /^It is not (a|an intact) Parquet file/],
    ['b.parquet', parquet.subarray(0, 2000), /^It is not (a|an intact) Parquet file/],
    ['c.parquet', Buffer.from('text, and more text'), /^It is named \.parquet but is not Parquet\.$/],
    ['d.txt', parquet, /^It is a Parquet file; name it \.parquet\.$/],
    ['a.arrow', arrow.subarray(0, 3000), /^It is not an intact Arrow file or stream/],
    ['b.arrow', Buffer.from('text, and more text'), /^(It is not an intact Arrow file or stream|There is no text in it)/],
    ['c.jsonl', arrow, /^It is an Arrow file; name it \.arrow\.$/],
  ])('that cannot be read say why: %s', async (name, content, message) => {
    expect(await refusalOf(name, content)).toMatch(message);
  });
});

describe('the encoding of a text', () => {
  it('is found at the first bytes that are not ASCII, however late, and across chunks', async () => {
    const ascii = 'Plain words and nothing else. '.repeat(20_000);
    for (const extra of ['', 'x', 'xy', 'xyz']) {
      const notes: string[] = [];
      const text = `${ascii}${extra}Schöne Grüße aus München, hätte ich fast gesagt.`;
      expect((await textsOf(await folder.write('a.txt', Buffer.from(text, 'latin1')), notes)).join('')).toBe(text);
      expect(notes).toEqual(['Read as Windows-1252, guessed from its bytes.']);
    }
  });

  it.each<[string, (text: string) => Buffer]>([
    ['UTF-16 LE', (text) => Buffer.from(text, 'utf16le')],
    ['UTF-16 BE', (text) => Buffer.from(text, 'utf16le').swap16()],
    ['UTF-32 LE', (text) => utf32(`\ufeff${text}`)],
    ['UTF-32 BE', (text) => utf32(`\ufeff${text}`).swap32()],
  ])('is %s, of UTF-16 without a byte order mark too', async (name, encode) => {
    const text = Array.from({ length: 4000 }, (_, index) => `Line ${index}: Grüße, 日本 and 😀.`).join('\n');
    for (const whole of [text, 'Hi']) {
      const notes: string[] = [];
      const texts = await textsOf(await folder.write('a.txt', encode(whole)), notes);
      expect(texts.join('\n').replaceAll(/\n+/g, '\n') === whole).toBe(true);
      expect(notes).toEqual([`Read as ${name}.`]);
    }
    expect(await rowsOf(await folder.write('a.jsonl', encode(`{"text":"ü"}\n{"text":"b"}\n`)))).toEqual([{ text: 'ü' }, { text: 'b' }]);
  });

  it('is UTF-8 with letters that lie across chunks', async () => {
    for (const start of ['', 'a', 'ab', 'abc']) {
      const text = start + 'ü日😀'.repeat(90_000);
      const notes: string[] = [];
      expect((await textsOf(await folder.write('a.txt', text), notes)).join('') === text).toBe(true);
      expect(notes).toEqual([]);
    }
  });

  it.each([
    [
      'mixed',
      Buffer.concat([Buffer.from('Grüße\n'), Buffer.from('Gr\xfc\xdfe', 'latin1')]),
      /^It is not UTF-8 text, though most of it is\. There are other bytes at byte 10\./,
    ],
    ['cut in a letter', Buffer.from('Grüße 日').subarray(0, -1), /^It is not UTF-8 text, though most of it is\./],
    ['UTF-16 cut in a letter', Buffer.from('\ufeffab', 'utf16le').subarray(0, -1), /^It has bytes that are not UTF-16 LE text/],
    ['UTF-32 cut in a letter', Buffer.from('fffe00006100', 'hex'), /^It has bytes that are not UTF-32 text/],
    ['UTF-32 beyond Unicode', Buffer.from('fffe000000001100', 'hex'), /^It has bytes that are not UTF-32 text/],
    ['binary after a mark', Buffer.concat([Buffer.from('fffe', 'hex'), Buffer.alloc(500, 'a\0\0\0')]), /^It is a binary file, not text\.$/],
    [
      'binary without zeros',
      Buffer.from(Array.from({ length: 2000 }, (_, index) => 1 + ((index * 97) % 255))),
      /^It is a binary file, not text\.$/,
    ],
    [
      'zeros late',
      Buffer.concat([Buffer.alloc(300_000, 'text '), Buffer.alloc(9000)]),
      /^There are 9000 zero bytes from byte 300000 on, as only binary files have/,
    ],
  ])('that is none is refused: %s', async (_what, content, message) => {
    expect(await refusalOf('a.txt', content)).toMatch(message);
  });
});

function utf32(text: string): Buffer {
  const codes = Array.from(text, (letter) => letter.codePointAt(0)!);
  const bytes = Buffer.alloc(codes.length * 4);
  codes.forEach((code, index) => bytes.writeUInt32LE(code, index * 4));
  return bytes;
}

describe('a table below a name in JSON', () => {
  it.each([
    ['{"a":1,"rows":[{"text":"one"},{"text":"two"}]}x'],
    ['[{"text":"one"},,{"text":"two"}]'],
    ['[{"text":"one"},]'],
    ['[,]'],
    ['[{"text":"one"}] []'],
    ['[{"text":"one"}'],
    ['[{"text":"one"}}'],
    ['[{"text":"one" "x"}]'],
  ])('that is not JSON is refused: %s', async (content) => {
    expect(await refusalOf('a.json', content)).toMatch(/^It is not JSON \(/);
  });

  it.each([['[1]'], ['[[1]]'], ['[null]'], ['{"rows":[[7]]}']])('with only rows of the wrong type is refused: %s', async (content) => {
    expect(await refusalOf('a.json', content)).toMatch(/^At row \d there is .+; a row is an object with a text, or a string\.$/);
  });
});
