import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStudio, type Studio } from '../../main/studio/studio.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import type { PartInspection, SaveSuiteRequest, SuiteTable } from '../../shared/contract/suites.ts';
import type { PartOptionsInput } from '../../shared/domain/evaluation/part.ts';
import { fastEngine } from '../support/engines.ts';
import { randomWeights } from '../support/tiny-llama.ts';
import { byteModelConfig, codeDocuments, writeDocuments, writeTinyModel, writeTinySources } from '../support/workspace.ts';

let directory: string;
let home: string;
let studio: Studio;
let questions: string;
let answers: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-suites-'));
  home = join(directory, 'home');
  studio = openStudio({ home, executor: new ProcessExecutor(), resources: join(import.meta.dirname, '../../resources'), version: '1' });
  const sources = await writeTinySources(directory);
  await studio.models.import({ path: sources.model, name: 'base' });
  await studio.planner.expand({ model: 'base', blocks: 1, place: 'top', oldDatasets: [], name: 'grown' });
  const texts = join(directory, 'texts.jsonl');
  await writeDocuments(texts, codeDocuments(40));
  await studio.datasets.import({ paths: [texts], name: 'texts' });
  questions = join(directory, 'questions.jsonl');
  await writeFile(
    questions,
    [0, 1, 0].map((gold, index) => JSON.stringify({ query: `Q${index}`, choices: ['yes', 'no'], gold })).join('\n'),
  );
  answers = join(directory, 'answers.jsonl');
  await writeFile(answers, ['a', 'b', 'c'].map((answer) => JSON.stringify({ prompt: `say ${answer}:`, answer })).join('\n'));
});
afterAll(async () => {
  await studio.close();
  await rm(directory, { recursive: true });
});

const request = (): SaveSuiteRequest => ({
  name: 'all kinds',
  parts: [
    { source: { file: questions }, options: { kind: 'choices' } },
    { source: { file: answers }, options: { kind: 'exact-match', shots: 1, maxTokens: 4 } },
    { name: 'held-out', source: { dataset: 'texts' }, options: { kind: 'text', limit: 2 } },
  ],
});
const figuresOf = ({ rows }: SuiteTable): unknown[] => rows.map(({ cells }) => cells.map(({ result }) => result?.figures));

it('a suite measures every model alike, once, and compares each with its base', async () => {
  const suite = await studio.suites.save(request());
  expect(suite.parts.map(({ name, items }) => [name, items])).toEqual([
    ['questions.jsonl', 3],
    ['answers.jsonl', 3],
    ['held-out', expect.any(Number)],
  ]);
  expect(studio.suites.results({ suite: suite.id }).rows).toEqual([]);
  await rm(questions); // it was copied

  const activities = new Set<string>();
  const counts: number[] = [];
  const table = await studio.suites.run({ suite: 'all kinds', engine: fastEngine }, ({ activity, partsDone, parts }) => {
    activities.add(activity);
    counts.push(partsDone, parts);
  });
  expect(activities).toContain('grown: questions.jsonl');
  expect(Math.max(...counts)).toBe(6);
  const [base, grown] = table.rows;
  expect(base).toMatchObject({ model: { name: 'base' }, baseline: null });
  expect(base!.cells.map(({ comparison }) => comparison)).toEqual([null, null, null]);
  expect(grown).toMatchObject({ model: { name: 'grown' }, baseline: { name: 'base' } });
  // An untrained expansion answers exactly as its base.
  for (const { comparison } of grown!.cells) expect(comparison).toMatchObject({ difference: 0, verdict: 'cannot-tell' });
  expect(figuresOf(table)[0]).toEqual(figuresOf(table)[1]);
  expect(base!.cells[1]!.result).toMatchObject({ kind: 'exact-match', figures: { n: 2 } });
  expect(base!.cells[2]!.result).toMatchObject({ kind: 'text', figures: { n: 2 } });

  const asked: unknown[] = [];
  expect(await studio.suites.run({ suite: suite.id }, (progress) => asked.push(progress))).toEqual(table);
  expect(asked).toEqual([]);
  const items = studio.suites.items({ suite: suite.id, model: 'grown', part: 'questions.jsonl' });
  expect(items?.items.map(({ line }) => line)).toEqual([1, 2, 3]);
  expect(() => studio.suites.items({ suite: suite.id, model: 'grown', part: 'other' })).toThrow(/no part "other"/);
  await expect(studio.suites.save({ ...request(), parts: request().parts.slice(1) })).rejects.toMatchObject({ code: 'CONFLICT' });
});

it('a model is scored once without a suite, and nothing is left of it', async () => {
  const part = { source: { file: answers }, options: { kind: 'exact-match' as const, maxTokens: 2 } };
  const before = await readdir(join(home, 'evaluations'));
  const { result, engine } = await studio.suites.score({ model: 'base', part, engine: fastEngine });
  expect(result).toMatchObject({ kind: 'exact-match', figures: { n: 3 } });
  expect(engine).toBe(fastEngine);
  // 256 tokens for an answer would be more than this model reads.
  const usual = { ...part, options: { kind: 'exact-match' as const, limit: 1 } };
  expect((await studio.suites.score({ model: 'base', part: usual, engine: fastEngine })).result).toMatchObject({ figures: { n: 1 } });
  expect(await readdir(join(home, 'evaluations'))).toEqual(before);
  await expect(studio.suites.score({ model: 'base', part: { ...part, source: { file: join(directory, 'none') } } })).rejects.toThrow();
  expect(await readdir(join(home, 'evaluations'))).toEqual(before);
});

it('what cannot be measured is refused before anything is kept', async () => {
  const bad = join(directory, 'bad.jsonl');
  await writeFile(bad, '{"query":"Q","choices":["a","b"],"gold":0}\n{"query":"Q","choices":["a"],"gold":0}\n');
  const save = (parts: SaveSuiteRequest['parts']): Promise<unknown> => studio.suites.save({ name: 'bad', parts });
  await expect(save([{ source: { file: bad }, options: { kind: 'choices' } }])).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringContaining('line 2 of bad.jsonl') as string,
  });
  await expect(save([{ source: { dataset: 'texts' }, options: { kind: 'choices' } }])).rejects.toMatchObject({
    code: 'BAD_INPUT',
    found: expect.stringContaining('kind text') as string,
  });
  await expect(save([{ source: { dataset: 'none' }, options: { kind: 'text' } }])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(studio.suites.list().map(({ name }) => name)).toEqual(['all kinds']);
});

it('what a source would measure is seen before a suite is made of it', async () => {
  const rows = join(directory, 'rows.jsonl');
  const inspect = async (row: object, options?: PartOptionsInput): Promise<PartInspection> => {
    await writeFile(rows, `${JSON.stringify(row)}\n`);
    return studio.suites.inspect({ source: { file: rows }, ...(options && { options }) });
  };
  const asked = { query: 'Q', choices: ['a', 'b'], gold: 1 };
  expect(await inspect(asked)).toMatchObject({
    ...{ name: 'rows.jsonl', items: 1, form: 'generic', options: { kind: 'choices', form: null } },
    example: { kind: 'choices', question: 'Q', choices: ['a', 'b'], gold: 1 },
  });
  const gap = { sentence: 'The _ slept.', option1: 'cat', option2: 'car', answer: '1' };
  expect((await inspect(gap)).example).toEqual({
    ...{ kind: 'choices', question: null, choices: ['The cat slept.', 'The car slept.'], gold: 0 },
  });
  expect((await inspect({ question: '1+1', answer: 'So\n#### 2' })).options).toMatchObject({ kind: 'exact-match', extraction: 'gsm8k' });
  expect((await inspect({ problem: 'x', solution: '$\\boxed{2}$' })).options).toMatchObject({ extraction: 'boxed' });
  expect((await inspect({ prompt: 'x', answer: 2 })).options).toMatchObject({ extraction: 'text', match: 'exact' });
  expect((await inspect({ text: 'x'.repeat(3000) })).example).toEqual({ kind: 'text', text: `${'x'.repeat(2000)}…` });
  await expect(inspect({ title: 'x' })).rejects.toMatchObject({ code: 'BAD_INPUT', found: 'the fields title' });
  await expect(inspect(asked, { kind: 'text' })).rejects.toMatchObject({ code: 'BAD_INPUT', message: /no text in line 1/ as never });
  await expect(studio.suites.inspect({ source: { file: directory } })).rejects.toMatchObject({ code: 'BAD_INPUT', found: 'a folder' });
  expect(await studio.suites.inspect({ source: { dataset: 'texts' } })).toMatchObject({ name: 'texts', options: { kind: 'text' } });
});

it('questions gained and lost are those that one of two models answers rightly', async () => {
  const config = { ...byteModelConfig, blocks: 1 };
  for (const [name, seed] of [
    ['one', 3],
    ['two', 4],
  ] as const) {
    await writeTinyModel(join(directory, name), { config, weights: randomWeights(config, seed) });
    await studio.models.import({ path: join(directory, name), name });
  }
  const rows = join(directory, 'many.jsonl');
  const texts = Array.from({ length: 40 }, (_, index) => ({
    ...{ query: `Q${index}`, gold: index % 3 },
    choices: [1, 5, 11].map((factor) => String.fromCharCode(97 + ((index * factor) % 26))),
  }));
  await writeFile(rows, texts.map((row) => JSON.stringify(row)).join('\n\n')); // every other line is blank
  await studio.suites.save({
    name: 'many',
    parts: [
      { source: { file: rows }, options: { kind: 'choices', limit: 30 } },
      { name: 'held-out', source: { dataset: 'texts' }, options: { kind: 'text' } },
    ],
  });
  const { rows: measured } = await studio.suites.run({ suite: 'many', models: ['one', 'two'], engine: fastEngine });
  expect(measured).toHaveLength(2);
  const { rows: compared } = studio.suites.results({ suite: 'many', baseline: 'one', models: ['two'] });
  expect(compared).toHaveLength(1);
  const answersOf = (model: string): Map<number, number> => {
    const result = studio.suites.items({ suite: 'many', model, part: 'many.jsonl' });
    if (result?.kind !== 'choices') throw new Error('These are no answers to choices.');
    return new Map(result.items.map(({ line, choice }) => [line, choice]));
  };
  const [before, now] = [answersOf('one'), answersOf('two')];
  for (const change of ['gained', 'lost'] as const) {
    const request = { suite: 'many', model: 'two', baseline: 'one', part: 'many.jsonl', change } as const;
    const found = await studio.suiteChanges.show(request);
    const expected = [...now.keys()].filter((line) => {
      const gold = ((line - 1) / 2) % 3;
      return change === 'gained'
        ? now.get(line) === gold && before.get(line) !== gold
        : now.get(line) !== gold && before.get(line) === gold;
    });
    expect(expected.length).toBeGreaterThan(1);
    expect(found.items.map(({ line }) => line)).toEqual(expected);
    expect(found[change]).toBe(compared[0]!.cells[0]!.comparison![change]);
    const [first] = found.items;
    expect(first).toMatchObject({
      item: { question: `Q${(first!.line - 1) / 2}`, gold: ((first!.line - 1) / 2) % 3 },
      answers: { kind: 'choices', baseline: before.get(first!.line), model: now.get(first!.line) },
    });
    expect((await studio.suiteChanges.show({ ...request, from: 1, count: 1 })).items).toEqual([found.items[1]]);
  }
  const ranked = await studio.suiteChanges.show({ suite: 'many', model: 'two', baseline: 'one', part: 'held-out', change: 'lost' });
  const worse = ranked.items.map(({ answers }) => (answers.kind === 'text' ? answers.model - answers.baseline : NaN));
  expect(worse).toEqual(worse.toSorted((a, b) => b - a));
  expect(worse.every((each) => each > 0)).toBe(true);
  const missing = { suite: 'many', model: 'two', part: 'many.jsonl', change: 'lost' } as const;
  await expect(studio.suiteChanges.show(missing)).rejects.toMatchObject({ code: 'NOT_FOUND', found: 'its base is not in the workspace' });
  await expect(studio.suiteChanges.show({ ...missing, baseline: 'base' })).rejects.toThrow('has not been measured of "base"');
  await studio.suites.remove({ suite: 'many' });
});

it('a suite gets another name, but not that of another', async () => {
  await studio.suites.save({ name: 'second', parts: [request().parts[2]!] });
  expect(studio.suites.rename({ suite: 'second', name: 'third' })).toMatchObject({ name: 'third' });
  expect(() => studio.suites.rename({ suite: 'third', name: 'all kinds' })).toThrow(/already/);
  expect(studio.suites.list().map(({ name }) => name)).toEqual(['all kinds', 'third']);
  await studio.suites.remove({ suite: 'third' });
});

it('a suite that is deleted takes its items and results along, but not those of another', async () => {
  const other = await studio.suites.save({ name: 'other', parts: [request().parts[2]!] });
  await studio.suites.remove({ suite: 'all kinds' });
  expect(studio.suites.list()).toMatchObject([{ ...other, models: 2, last: { cells: [{ result: { kind: 'text' } }] } }]);
  expect(figuresOf(studio.suites.results({ suite: 'other' }))).toHaveLength(2); // known since the first suite
  expect(await readdir(join(home, 'evaluations'))).toEqual([`${other.parts[0]!.itemsHash}.jsonl`]);
  await studio.suites.remove({ suite: 'other' });
  expect(await readdir(join(home, 'evaluations'))).toEqual([]);
});
