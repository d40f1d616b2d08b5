import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { call } from '@orpc/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataCheckEvent, DistanceEvent } from '../../shared/contract/dataset-checks.ts';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import { dataCheckReportSchema } from '../../shared/domain/data-check.ts';
import { type DistanceReport, distanceReportSchema } from '../../shared/domain/distance.ts';
import { openDataset } from '../../main/datasets/dataset-folder.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import { PathGrants } from '../../main/studio/path-grants.ts';
import { createRouter } from '../../main/studio/router.ts';
import { fastEngine } from '../support/engines.ts';
import { openTinyStudio, storyDocuments, type TinyStudio, writeDocuments } from '../support/workspace.ts';

const SECRET = 'Which of these thirteen or more words are in the training part of the leaky dataset, and which are not?';

let tiny: TinyStudio;
let leaky: DatasetInfo;
let questions: string;
beforeAll(async () => {
  tiny = await openTinyStudio();
  const texts = storyDocuments(60).map((text) => `Again. ${text}`);
  const path = join(tiny.directory, 'leaky.jsonl');
  await writeDocuments(path, [...texts, `See: ${SECRET} So it goes.`, `${SECRET} Once more.`, `Third: ${SECRET}`]);
  leaky = (await tiny.studio.datasets.import({ paths: [path] })).datasets[0]!;
  questions = join(tiny.directory, 'questions.jsonl');
  await writeDocuments(questions, [SECRET, 'What else is there to ask about in a test of only this?']);
});
afterAll(() => tiny.remove());

async function partsOf(dataset: DatasetInfo): Promise<{ text: string; heldOut: boolean }[]> {
  const parts: { text: string; heldOut: boolean }[] = [];
  const { documents } = await openDataset(join(tiny.home, 'datasets', dataset.id));
  for await (const document of documents()) parts.push({ text: plainTextOf(document.content), heldOut: document.heldOut });
  return parts;
}

describe('a check', () => {
  it('finds what leaks; the version without it leaks no more, and the dataset itself stays', async () => {
    const { dataChecks, datasets } = tiny.studio;
    const told: string[] = [];
    const request = { datasets: ['leaky', 'code', 'leaky'], evaluations: [questions, questions, 'stories'] };
    const report = await dataChecks.check(request, ({ activity }) => told.push(activity));
    expect(dataCheckReportSchema.parse(report)).toEqual(report);
    expect(told).toContain('reading questions.jsonl');
    expect(report.datasets.map(({ name }) => name)).toEqual(['leaky', 'code']);
    const before = await partsOf(leaky);
    const planted = before.flatMap(({ text, heldOut }, place) => (text.includes(SECRET) && !heldOut ? [place] : []));
    const drop = report.drop.find(({ name }) => name === 'leaky')!.documents;
    expect(planted.length).toBeGreaterThan(0);
    expect(drop).toEqual(expect.arrayContaining(planted));

    const ofQuestions = await dataChecks.check({ datasets: ['leaky'], evaluations: [questions] });
    const leaks = ofQuestions.leaks.filter(({ item }) => item.part === 'evaluation');
    expect(leaks.map(({ item, training, isWhole }) => [item.document, training.document, isWhole])).toEqual(
      planted.map((place) => [0, place, true]),
    );

    const made = await dataChecks.drop({ dataset: 'leaky', documents: planted });
    expect(made).toMatchObject({
      name: `leaky (${planted.length} dropped)`,
      source: `leaky (${leaky.id}) without ${planted.length} ${planted.length === 1 ? 'document' : 'documents'}`,
      documents: leaky.documents - planted.length,
      heldOutDocuments: leaky.heldOutDocuments,
    });
    expect(datasets.find(made.id)).toMatchObject(made);
    expect(await datasets.show({ dataset: made.id })).toMatchObject({ version: 2, parent: leaky.id, kinds: { text: made.documents } });
    expect(await partsOf(made)).toEqual(before.filter((_, place) => !planted.includes(place)));
    expect(await partsOf(leaky)).toEqual(before);
    const again = await dataChecks.check({ datasets: [made.id], evaluations: [questions] });
    expect(again.leaks.filter(({ item }) => item.part === 'evaluation')).toEqual([]);
    const named = await dataChecks.drop({ dataset: 'leaky', documents: planted.slice(0, 1), name: 'clean' });
    expect(named.name).toBe('clean');
  });

  it('refuses what is neither a dataset nor a file, and what is trained on', async () => {
    const { dataChecks } = tiny.studio;
    const check = (evaluations: string[]): Promise<unknown> => dataChecks.check({ datasets: ['code'], evaluations });
    await expect(check(['nothing'])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'There is no dataset and no file "nothing".',
      allowed: expect.stringContaining('stories') as string,
    });
    const folder = join(tiny.directory, 'folder');
    await mkdir(folder, { recursive: true });
    await expect(check([folder])).rejects.toMatchObject({ code: 'NOT_FOUND', found: `${folder} is a folder` });
    await expect(check(['code'])).rejects.toMatchObject({ code: 'BAD_INPUT', found: '"code" as both' });
    const binary = join(tiny.directory, 'picture.jsonl');
    await writeFile(binary, Buffer.from([0xff, 0xd8, 0x00, 0x10]));
    await expect(check([binary])).rejects.toMatchObject({ code: 'BAD_INPUT', message: 'An evaluation file cannot be read.' });
    await expect(dataChecks.check({ datasets: ['nothing'] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('can be left off', async () => {
    const { dataChecks } = tiny.studio;
    const left = new AbortController();
    left.abort();
    const request = { datasets: ['code'], evaluations: [] };
    await expect(dataChecks.check(request, undefined, left.signal)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const later = new AbortController();
    await expect(dataChecks.check(request, () => later.abort(), later.signal)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    for await (const _ of dataChecks.followCheck(request)) break;
  });
});

it('documents that cannot be dropped leave no dataset behind', async () => {
  const { dataChecks, datasets } = tiny.studio;
  const before = [datasets.list(), await readdir(join(tiny.home, 'datasets'))];
  await expect(dataChecks.drop({ dataset: 'leaky', documents: [10_000] })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  await expect(dataChecks.drop({ dataset: 'none', documents: [1] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect([datasets.list(), await readdir(join(tiny.home, 'datasets'))]).toEqual(before);
});

describe('a distance', () => {
  it('is measured with the loss of a model on both held-out parts', async () => {
    const { dataChecks, text } = tiny.studio;
    const told: string[] = [];
    const request = { newDatasets: ['code'], oldDatasets: ['stories', 'stories'], model: 'tiny', engine: fastEngine };
    const report = await dataChecks.distance(request, ({ activity }) => told.push(activity));
    expect(distanceReportSchema.parse(report)).toEqual(report);
    expect(told.at(-1)).toBe('measuring the loss of tiny');
    expect(report.old.datasets).toEqual([{ id: tiny.oldDataset.id, name: 'stories' }]);
    expect(report.nearest.every(({ name }) => name === 'stories')).toBe(true);
    const gap = report.lossGap!;
    expect(gap.model).toEqual({ id: tiny.model.id, name: 'tiny' });
    expect(gap.gap).toBeCloseTo(gap.new.bitsPerByte - gap.old.bitsPerByte, 12);
    expect(gap.standardError).toBeCloseTo(Math.hypot(gap.new.standardError!, gap.old.standardError!), 12);
    // Beside `strata eval` on the same documents in files.
    const heldOut = (await partsOf(tiny.oldDataset)).filter((document) => document.heldOut);
    const files = await Promise.all(
      heldOut.map(async (document, index) => {
        const path = join(tiny.directory, `held-out-${index}.txt`);
        await writeFile(path, document.text);
        return path;
      }),
    );
    const evaluated = await text.evaluate({ model: 'tiny', files, engine: fastEngine });
    expect(gap.old).toMatchObject({ documents: heldOut.length, tokens: evaluated.tokens, bytes: evaluated.bytes });
    expect(gap.old.bitsPerByte).toBeCloseTo(evaluated.bitsPerByte, 6);
    const {
      lossGap: _gap,
      seconds: _seconds,
      ...withoutModel
    } = await dataChecks.distance({ newDatasets: ['code'], oldDatasets: ['stories'] });
    expect(report).toMatchObject(withoutModel);
  });

  it('is kept for the same documents whatever they are called, in any order, without their texts; a damaged file is measured again', async () => {
    const { dataChecks, datasets } = tiny.studio;
    const copies = await Promise.all(
      ['one', 'two'].map(async (name) => (await datasets.import({ paths: [tiny.sources.oldText], name })).datasets[0]!),
    );
    const folder = join(tiny.home, 'distances');
    await rm(folder, { recursive: true, force: true });
    const told: string[] = [];
    const ask = async (newDatasets: string[], oldDatasets: string[]): Promise<DistanceReport> => {
      told.length = 0;
      return { ...(await dataChecks.distance({ newDatasets, oldDatasets }, ({ activity }) => told.push(activity))), seconds: 0 };
    };
    const first = await ask(['code', 'leaky'], [copies[0]!.id]);
    expect(told.length).toBeGreaterThan(3);
    expect(first.nearest[0]!.excerpt).toMatch(/^Tale \d+/);
    const other = await ask(['leaky', 'code'], [copies[1]!.id]);
    expect(told).toEqual([]);
    expect(JSON.stringify(other)).toBe(JSON.stringify(first).replaceAll(copies[0]!.id, copies[1]!.id).replaceAll('"one"', '"two"'));
    const [file] = await readdir(folder);
    const kept = await readFile(join(folder, file!), 'utf8');
    expect(kept).not.toMatch(/Tale|stories|code|one/);
    await writeFile(join(folder, file!), kept.slice(0, 200));
    expect(await ask(['code', 'leaky'], [copies[0]!.id])).toEqual(first);
    expect(told.length).toBeGreaterThan(3);
    expect(await readFile(join(folder, file!), 'utf8')).toBe(kept);
    for (const { id } of copies) datasets.remove({ dataset: id });
  });

  it('of a dataset from itself is refused, as a model that is not there', async () => {
    const { dataChecks } = tiny.studio;
    const request = { newDatasets: ['code'], oldDatasets: ['stories', tiny.newDataset.id] };
    await expect(dataChecks.distance(request)).rejects.toMatchObject({ code: 'BAD_INPUT', found: '"code" on both sides' });
    await expect(dataChecks.distance({ newDatasets: ['code'], oldDatasets: ['stories'], model: 'none' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('over the contract', () => {
  it('both are followed to a report, and a version is made', async () => {
    const { datasets } = createRouter(tiny.studio, new PathGrants(tiny.home, { typed: [dirname(questions)] }));
    const checked: DataCheckEvent[] = [];
    for await (const event of await call(datasets.check, { datasets: ['leaky'], evaluations: [questions] })) checked.push(event);
    expect(checked.slice(0, -1).every(({ report }) => report === null)).toBe(true);
    const report = checked.at(-1)!.report!;
    expect(report.leakCount).toBeGreaterThan(0);
    const { documents } = report.drop[0]!;
    const made = await call(datasets.drop, { dataset: 'leaky', documents });
    expect(made.documents).toBe(leaky.documents - documents.length);
    const measured: DistanceEvent[] = [];
    for await (const event of await call(datasets.distance, { newDatasets: ['code'], oldDatasets: ['stories'] })) measured.push(event);
    expect(measured.at(-1)!.report!.ngrams).toHaveLength(3);
    expect(await readFile(questions, 'utf8')).toContain('Which of these');
  });
});
