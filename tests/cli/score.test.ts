import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Suite, SuiteTable } from '../../shared/contract/suites.ts';
import type { ChoiceFigures, ChoiceResult } from '../../shared/domain/evaluation/choice-result.ts';
import { StrataHere } from '../support/strata-command.ts';
import { writeTinySources } from '../support/workspace.ts';

/** `strata score` and `strata suite`. */

let directory: string;
let strata: StrataHere;
let questions: string;
let answers: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strata-score-'));
  strata = new StrataHere(join(directory, 'home'));
  const { model } = await writeTinySources(directory);
  await strata.json('model', 'import', model, '--name', 'base');
  questions = join(directory, 'questions.jsonl');
  const rows = Array.from({ length: 8 }, (_, index) => ({ query: `Q${index}`, choices: ['yes', 'no – not'], gold: index % 2 }));
  await writeFile(questions, rows.map((row) => JSON.stringify(row)).join('\n'));
  answers = join(directory, 'answers.jsonl');
  await writeFile(answers, '{"question":"1?","answer":"#### 1"}\n{"question":"2?","answer":"#### 2"}\n');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test('questions with choices: shares of right ones with their standard errors, and items when asked', async () => {
  const scored = await strata.json<ChoiceFigures & { items: ChoiceResult[] }>('score', 'base', '--choices', questions, '--items');
  expect(scored).toMatchObject({ n: 8, choicesWithoutTokens: 0 });
  const share = scored.items.filter(({ choice, gold }) => choice === gold).length / 8;
  expect(scored.accuracy).toBe(share);
  expect(scored.standardError).toBeCloseTo(Math.sqrt((share * (1 - share)) / 7), 12);
  const part = await strata.json<ChoiceFigures & { items: ChoiceResult[] }>(
    'score',
    'base',
    '--choices',
    questions,
    '--limit',
    '3',
    '--items',
  );
  expect(part.n).toBe(3);
  // The same items, whichever are scored with them.
  for (const item of part.items) expect(item.choice).toBe(scored.items[item.line - 1]!.choice);
  const { stdout } = await strata.run('score', 'base', '--choices', questions);
  expect(stdout).toMatch(/^Accuracy +[\d.]+ % ± [\d.]+ %$/m);
});

test('questions answered in words, with an example before each', async () => {
  const command = ['score', 'base', '--answers', answers, '--extract', 'gsm8k', '--shots', '1', '--max-tokens', '4'];
  expect(await strata.json(...command)).toMatchObject({
    n: 1,
    accuracy: 0,
    standardError: null,
    accuracyFlexible: expect.any(Number) as number,
  });
});

test('a suite is saved, measured, shown and deleted', async () => {
  const saved = await strata.json<Suite>('suite', 'save', 'mine', '--choices', questions, '--limit', '4');
  const table = await strata.json<SuiteTable>('suite', 'run', 'mine');
  expect(table.rows).toMatchObject([{ model: { name: 'base' }, cells: [{ result: { kind: 'choices', figures: { n: 4 } } }] }]);
  expect(await strata.json<SuiteTable>('suite', 'results', saved.id)).toEqual(table);
  const { stdout } = await strata.run('suite', 'results', 'mine');
  expect(stdout).toMatch(/^base +- +[\d.]+ % ± [\d.]+ %$/m);
  expect(await strata.json('suite', 'list')).toEqual([{ ...saved, models: 1, last: table.rows[0] }]);
  expect(await strata.json('suite', 'rename', 'mine', 'ours')).toEqual({ ...saved, name: 'ours' });
  await strata.json('model', 'expand', 'base', '--blocks', '1', '--name', 'grown');
  await strata.json('suite', 'run', 'ours', 'grown');
  expect(await strata.json<SuiteTable>('suite', 'results', 'ours', 'base')).toEqual({ ...table, suite: { ...saved, name: 'ours' } });
  expect((await strata.run('suite', 'changes', 'ours', 'questions.jsonl', 'grown')).stdout).toContain(
    'questions.jsonl: grown against base, 0 gained, 0 lost',
  );
  expect((await strata.run('suite', 'show', 'ours')).stdout).toContain('questions.jsonl');
  expect(await strata.json('suite', 'delete', 'ours')).toEqual({ removed: saved.id });
});

test('wrong input is refused with what was found and what is allowed', async () => {
  await writeFile(join(directory, 'bad.jsonl'), '{"query":"Q","choices":["a","b"],"gold":7}\n');
  for (const [args, allowed] of [
    [['score', 'base'], /--choices FILE/],
    [['score', 'base', '--choices', questions, '--answers', answers], /one of/],
    [['score', 'base', '--choices', join(directory, 'bad.jsonl')], /0 to 1/],
    [['score', 'base', '--choices', questions, '--form', 'arc'], /the field text/],
    [['score', 'base', '--answers', answers, '--shots', '2', '--max-tokens', '8'], /up to 1 examples/],
    [['score', 'base', '--answers', answers, '--max-tokens', '64'], /fewer than 64/],
    [['suite', 'save', 'nothing'], /--choices/],
  ] as const) {
    const refused = await strata.failure(...args);
    expect(refused.exitCode, args.join(' ')).toBe(2);
    expect(refused.allowed, args.join(' ')).toMatch(allowed);
  }
});
