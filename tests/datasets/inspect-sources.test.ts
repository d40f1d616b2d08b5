import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { inspectionSchema } from '../../shared/contract/dataset-import.ts';
import { importDataset } from '../../main/datasets/import-dataset.ts';
import { inspectInBackground } from '../../main/datasets/inspect/inspect-in-background.ts';
import { inspectSources } from '../../main/datasets/inspect/inspect-sources.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const jsonl = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row) + '\n').join('');
const questions = Array.from({ length: 9 }, (_, index) => ({ question: `What is ${index}?`, answer: `It is ${index}.`, id: index }));

it('shows the shapes of the rows, the texts, what would be left out, and the licence', async () => {
  await folder.write('in/a.jsonl', jsonl(questions));
  await folder.write('in/b.jsonl.gz', gzipSync(jsonl(questions.map(({ id, answer, question }) => ({ id, answer, question })))));
  await folder.write('in/odd.csv', 'left,right\n1,2\n3,4\n');
  await folder.write('in/c.md', '# A title\n\nA text.');
  await folder.write('in/empty.txt', '');
  await folder.write('in/table.xlsx', 'PK');
  await folder.write('in/LICENSE', '\n  CC BY 4.0\nand so on');
  const inspection = await inspectInBackground({ paths: [join(folder.path, 'in')], mappings: [] });
  expect(inspectionSchema.parse(inspection)).toEqual(inspection);
  const path = (name: string): string => join(folder.path, 'in', name);
  expect(inspection).toMatchObject({
    name: 'in',
    files: 7,
    isComplete: true,
    licence: 'CC BY 4.0',
    leftOutCount: 4,
    isLeftOutExact: false,
  });
  expect(inspection.formats).toContainEqual({ format: 'JSON Lines', files: 2 });
  expect(inspection.texts).toEqual({ files: 1, examples: [{ path: path('c.md'), text: '# A title\n\nA text.' }] });
  const [rows, odd] = inspection.shapes;
  expect(rows).toMatchObject({ files: 2, examples: [path('a.jsonl'), path('b.jsonl.gz')], guess: { confidence: 'sure', rows: 9 } });
  expect(rows!.mapping).toEqual({ shape: 'completion', prompt: ['question'], completion: ['answer'] });
  expect(rows!.rows).toHaveLength(5);
  expect(rows!.rows[1]).toEqual({
    where: 'line 2',
    cells: { question: 'What is 1?', answer: 'It is 1.', id: '1' },
    content: { kind: 'completion', prompt: 'What is 1?', completion: 'It is 1.' },
    problem: null,
  });
  expect(odd).toMatchObject({ mapping: null, files: 1, rows: [{ cells: { left: '1', right: '2' }, content: null, problem: null }, {}] });
  expect(inspection.leftOut.map((each) => [each.path, each.status])).toEqual([
    [path('LICENSE'), 'skipped'],
    [path('empty.txt'), 'failed'],
    [path('odd.csv'), 'failed'],
    [path('table.xlsx'), 'skipped'],
  ]);
});

it('counts as left out what an import then leaves out, with the same reasons', async () => {
  await folder.write('in/good.jsonl', jsonl(questions));
  await folder.write('in/odd.csv', 'left,right\n1,2\n3,4\n');
  await folder.write('in/mostly.jsonl', jsonl([{ text: 'a text' }, { text: { no: 'text' } }, { text: { no: 'text' } }]));
  await folder.write('in/some.jsonl', jsonl([{ text: 'a text' }, { text: 'another text' }, { text: { no: 'text' } }]));
  await folder.write('in/table.xlsx', 'PK');
  const source = join(folder.path, 'in');
  const { leftOut, leftOutCount, isLeftOutExact } = await inspectSources([source], []);
  const { files } = await importDataset([source], join(folder.path, 'dataset'));
  expect(leftOut).toEqual(
    files.filter(({ status }) => status !== 'imported').map(({ path, status, reason }) => ({ path, status, reason })),
  );
  expect([leftOutCount, isLeftOutExact]).toEqual([3, true]);
  // What a mapping can read is not left out any more.
  const mappings = [{ columns: ['left', 'right'], mapping: { shape: 'completion' as const, prompt: ['left'], completion: ['right'] } }];
  expect((await inspectSources([source], mappings)).leftOutCount).toBe(2);
});

it('shows the rows as a chosen mapping reads them, and why some cannot be used', async () => {
  const path = await folder.write('a.jsonl', jsonl([...questions.slice(0, 2), { question: 'And?', answer: { no: 'text' }, id: 1 }]));
  const mapping = { shape: 'text' as const, columns: ['answer', 'question'] };
  const chosen = (columns: string[]) => inspectSources([path], [{ columns, mapping }]);
  const [shape] = (await chosen(['id', 'answer', 'question'])).shapes;
  expect(shape!.mapping).toEqual(mapping);
  expect(shape!.rows[0]!.content).toEqual({ kind: 'text', text: 'It is 0.\n\nWhat is 0?' });
  expect(shape!.rows[2]).toMatchObject({ content: null, problem: expect.stringMatching(/line 3.*answer/) as string });
  expect((await chosen(['id', 'answer'])).shapes[0]!.mapping).not.toEqual(mapping); // of other rows
});

it('opens and names no more than its limits, and counts the rest', async () => {
  for (let index = 0; index < 40; index++) await folder.write(`in/${index}.jsonl`, jsonl([{ text: 'a', [`column${index}`]: 1 }]));
  const { files, shapes, isComplete } = await inspectSources([join(folder.path, 'in')], [], { milliseconds: 10_000, opened: 300 });
  expect([files, shapes.length, isComplete]).toEqual([40, 30, true]);
  const few = await inspectSources([join(folder.path, 'in')], [], { milliseconds: 10_000, opened: 3 });
  expect([few.files, few.shapes.length]).toEqual([40, 3]);
});

it('answers with what it has when the time is over, and is given up when nothing comes', async () => {
  await mkdir(join(folder.path, 'in'));
  for (let index = 0; index < 200; index++) await folder.write(`in/${index}.jsonl`, jsonl(questions));
  const inspection = await inspectSources([join(folder.path, 'in')], [], { milliseconds: 5, opened: 300 });
  expect(inspection.isComplete).toBe(false);
  expect(inspection.files).toBeLessThan(200);
  const task = { paths: [join(folder.path, 'in')], mappings: [] };
  await expect(inspectInBackground(task, { limitMs: 1 })).rejects.toMatchObject({ code: 'BAD_INPUT', found: /0\.001 seconds/ });
  await expect(inspectInBackground(task, { signal: AbortSignal.timeout(1) })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await expect(inspectInBackground({ paths: [join(folder.path, 'no')], mappings: [] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
