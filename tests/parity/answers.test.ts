import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { loadEngine } from '../../main/engine/load-engine.ts';
import { readItemRows } from '../../main/training/item-rows.ts';
import { type AnswerOptions, scoreAnswers } from '../../main/training/score-answers.ts';
import { withScoredModel } from '../../main/training/scored-model.ts';
import { answerItem, promptOf } from '../../shared/domain/evaluation/answer-item.ts';
import { gsm8kFlexible, gsm8kStrict } from '../../shared/domain/evaluation/extraction.ts';
import { partOptionsSchema } from '../../shared/domain/evaluation/part.ts';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';
import { fastEngine } from '../support/engines.ts';
import { sharedData } from '../support/shared-data.ts';
import { models, python } from './sides.ts';

/** Answers in words beside lm-evaluation-harness: what its model class writes after the same prompts, and what its GSM8K takes as the answer. */

const QUESTIONS = 6;
const SHOTS = 2;
const MAX_TOKENS = 48;

const HOSTILE = [
  '',
  '####',
  '#### ',
  '#### .',
  '#### -',
  '#### -,',
  '#### 1,000.\n#### 2',
  '####  7',
  '#### $7',
  '#### 7.\n',
  '#### 7..',
  '7.50.',
  '$-3',
  '-$3.00',
  '$$,,..',
  'a1b2c3',
  '١٢٣ or 12', // Arabic digits are none here
  '5\n\n',
  'x #### 4 #### 5',
  '\u2028#### 6',
  '#### 1e5',
  '- 12',
];
const ANSWERS = ['reason 2+2\n#### 7', '#### 1,000', '#### 2', '#### -3', '#### 5.', 'none'];

describe.skipIf(!sharedData)('answers in words', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-answers-parity-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(models.filter(({ name }) => name !== 'llama2-tiny-random'))(
    'of $name are those of lm-evaluation-harness, and so is what counts of them',
    { timeout: 600_000 },
    async ({ name, prepare }) => {
      const model = join(folder, name);
      await prepare(model);
      const rows = (await readItemRows(join(sharedData!, 'math/gsm8k-train/gsm8k-train.jsonl.gz'))).slice(0, SHOTS + QUESTIONS);
      const options = partOptionsSchema.parse({
        kind: 'exact-match',
        extraction: 'gsm8k',
        shots: SHOTS,
        maxTokens: MAX_TOKENS,
      }) as AnswerOptions;
      const engine = await loadEngine(fastEngine, engineDirectory());
      const ours = await withScoredModel(model, engine, (scored) => scoreAnswers(scored, rows, null, options, () => Promise.resolve()));

      const items = rows.map(({ row }) => answerItem(row, 'gsm8k', 'a line'));
      const prompts = items.slice(SHOTS).map(({ question }) => promptOf(question, items.slice(0, SHOTS), 'gsm8k'));
      const texts = [...HOSTILE, ...HOSTILE_TEXTS, ...ours.map(({ output }) => output)].flatMap((output) =>
        [...ANSWERS, items[0]!.answer].map((answer) => [output, answer] as const),
      );
      const job = { model, prompts, maxTokens: MAX_TOKENS, texts, out: `${model}.out.json` };
      await writeFile(`${model}.job.json`, JSON.stringify(job));
      await python('answers_sides.py', `${model}.job.json`);
      const theirs = JSON.parse(await readFile(job.out, 'utf8')) as {
        written: string[];
        judged: { extracted: string; isRight: boolean }[][];
      };

      expect(ours.map(({ output }) => output)).toEqual(theirs.written);
      const judged = texts.map(([output, answer]) => [gsm8kStrict(output, answer), gsm8kFlexible(output, answer)]);
      expect(judged).toEqual(theirs.judged);
      console.info(`${name}: ${ours.length} answers and ${texts.length} judgements alike`);
    },
  );
});
