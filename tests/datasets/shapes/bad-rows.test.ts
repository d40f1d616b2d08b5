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
});
