import { describe, expect, it } from 'vitest';
import { textsOf } from '../../support/read-file.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const jsonLines = (rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row) + '\n').join('');

/** The texts of a file, and what is noted of it. */
async function read(name: string, content: string | Uint8Array): Promise<{ texts: string[]; notes: string[] }> {
  const notes: string[] = [];
  return { texts: await textsOf(await folder.write(name, content), notes), notes };
}

describe('columns', () => {
  it('that are empty in the first rows are read where later rows fill them', async () => {
    const rows = Array.from({ length: 600 }, (_, index) => ({
      instruction: `i${index}`,
      input: index < 300 ? '' : `n${index}`,
      output: 'o',
    }));
    const { texts, notes } = await read('alpaca.jsonl', jsonLines(rows));
    expect([texts[0], texts[299], texts[300], texts[599]]).toEqual(['i0\n\no', 'i299\n\no', 'i300\n\nn300\n\no', 'i599\n\nn599\n\no']);
    expect(notes).toEqual([]);
  });

  it('of a usual name that are filled and not read are told, once; others are not', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => ({
      system_prompt: index % 2 === 0 ? 'Be kind.' : '',
      question: `q${index}`,
      response: 'r',
      rationale: index === 0 ? 'once' : null,
      url: 'u',
    }));
    expect((await read('orca.jsonl', jsonLines(rows))).notes).toEqual([
      'The column system_prompt is not read, though it holds text in 20 of 40 rows.',
    ]);
  });
});

describe('rows that cannot be used', () => {
  it('are left out of questions with choices, which are recognised all the same', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => ({
      question: `q${index}`,
      choices: ['x', 'y'],
      answer: index === 2 ? 9 : index % 2,
    }));
    const { texts, notes } = await read('mc.jsonl', jsonLines(rows));
    expect([texts.length, texts[0], texts[2]]).toEqual([999, expect.stringContaining('x'), expect.stringContaining('q3')]);
    expect(notes).toEqual(['1 of 1000 rows left out. At line 3, column "answer" holds a number (9); allowed: 0 to 1.']);
  });

  it.each<[string, string, string | Uint8Array, string[], string]>([
    [
      'JSON Lines',
      'a.jsonl',
      '{"text":"one"}\n{"text":"br\n"three"\n[1]\n{"text":"five"}\n',
      ['one', 'three', 'five'],
      '2 of 5 rows left out. Line 2 is not JSON (',
    ],
    [
      'JSON Lines cut off',
      'a.jsonl',
      '{"text":"one"}\n{"text":"two"}\n{"tex',
      ['one', 'two'],
      '1 of 3 rows left out. Line 3 is not JSON (',
    ],
    ['a JSON list', 'a.json', '[{"text":"one"},null,{"text":"three"}]', ['one', 'three'], '1 of 3 rows left out. At row 2 there is null;'],
    [
      'a table',
      'a.csv',
      'text,id\none,1\n"two\nlines"\nthree,3\nfour,4,4\n"five",5\n',
      ['one', 'three', 'five'],
      '2 of 5 rows left out. Line 4: the row has more or fewer values than the first row has names (',
    ],
  ])('are left out of %s, counted and told with the first of them', async (_what, name, content, expected, note) => {
    const { texts, notes } = await read(name, content);
    expect(texts).toEqual(expected);
    expect(notes).toEqual([expect.stringContaining(note)]);
  });

  it('are not made by stray quotes in a table', async () => {
    expect(await read('quotes.csv', 'text,id\na 5" disk,1\n"b"c,2\n"d ""e""",3\n')).toEqual({
      texts: ['a 5" disk', '"b"c', 'd "e"'],
      notes: [],
    });
  });

  it('make a file fail from half of them on', async () => {
    await expect(read('half.jsonl', '{"text":"one"}\nx\n')).rejects.toThrow(/^Line 2 is not JSON/);
    await expect(read('half.csv', 'text,id\na,1\nb\n')).rejects.toThrow(/^Line 3: the row has more or fewer/);
  });
});

describe('rows of several shapes in one file', () => {
  const text = (index: number): unknown => ({ text: `t${index}` });
  const pair = (index: number): unknown => ({ prompt: `p${index}`, completion: `c${index}` });
  const expected = (isText: (index: number) => boolean): string[] =>
    Array.from({ length: 600 }, (_, index) => (isText(index) ? `t${index}` : `p${index}\n\nc${index}`));

  it.each<[string, (index: number) => boolean, string]>([
    ['mixed from the beginning', (index) => index % 3 === 0, '200 rows have other columns and were read by text.'],
    ['one after the other', (index) => index < 300, '300 rows have other columns and were read by prompt, completion.'],
  ])('are each read by their own: %s', async (_what, isText, note) => {
    const rows = Array.from({ length: 600 }, (_, index) => (isText(index) ? text(index) : pair(index)));
    expect(await read('several.jsonl', jsonLines(rows))).toEqual({ texts: expected(isText), notes: [note] });
  });

  it('are left out where no shape is sure', async () => {
    const { texts, notes } = await read('unsure.jsonl', jsonLines([text(0), { left: 'a', right: 'b' }, text(2)]));
    expect(texts).toEqual(['t0', 't2']);
    expect(notes).toEqual(['1 of 3 rows left out. At line 2 there is no column "text". Found: left, right.']);
  });
});

describe('a text with a few bytes that do not belong to it', () => {
  const lines = Array.from({ length: 2000 }, (_, index) => `Zeile ${index} – schön und grün.`);
  const isForeign = (index: number): boolean => index % 1000 === 700;

  it('is read with its lines in Windows-1252, which are counted', async () => {
    const bytes = lines.map((line, index) => (isForeign(index) ? Buffer.from('Grüße\n', 'latin1') : Buffer.from(`${line}\n`)));
    const { texts, notes } = await read('mixed.txt', Buffer.concat(bytes));
    const found = texts
      .join('\n')
      .split(/\n+/)
      .filter((line) => line !== '');
    expect(found).toEqual(lines.map((line, index) => (isForeign(index) ? 'Grüße' : line)));
    expect(notes).toEqual(['2 lines are not UTF-8 and were read as Windows-1252, the first of them line 701.']);
  });

  it('may be JSON Lines', async () => {
    const rows = lines.map((text) => Buffer.from(JSON.stringify({ text }) + '\n'));
    rows[700] = Buffer.from('{"text":"Grüße"}\n', 'latin1');
    const { texts, notes } = await read('mixed.jsonl', Buffer.concat(rows));
    expect([texts.length, texts[699], texts[700]]).toEqual([2000, lines[699], 'Grüße']);
    expect(notes).toEqual(['One line is not UTF-8 and was read as Windows-1252: line 701.']);
  });

  it('may have NULs', async () => {
    const text = `${'words '.repeat(2000)}\0${'and '.repeat(100_000)}\0.`;
    const { texts } = await read('nul.txt', text);
    expect(texts.join('')).toBe(text);
  });
});
