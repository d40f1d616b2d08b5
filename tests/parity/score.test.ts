import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import type { Engine } from '../../main/engine/engine.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { type NumberedRow, readItemRows } from '../../main/training/item-rows.ts';
import { scoreChoices } from '../../main/training/score-choices.ts';
import { withScoredModel } from '../../main/training/scored-model.ts';
import type { ChoiceForm } from '../../shared/domain/evaluation/choice-item.ts';
import { type ChoiceResult, choiceFigures } from '../../shared/domain/evaluation/choice-result.ts';
import type { ItemRow } from '../../shared/domain/evaluation/row-fields.ts';
import { fastEngine } from '../support/engines.ts';
import { sharedData } from '../support/shared-data.ts';
import { models, pythonWithoutAssertions, root } from './sides.ts';

/** Multiple choice beside lm-evaluation-harness: its tasks and its model class on the same rows, every item of every set. */

interface ChoiceSet {
  name: string;
  form: ChoiceForm;
  rows: ItemRow[];
  /** The task there, and its rows where they have other fields. */
  task: string;
  theirs?: ItemRow[];
  /** Whether the task divides by the length of something else than what it scores. */
  hasOwnLengths?: boolean;
}

interface Answers {
  items: (Omit<ChoiceResult, 'line' | 'gold' | 'tokens'> & { right: boolean[] })[];
  accuracies: number[];
  errors: number[];
}

const FIXTURES = join(root, 'tests/fixtures/evaluation');

/** Sums of float32 values in another order; log-likelihoods of these sets lie between -1 and -1000. */
const RELATIVE_DIFFERENCE = 1e-4;

describe.skipIf(!sharedData)('multiple choice', () => {
  let folder: string;
  let sets: ChoiceSet[];
  let engine: Engine;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-score-parity-'));
    engine = await loadEngine(fastEngine, engineDirectory());
    sets = await choiceSets();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(models.filter(({ name }) => name !== 'llama2-tiny-random'))(
    'of $name is that of lm-evaluation-harness, item by item',
    { timeout: 1_800_000 },
    async ({ name: model, prepare }) => {
      const path = join(folder, model);
      await prepare(path);
      const theirs = await answersOfHarness(path, sets);
      await withScoredModel(path, engine, async (scored) => {
        for (const [index, { name, form, rows, hasOwnLengths = false }] of sets.entries()) {
          const ours = await scoreChoices(scored, numbered(rows), form, () => Promise.resolve());
          compare(`${model}, ${name}`, ours, theirs[index]!, hasOwnLengths);
        }
      });
    },
  );

  it('of the fixture is what was recorded: STRATA_RECORD_SCORES=1 records it anew', { timeout: 300_000 }, async () => {
    const path = join(folder, 'fixture');
    await models[0]!.prepare(path);
    const fixture = JSON.parse(await readFile(join(FIXTURES, 'choices.json'), 'utf8')) as Pick<ChoiceSet, 'task' | 'rows'>[];
    const answers = (await answersOfHarness(path, fixture)).map(({ items }) => items);
    const recorded = join(FIXTURES, 'choices.lm-eval.json');
    if (process.env.STRATA_RECORD_SCORES) await writeFile(recorded, `${JSON.stringify(answers, null, 2)}\n`);
    const known = JSON.parse(await readFile(recorded, 'utf8')) as Answers['items'][];
    for (const [index, items] of answers.entries()) {
      for (const [place, { logLikelihoods, ...choices }] of items.entries()) {
        const { logLikelihoods: before, ...rest } = known[index]![place]!;
        expect(choices).toEqual(rest);
        for (const [choice, sum] of logLikelihoods.entries()) expect(sum).toBeCloseTo(before[choice]!, 3); // another processor adds otherwise
      }
    }
  });

  async function answersOfHarness(model: string, asked: readonly Pick<ChoiceSet, 'task' | 'rows' | 'theirs'>[]): Promise<Answers[]> {
    const job = { model, sets: [] as { task: string; rows: string }[], out: `${model}.answers.json` };
    for (const [index, { task, rows, theirs = rows }] of asked.entries()) {
      const path = `${model}.${index}.jsonl`;
      await writeFile(path, theirs.map((row) => `${JSON.stringify(row)}\n`).join(''));
      job.sets.push({ task, rows: path });
    }
    await writeFile(`${model}.job.json`, JSON.stringify(job));
    // One of the tokenizers joins some choices with the end of their question, and leaves nothing to score: an assertion there.
    await pythonWithoutAssertions('score_sides.py', `${model}.job.json`);
    return JSON.parse(await readFile(job.out, 'utf8')) as Answers[];
  }
});

function compare(name: string, ours: readonly ChoiceResult[], theirs: Answers, hasOwnLengths: boolean): void {
  expect(ours.length, name).toBe(theirs.items.length);
  let largest = 0;
  const different = { choice: 0, perByte: 0, perCharacter: 0, greedy: 0 };
  for (const [index, item] of ours.entries()) {
    const wanted = theirs.items[index]!;
    for (const [choice, sum] of item.logLikelihoods.entries()) {
      const right = wanted.logLikelihoods[choice]!;
      if (right !== sum) largest = Math.max(largest, Math.abs(sum - right) / Math.abs(right));
    }
    for (const key of ['choice', 'perByte', 'perCharacter'] as const) if (item[key] !== wanted[key]) different[key]++;
    if (item.greedy.join() !== wanted.greedy.join()) different.greedy++;
  }
  console.info(`${name}: ${ours.length} items, ${JSON.stringify(different)} different, log-likelihoods to ${largest.toExponential(1)}`);
  expect(largest, name).toBeLessThan(RELATIVE_DIFFERENCE);
  expect(different, name).toMatchObject(hasOwnLengths ? { choice: 0, greedy: 0 } : { choice: 0, perByte: 0, perCharacter: 0, greedy: 0 });
  const figures = choiceFigures(ours);
  const [accuracy, perCharacter, perByte] = theirs.accuracies;
  expect(figures.accuracy, name).toBeCloseTo(accuracy!, 12);
  expect(figures.standardError, name).toBeCloseTo(theirs.errors[0]!, 12);
  if (hasOwnLengths) return;
  expect(figures.accuracyPerCharacter, name).toBeCloseTo(perCharacter!, 12);
  expect(figures.accuracyNormalized, name).toBeCloseTo(perByte!, 12);
  expect(figures.standardErrorNormalized, name).toBeCloseTo(theirs.errors[2]!, 12);
}

function numbered(rows: readonly ItemRow[]): NumberedRow[] {
  return rows.map((row, index) => ({ row, line: index + 1 }));
}

/** The sets of the shared data, in their own form and in the form in which their authors publish them. */
async function choiceSets(): Promise<ChoiceSet[]> {
  const read = async (path: string): Promise<ItemRow[]> => (await readItemRows(join(sharedData!, path))).map(({ row }) => row);
  const arc = await read('choice/arc-easy/arc-easy.jsonl');
  const partial = await read('choice/winogrande/winogrande.jsonl');
  const aqua = await read('math/aqua-dev/aqua-dev.jsonl');
  const sentences = partial.map(asSentence);
  return [
    { name: 'ARC-Easy', form: 'generic', task: 'generic', rows: arc },
    { name: 'ARC-Easy as published', form: 'arc', task: 'arc', rows: arc.map(asArc) },
    { name: 'HellaSwag', form: 'hellaswag', task: 'hellaswag', rows: await read('choice/hellaswag-sample/hellaswag-val-sample.jsonl') },
    { name: 'MMLU', form: 'mmlu', task: 'mmlu', rows: await read('choice/mmlu-dev/mmlu-dev.jsonl') },
    { name: 'Winogrande', form: 'partial', task: 'winogrande', rows: partial, theirs: sentences, hasOwnLengths: true },
    { name: 'Winogrande as published', form: 'winogrande', task: 'winogrande', rows: sentences, hasOwnLengths: true },
    { name: 'AQuA', form: 'aqua', task: 'aqua', rows: aqua, theirs: aqua.map(asAgiEval) },
  ];
}

function asArc(row: ItemRow): ItemRow {
  const { query, choices, gold } = row as { query: string; choices: string[]; gold: number };
  const label = choices.map((_, index) => String.fromCharCode(65 + index));
  return { question: query.replace(/^Question: /, ''), choices: { text: choices, label }, answerKey: label[gold] };
}

/** The sentence whose gap the two beginnings fill; where they end alike, the options do too. */
function asSentence(row: ItemRow): ItemRow {
  const { context_options, continuation, gold } = row as { context_options: [string, string]; continuation: string; gold: number };
  const [first, second] = context_options;
  let shared = 0;
  while (first[shared] === second[shared] && shared < Math.min(first.length, second.length)) shared++;
  return {
    sentence: `${first.slice(0, shared)}_ ${continuation}`,
    option1: first.slice(shared),
    option2: second.slice(shared),
    answer: String(gold + 1),
  };
}

/** As AGIEval's file of AQuA has it. */
function asAgiEval(row: ItemRow): ItemRow {
  const { question, options, correct } = row as { question: string; options: string[]; correct: string };
  const choices = options.map((option) => `(${option}`);
  const query = `Q: ${question} Answer Choices: ${choices.join(' ')}\nA: Among A through E, the answer is`;
  return { query, choices, gold: correct.charCodeAt(0) - 65 };
}
