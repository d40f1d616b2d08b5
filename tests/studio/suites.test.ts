import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStudio, type Studio } from '../../main/studio/studio.ts';
import { ProcessExecutor } from '../../main/training/process-executor.ts';
import type { SaveSuiteRequest, SuiteTable } from '../../shared/contract/suites.ts';
import { fastEngine } from '../support/engines.ts';
import { codeDocuments, writeDocuments, writeTinySources } from '../support/workspace.ts';

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

it('a suite that is deleted takes its items and results along, but not those of another', async () => {
  const other = await studio.suites.save({ name: 'other', parts: [request().parts[2]!] });
  await studio.suites.remove({ suite: 'all kinds' });
  expect(studio.suites.list()).toEqual([other]);
  expect(figuresOf(studio.suites.results({ suite: 'other' }))).toHaveLength(2); // known since the first suite
  expect(await readdir(join(home, 'evaluations'))).toEqual([`${other.parts[0]!.itemsHash}.jsonl`]);
  await studio.suites.remove({ suite: 'other' });
  expect(await readdir(join(home, 'evaluations'))).toEqual([]);
});
