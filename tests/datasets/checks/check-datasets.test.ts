import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type CheckedDataset, type CheckLimits, checkDatasets, type CheckRequest } from '../../../main/datasets/checks/check-datasets.ts';
import { textsOfFile } from '../../../main/datasets/checks/evaluation-file.ts';
import { importDataset } from '../../../main/datasets/import-dataset.ts';
import { type DataCheckReport, dataCheckReportSchema, summariseCheck } from '../../../shared/domain/data-check.ts';
import { writeDataset } from '../../support/dataset-folders.ts';
import { sharedData } from '../../support/shared-data.ts';
import { useTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = useTemporaryFolder();

const SECRET =
  'On the ninth of March the old lighthouse keeper wrote to her sister that the lamp would not turn, and that no ship had passed since Sunday.';
const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name} document number ${index} speaks only of ${name} and of ${index * 7 + 3}.`);

async function check(
  datasets: CheckedDataset[],
  evaluations: CheckRequest['evaluations'] = [],
  limits: Partial<CheckLimits> = {},
): Promise<DataCheckReport> {
  const report = await checkDatasets({ datasets, evaluations }, undefined, limits);
  expect(dataCheckReportSchema.parse(report)).toEqual(report);
  return report;
}

/** Two datasets with nothing in common, and the evaluation text planted at a place of the second. */
async function withPlanted(planted: string): Promise<DataCheckReport> {
  const a = await writeDataset(folder.path, 'a', { training: numbered('apple', 5), heldOut: numbered('pear', 2) });
  const b = await writeDataset(folder.path, 'b', { training: [...numbered('boat', 4), planted], heldOut: numbered('ship', 1) });
  const file = await folder.write(
    'questions.jsonl',
    JSON.stringify({ text: SECRET }) + '\n' + JSON.stringify({ text: numbered('x', 1)[0]! }),
  );
  return check([a, b], [{ file, name: 'questions', texts: await textsOfFile(file) }]);
}

describe('leaks', () => {
  it.each([
    ['word for word', SECRET, 15, true],
    ['inside a longer text', `Before that. ${SECRET} After it.`, 15, true],
    [
      'across line breaks, punctuation and case',
      SECRET.toUpperCase().replaceAll(' ', '\n').replaceAll(',', ' --').replace('.', '!'),
      15,
      true,
    ],
    ['in compatibility letters', SECRET.replace('the', '\uff54\uff48\uff45'), 15, true],
    ['in part', `It is said: ${SECRET.split(' ').slice(5, 20).join(' ')}, or so.`, 3, false],
  ])('planted %s are found', async (_, planted, shared, isWhole) => {
    const report = await withPlanted(planted);
    expect(report.leaks).toMatchObject([
      {
        item: { name: 'questions', part: 'evaluation', document: 0 },
        training: { dataset: 'b-id', name: 'b', document: 5 },
        shared,
        of: 15,
        isWhole,
      },
    ]);
    expect(report.leaks[0]!.excerpt).toMatch(
      isWhole ? /^on the ninth of march .* since sunday$/ : /^the old lighthouse keeper .* turn and$/,
    );
    expect(report.leakCount).toBe(1);
    expect(report.drop).toEqual([{ dataset: 'b-id', name: 'b', documents: [5] }]);
    expect(report.measured).toEqual([
      { source: 'a-id', name: 'a', part: 'held-out', items: 2, leaked: 0, short: 0 },
      { source: 'b-id', name: 'b', part: 'held-out', items: 1, leaked: 0, short: 0 },
      { source: join(folder.path, 'questions.jsonl'), name: 'questions', part: 'evaluation', items: 2, leaked: 1, short: 0 },
    ]);
    expect(summariseCheck(report)).toBe('1 of 5 texts that are measured on stand, in part or whole, in 1 training document.');
  });

  it('are not seen in a paraphrase that shares fewer than 13 words in a row', async () => {
    const words = SECRET.split(' ');
    const paraphrase = words.map((word, index) => (index % 13 === 12 ? 'otherwise' : word)).join(' ');
    const report = await withPlanted(paraphrase);
    expect(report).toMatchObject({ leaks: [], leakCount: 0, drop: [] });
    expect(summariseCheck(report)).toBe('None of 5 texts that are measured on stands in the training parts.');
  });

  it('of held-out parts are found in the training part of the same and of other datasets, not in held-out parts', async () => {
    const shared = 'These sixteen words stand in a held out document and also in others of the training parts.';
    const a = await writeDataset(folder.path, 'a', { training: ['one', `In a: ${shared}`], heldOut: [shared, 'two'] });
    const b = await writeDataset(folder.path, 'b', {
      training: ['three', `${shared} In b.`],
      heldOut: [`Held out in b: ${shared}`, 'four'],
    });
    const report = await check([a, b]);
    expect(report.leaks.map(({ item, training }) => [item.name, item.document, training.name, training.document])).toEqual([
      ['a', 1, 'a', 3],
      ['a', 1, 'b', 3],
      ['b', 1, 'a', 3],
      ['b', 1, 'b', 3],
    ]);
    expect(report.leaks.map(({ isWhole }) => isWhole)).toEqual([true, true, false, false]);
    expect(report.drop.map(({ name, documents }) => [name, documents])).toEqual([
      ['a', [3]],
      ['b', [3]],
    ]);
    expect(report.measured.map(({ short }) => short)).toEqual([1, 1]);
  });

  it('are the same when the items do not fit at once', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `${numbered(`word${index}`, 3).join(' ')}`);
    const a = await writeDataset(folder.path, 'a', { training: texts.slice(0, 30), heldOut: texts.slice(10) });
    const whole = await check([a]);
    const inParts = await check([a], [], { mostGrams: 50 });
    expect(whole.leakCount).toBe(20);
    expect({ ...inParts, seconds: 0 }).toEqual({ ...whole, seconds: 0 });
    const few = await check([a], [], { mostGrams: 50, mostListed: 3 });
    expect(few).toMatchObject({ leakCount: 20, drop: whole.drop });
    expect(few.leaks).toHaveLength(3);
  });
});

describe('overlap', () => {
  it('is the share of documents that the other has, whole or in part, in both directions', async () => {
    const long = (name: string): string => numbered(name, 3).join(' ');
    const a = await writeDataset(folder.path, 'a', { training: [long('one'), long('two'), long('three')], heldOut: [long('four')] });
    const b = await writeDataset(folder.path, 'b', {
      training: [`Begins with ${long('one')}`, numbered('two', 2).join(' ')],
      heldOut: [long('six'), long('seven')],
    });
    const { overlaps } = await check([a, b]);
    expect(overlaps.map(({ shareOfGrams: _, ...rest }) => rest)).toEqual([
      { dataset: 'a-id', other: 'b-id', documents: 4, isSample: false, whole: 1, overlapping: 2, share: 0.5 },
      { dataset: 'b-id', other: 'a-id', documents: 4, isSample: false, whole: 1, overlapping: 2, share: 0.5 },
    ]);
    for (const { shareOfGrams } of overlaps) expect(shareOfGrams).toBeGreaterThan(0.25);
  });

  it('is estimated on a sample that the report names', async () => {
    const texts = Array.from({ length: 400 }, (_, index) => numbered(`word${index}`, 3).join(' '));
    const a = await writeDataset(folder.path, 'a', { training: texts, heldOut: ['x'] });
    const b = await writeDataset(folder.path, 'b', { training: texts.slice(0, 100), heldOut: ['y'] });
    const { overlaps } = await check([a, b], [], { overlapBytes: 2 * 16_000 });
    expect(overlaps[0]).toMatchObject({ isSample: true });
    expect(overlaps[0]!.documents).toBeGreaterThan(50);
    expect(overlaps[0]!.documents).toBeLessThan(300);
    expect(Math.abs(overlaps[0]!.share - 0.25)).toBeLessThan(0.15);
    expect(overlaps[1]!.share).toBeGreaterThan(0.97); // all but y
  });

  it('of one dataset alone is nothing, of equal ones everything', async () => {
    const parts = { training: numbered('one two three four five six seven', 5), heldOut: numbered('eight', 1) };
    const a = await writeDataset(folder.path, 'a', parts);
    expect((await check([a])).overlaps).toEqual([]);
    const b = await writeDataset(folder.path, 'b', parts);
    const { overlaps } = await check([a, b]);
    expect(overlaps).toMatchObject([
      { whole: 6, share: 1 },
      { whole: 6, share: 1 },
    ]);
  });
});

it('refuses an evaluation file that cannot be read, and a damaged dataset', async () => {
  const a = await writeDataset(folder.path, 'a', { training: ['one', 'two'], heldOut: ['three'] });
  const file = await folder.write('bad.jsonl', '{"text":\n');
  await expect(textsOfFile(file)).rejects.toMatchObject({
    code: 'BAD_INPUT',
    found: expect.stringContaining(file) as string,
  });
  await folder.write('a/documents.jsonl', 'no json\n');
  await expect(check([a])).rejects.toMatchObject({ code: 'CORRUPT' });
});

it('parts without a word have nothing to look for', async () => {
  const a = await writeDataset(folder.path, 'a', { training: ['...', 'one'], heldOut: ['---'] });
  const report = await check([a]);
  expect(report).toMatchObject({ leakCount: 0, measured: [{ items: 1, leaked: 0, short: 1 }] });
});

it('tells how far it is, at most ten times a second and for each thing it reads', async () => {
  const a = await writeDataset(folder.path, 'a', { training: numbered('one', 3000), heldOut: numbered('two', 10) });
  const told: { activity: string; done: number; of: number }[] = [];
  await checkDatasets({ datasets: [a], evaluations: [] }, (progress) => told.push(progress));
  expect(told[0]).toEqual({ activity: 'reading the held-out part of a', done: 0, of: 3010 });
  expect(told.length).toBeLessThan(50);
});

describe.skipIf(!sharedData)('real texts', () => {
  it(
    'a question of ARC planted in web pages is found, and no other question there or in an encyclopedia',
    { timeout: 120_000 },
    async () => {
      const questions = (await readFile(join(sharedData!, 'choice/arc-easy/arc-easy.jsonl'), 'utf8')).trim().split('\n');
      const rows = questions.map((line) => JSON.parse(line) as { query?: string; question?: string });
      const long = rows.map((row) => row.query ?? row.question ?? '').findIndex((text) => text.split(/\s+/).length > 25);
      const question = (rows[long]!.query ?? rows[long]!.question)!;
      const pages = (await readFile(join(sharedData!, 'text/web-and-wiki/c4-demo.jsonl'), 'utf8')).trim().split('\n');
      const planted = JSON.stringify({ text: `Homework:\n${question.replaceAll(' ', '\n  ')}\nPlease help!` });
      await folder.write('pages.jsonl', [...pages, planted].join('\n'));
      const wiki = gunzipSync(await readFile(join(sharedData!, 'text/web-and-wiki/wiki-demo.txt.gz')));
      await folder.write('wiki.txt', wiki);
      const datasets: CheckedDataset[] = [];
      for (const name of ['pages.jsonl', 'wiki.txt']) {
        const directory = join(folder.path, `${name}-dataset`);
        await importDataset([join(folder.path, name)], directory, { name });
        datasets.push({ id: name, name, directory });
      }
      const file = join(sharedData!, 'choice/arc-easy/arc-easy.jsonl');
      const report = await check(datasets, [{ file, name: 'arc', texts: await textsOfFile(file) }]);
      const ofArc = report.leaks.filter(({ item }) => item.name === 'arc');
      expect(ofArc.map(({ training }) => training.name)).toEqual(['pages.jsonl']);
      expect(ofArc[0]!.item.document).toBe(long);
    },
  );
});
