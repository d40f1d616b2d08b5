import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readDocuments } from '../../../main/datasets/readers/read-documents.ts';
import { diskFile } from '../../../main/datasets/sources/disk-file.ts';
import { unpackedFile } from '../../../main/datasets/sources/unpacked-file.ts';
import { UnreadableFile } from '../../../main/datasets/unreadable-file.ts';
import { textsOf } from '../../support/read-file.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

async function documentsIn(name: string, content: string | Uint8Array): Promise<string[]> {
  return (await textsOf(await folder.write(name, content))).filter((text) => text.trim() !== '');
}

const jsonLines = (...rows: unknown[]): string => rows.map((row) => JSON.stringify(row) + '\n').join('');

/** About this many characters of paragraphs, each different. */
function longText(characters: number): string {
  let text = '';
  for (let index = 0; text.length < characters; index++) {
    const words = createHash('sha256').update(String(index)).digest('hex').replace(/\d/g, ' ');
    text += `${index} ${words} ö 😀\n${words}${index % 3 === 0 ? '\n\n' : '\n'}`;
  }
  return text.trimEnd();
}

describe('a file of each format, plain and packed', () => {
  const text = 'First paragraph.\n\nSecond – with ü, 日本 and 😀.';
  const rows = jsonLines({ text: 'one' }, { text: 'two\u2028lines' }, 'three');
  const array = JSON.stringify([{ text: 'one' }, { text: 'two\u2028lines' }, 'three'], null, 2);
  const three = ['one', 'two\u2028lines', 'three'];

  it.each([
    ['a.txt', text, [text]],
    ['a.text', text, [text]],
    ['a.md', text, [text]],
    ['a.markdown', text, [text]],
    ['A.TXT', text, [text]],
    ['a.jsonl', rows, three],
    ['a.ndjson', rows, three],
    ['a.json', array, three],
  ])('%s', async (name, content, expected) => {
    expect(await documentsIn(name, content)).toEqual(expected);
    expect(await documentsIn(`${name}.gz`, gzipSync(content))).toEqual(expected);
    expect(await documentsIn(`${name}.GZ`, gzipSync(content))).toEqual(expected);
  });

  it('of several gzip members in one file is read to its end', async () => {
    expect(await documentsIn('a.jsonl.gz', Buffer.concat([gzipSync(jsonLines('one')), gzipSync(jsonLines('two'))]))).toEqual([
      'one',
      'two',
    ]);
  });

  it('with a byte order mark and Windows line ends has the same documents', async () => {
    const windows = (content: string): string => `\ufeff${content.replaceAll('\n', '\r\n')}`;
    expect(await documentsIn('a.txt', windows(text))).toEqual([text]);
    expect(await documentsIn('a.jsonl', windows(rows))).toEqual(three);
    expect(await documentsIn('a.json', windows(array))).toEqual(three);
  });
});

describe('plain text', () => {
  it('is one document while it is short, with its blanks inside kept', async () => {
    const text = '  indented\n\n\n\tafter blank lines  ';
    expect(await documentsIn('a.txt', text)).toEqual([text]);
  });

  it('is cut between paragraphs into sections of about 4,000 characters, and loses not one', async () => {
    const text = longText(100_000);
    const sections = await documentsIn('a.txt', text);
    expect(sections.join('\n')).toBe(text);
    expect(sections.length).toBeGreaterThan(15);
    for (const section of sections.slice(0, -1)) {
      expect(section.length).toBeGreaterThan(3900);
      expect(section.length).toBeLessThan(8500);
      expect(section.endsWith('\n'), 'ends with an empty line').toBe(true);
    }
  });

  it('without paragraphs is cut between lines', async () => {
    const text = Array.from({ length: 2000 }, (_, index) => `line ${index} of a list`).join('\n');
    const sections = await documentsIn('a.txt', text);
    expect(sections.join('\n')).toBe(text);
    expect(sections.length).toBeGreaterThan(4);
  });

  it('on a single line is cut between words', async () => {
    const text = Array.from({ length: 10_000 }, (_, index) => `word${index}`).join(' ');
    const sections = await documentsIn('a.txt', text);
    expect(sections.join('')).toBe(text);
    expect(sections.length).toBeGreaterThan(8);
    for (const section of sections.slice(0, -1)) expect(section).toMatch(/^word\d+ .*\d $/s);
  });

  it('without any blank is cut, but never inside a character', async () => {
    const text = '😀'.repeat(10_001);
    const sections = await documentsIn('a.txt', `a${text}`);
    expect(sections.join('')).toBe(`a${text}`);
    expect(sections.length).toBeGreaterThan(1);
    for (const section of sections) expect(section.isWellFormed()).toBe(true);
  });

  it('with lines <|endoftext|> is one document between each two of them, however long', async () => {
    const long = longText(30_000);
    const wide = 'x y '.repeat(5000).trimEnd();
    const content = ['One.\nTwo.', long, '', wide, 'Last.'].join('\n<|endoftext|>\n');
    expect(await documentsIn('a.txt', `${content}\n<|endoftext|>\n`)).toEqual(['One.\nTwo.', long, wide, 'Last.']);
    expect(await documentsIn('b.txt', content)).toEqual(['One.\nTwo.', long, wide, 'Last.']);
  });

  it('whose first document is longer than a section keeps it whole while that can be held', async () => {
    const first = longText(7000);
    expect(await documentsIn('a.txt', `${first}\n<|endoftext|>\nsecond`)).toEqual([first, 'second']);
  });
});

describe('rows of JSON', () => {
  it('are separated by blank lines or not, and left out when they hold no text', async () => {
    expect(await documentsIn('a.jsonl', '{"text":"one"}\n\n  \n{"text":"  "}\n{"text":"two"}')).toEqual(['one', 'two']);
  });

  it('keep their text to the last character', async () => {
    const text = ' \t"quoted" \\ \u0001 \u2028 a\r\nb \ud83d\ude00 é \n';
    expect(await documentsIn('a.jsonl', jsonLines({ text }))).toEqual([text]);
  });

  it('may be longer than what is read at once', async () => {
    const long = longText(500_000);
    expect(await documentsIn('a.jsonl', jsonLines({ text: long }, { text: 'short' }))).toEqual([long, 'short']);
  });

  it.each([
    ['{"text":"one"}\n\n{"text":"two"\n', /^Line 3 is not JSON \(.+\)\.$/],
    ['{"text":"one"}\n[1]\n', /^At line 2 there is \[1\]; a row is an object with a text, or a string\.$/],
    ['{"text":"one"}\n{"a":"x","b":"y"}\n', /^At line 2 there is no column "text"\. Found: a, b\.$/],
  ])('half of which are none are refused with the number of the line: %j', async (content, message) => {
    await expect(documentsIn('a.jsonl', content)).rejects.toThrow(message);
  });
});

describe('JSON and JSON Lines under the name of the other', () => {
  const long = longText(400_000);
  const rows = [{ text: long }, { text: 'two\nlines' }, { text: 'three' }];
  const texts = rows.map(({ text }) => text);

  it.each([
    ['rows in lines', 'a.json', jsonLines(...rows)],
    ['texts in lines', 'a.json', jsonLines(...texts)],
    ['lines with blank ones between', 'a.json', `\n${jsonLines(...rows).replaceAll('\n', '\r\n \r\n')}`],
    ['a list on one line', 'a.jsonl', JSON.stringify(rows)],
    ['a list on one line with its end', 'a.jsonl', `${JSON.stringify(rows)}\n`],
    ['a list over lines', 'a.jsonl', JSON.stringify(rows, null, 2)],
    ['a list with a row a line', 'a.ndjson', `[${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`],
  ])('is read as what it is: %s', async (_what, name, content) => {
    const notes: string[] = [];
    expect(await textsOf(await folder.write(name, content), notes)).toEqual(texts);
    expect(await documentsIn(`${name}.gz`, gzipSync(content))).toEqual(texts);
    expect(notes).toEqual([]);
  });

  it('leaves out a broken line under either name', async () => {
    expect(await documentsIn('a.json', '{"text":"one"}\n{"tex\n{"text":"three"}\n')).toEqual(['one', 'three']);
  });
});

describe('a JSON file', () => {
  it.each([
    ['a list of objects', [{ text: 'one' }, { text: 'two' }], ['one', 'two']],
    ['a list of strings', ['one', 'two'], ['one', 'two']],
    ['a list below a name', { version: '1.1', data: [{ text: 'one' }, { text: 'two' }] }, ['one', 'two']],
    ['a list beside a title', { title: 't', description: 'd', rows: [{ text: 'one' }] }, ['one']],
    ['a row below each key', { 17: { question: 'q', answer: 'a' }, 18: { question: 'p', answer: 'b' } }, ['q\n\na', 'p\n\nb']],
    ['a text below each key', { first: 'one', second: 'two' }, ['one', 'two']],
    ['one row', { text: 'one', tags: ['a', 'b'], isFree: true }, ['one']],
    ['one row in parts', { question: 'q', answer: 'a', score: 3 }, ['q\n\na']],
  ])('may be %s', async (_what, value, expected) => {
    expect(await documentsIn('a.json', JSON.stringify(value))).toEqual(expected);
  });

  it.each([
    ['[]', 'There is no list of rows in it.'],
    ['{}', 'There is no list of rows in it.'],
    ['null', 'There is no list of rows in it.'],
    ['"only a string"', 'There is no list of rows in it.'],
    ['{"data":[]}', 'There is no list of rows in it.'],
    ['[{"text":"one"},{"text":"two"', /^It is not JSON \(.+\)\.$/],
    ['[{"text":"one"},{"a":"x","b":"y"}]', /^At row 2 there is no column "text"\. Found: a, b\.$/],
  ])('that holds no rows is refused: %s', async (content, message) => {
    await expect(documentsIn('a.json', content)).rejects.toThrow(message);
  });
});

describe('a file that cannot be read says why:', () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(200), Buffer.alloc(5000, 0xa7)]);
  const packed = gzipSync(jsonLines(longText(200_000), longText(210_000)));

  it.each([
    ['empty', 'a.txt', Buffer.alloc(0), 'The file is empty.'],
    ['blank', 'a.txt', Buffer.from(' \n\t\n'), 'There is no text in it.'],
    ['packed and empty inside', 'a.txt.gz', gzipSync(''), 'There is no text in it.'],
    ['a picture named .txt', 'a.txt', png, 'It is a binary file, not text.'],
    ['a picture named .jsonl', 'a.jsonl', png, 'It is a binary file, not text.'],
    ['a picture named .json', 'a.json', png, 'It is a binary file, not text.'],
    ['a packed picture', 'a.txt.gz', gzipSync(png), 'It is a binary file, not text.'],
    [
      'a packed archive of texts',
      'a.txt.gz',
      gzipSync(Buffer.concat([Buffer.from('a.txt'), Buffer.alloc(507), Buffer.from('text')])),
      'It is a binary file, not text.',
    ],
    ['Latin-1, packed', 'a.jsonl.gz', gzipSync(Buffer.from('{"text":"\xfc"}\n', 'latin1')), /^It is not UTF-8 text: .* starts at byte 0\./],
    [
      'Latin-1 in a JSON file',
      'a.json',
      Buffer.from('["\xfc"]', 'latin1'),
      'It is not UTF-8 text. There are other bytes at byte 2. Save it as UTF-8 and import it again.',
    ],
    ['not gzip', 'a.txt.gz', Buffer.from('plain text'), 'It is named .gz but is not gzip data.'],
    ['gzip without its name', 'a.txt', gzipSync('text'), 'It is gzip data; name it .gz.'],
    ['gzip cut short', 'a.jsonl.gz', packed.subarray(0, packed.length / 2), 'The gzip data ends too early: the file is truncated.'],
    ['gzip without its last byte', 'a.txt.gz', gzipSync('text').subarray(0, -1), 'The gzip data ends too early: the file is truncated.'],
    [
      'gzip cut short in a JSON file',
      'a.json.gz',
      gzipSync('["one"]').subarray(0, -9),
      'The gzip data ends too early: the file is truncated.',
    ],
    ['gzip with changed bytes', 'a.txt.gz', changed(gzipSync('text'), 10, 0x07), /^It is not intact gzip data \(.+\)\.$/],
    ['gzip with a wrong checksum', 'a.txt.gz', changed(gzipSync('text'), -8, 0x00), /^It is not intact gzip data \(.+\)\.$/],
    ['a format that is not read', 'a.xlsx', Buffer.from('PK'), /^Strata does not read \.xlsx; it reads \.txt, /],
    ['no extension', 'corpus', Buffer.from('text'), /^Strata does not read files without an extension; it reads \.txt, /],
  ])('%s', async (_what, name, content, message) => {
    await expect(documentsIn(name, content)).rejects.toThrow(typeof message === 'string' ? new UnreadableFile(message) : message);
  });

  it('a line of JSON Lines too long to hold', async () => {
    const mebibyte = gzipSync(Buffer.alloc(2 ** 20, 'x y '));
    const content = Buffer.concat([gzipSync('"'), ...Array.from({ length: 257 }, () => mebibyte)]);
    await expect(documentsIn('a.jsonl.gz', content)).rejects.toThrow(
      new UnreadableFile(
        'It has a line of more than 268435456 bytes, which starts at byte 0. Split it into lines or documents and import it again.',
      ),
    );
  });

  it('missing, or a folder', async () => {
    await expect(textsOf(join(folder.path, 'none.txt'))).rejects.toThrow(new UnreadableFile('There is no such file.'));
    await mkdir(join(folder.path, 'folder.txt'));
    const folderRead = readDocuments(diskFile(join(folder.path, 'folder.txt')));
    await expect(Array.fromAsync(folderRead)).rejects.toThrow(new UnreadableFile('It is not a file.'));
  });
});

/** A copy with another byte at one place, counted from the end when negative. */
function changed(bytes: Buffer, index: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[index < 0 ? copy.length + index : index] = byte;
  return copy;
}

it.runIf(process.platform === 'linux')('a file is closed when reading stops early, packed or not', async () => {
  const content = jsonLines('good', longText(300_000), 'good', longText(300_000));
  const paths = [await folder.write('a.jsonl', content), await folder.write('b.jsonl.gz', gzipSync(content))];
  const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
  const begin = async (path: string): Promise<void> => {
    for await (const _document of readDocuments(unpackedFile(diskFile(path)))) break;
  };
  await begin(paths[1]!); // the first time may open what stays open
  const before = await openFiles();
  for (let round = 0; round < 10; round++) for (const path of paths) await begin(path);
  await expect.poll(openFiles).toBeLessThanOrEqual(before);
});

it('a text on one line of 500 MB is cut while it is read: never is more of it in memory than a few sections', async () => {
  const program = `
    const { readDocuments } = await import(process.argv[1]);
    const line = Buffer.from('word '.repeat(200_000));
    const file = {
      path: 'a.txt', name: 'a.txt', bytes: null,
      async *open() { for (let index = 0; index < 500; index++) yield line; },
    };
    let characters = 0;
    for await (const { text } of readDocuments(file)) characters += text.length;
    console.log(JSON.stringify({ characters, peak: process.resourceUsage().maxRSS * 1024 }));`;
  const reader = join(import.meta.dirname, '../../../main/datasets/readers/read-documents.ts');
  const { stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=64', '--input-type=module', '-e', program, reader], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { characters, peak } = JSON.parse(stdout) as { characters: number; peak: number };
  expect(characters).toBe(500_000_000);
  expect(peak).toBeLessThan(400_000_000);
});

it('a JSON list far larger than what is held is read row by row, and so is a table below a name', async () => {
  const program = `
    const { readDocuments } = await import(process.argv[1]);
    const row = JSON.stringify({ text: process.argv[3].repeat(10_000) });
    const [start, end] = JSON.parse(process.argv[2]);
    const file = {
      path: 'a.json', name: 'a.json', bytes: null,
      async *open() {
        yield Buffer.from(start + row);
        for (let index = 1; index < 800; index++) yield Buffer.from(', ' + row);
        yield Buffer.from(end);
      },
    };
    let characters = 0;
    for await (const document of readDocuments(file)) characters += document.row.text.length;
    console.log(JSON.stringify({ characters, peak: process.resourceUsage().maxRSS * 1024 }));`;
  const reader = join(import.meta.dirname, '../../../main/datasets/readers/read-documents.ts');
  const unit = 'word [{,"\\';
  for (const around of [
    ['[', ']'],
    ['{"version":"1","tags":["a"],"data":[', '],"last":[{}]}'],
  ]) {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--max-old-space-size=400', '--input-type=module', '-e', program, reader, JSON.stringify(around), unit],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    const { characters, peak } = JSON.parse(stdout) as { characters: number; peak: number };
    expect(characters).toBe(800 * 10_000 * unit.length);
    expect(peak).toBeLessThan(600_000_000);
  }
});
