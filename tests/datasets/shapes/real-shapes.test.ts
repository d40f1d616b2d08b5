import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { contentOfRow } from '../../../main/datasets/shapes/content-of-row.ts';
import { guessMapping } from '../../../main/datasets/shapes/guess-mapping.ts';
import { type Content, plainTextOf } from '../../../shared/domain/content.ts';
import type { Mapping } from '../../../shared/domain/shape.ts';
import { sharedData } from '../../support/shared-data.ts';

type Row = Record<string, unknown>;

const completion = (prompt: string[], answer: string[]): Mapping => ({ shape: 'completion', prompt, completion: answer });
const text: Mapping = { shape: 'text', columns: ['text'] };
const choice = (question: string[], choices: string, answer: string, more: object = {}): Mapping => ({
  shape: 'choice',
  question,
  choices: [choices],
  ending: null,
  gap: null,
  answer,
  answerForm: 'index',
  ...more,
});

/** Every set of rows there is: how it is read, how many rows it has by its README, and the first of them. */
const SETS: [file: string, mapping: Mapping, rows: number, first: Partial<Record<string, unknown>>][] = [
  [
    'choice/arc-easy/arc-easy.jsonl',
    choice(['query'], 'choices', 'gold'),
    2376,
    { question: 'Question: Which statement best explains why photosynthesis is the foundation of most food webs?', answer: 0 },
  ],
  ['choice/hellaswag-sample/hellaswag-val-sample.jsonl', choice(['ctx'], 'endings', 'label'), 300, { answer: 3 }],
  ['choice/mmlu-dev/mmlu-dev.jsonl', choice(['question'], 'choices', 'answer'), 285, { choices: ['0', '1', '2', '3'], answer: 1 }],
  [
    'choice/winogrande/winogrande.jsonl',
    choice([], 'context_options', 'gold', { ending: 'continuation' }),
    1267,
    {
      question: 'Sarah was a much better surgeon than Maria so',
      choices: ['Sarah always got the easier cases.', 'Maria always got the easier cases.'],
      answer: 1,
    },
  ],
  [
    'math/aqua-dev/aqua-dev.jsonl',
    choice(['question'], 'options', 'correct', { answerForm: 'letter' }),
    254,
    { choices: ['32400', '6000', '600', '60000', '10'] },
  ],
  ['code/mbpp/mbpp.jsonl', completion(['text'], ['code']), 974, {}],
  ['code/python-stdlib/python-stdlib.jsonl.gz', text, 140, {}],
  ['instruction/dolly-hhrlhf-small/dolly-hhrlhf-small.jsonl', completion(['prompt'], ['response']), 1000, {}],
  ['law/spdx-licences/spdx-licences.jsonl.gz', text, 270, {}],
  ['math/gsm8k-train/gsm8k-train.jsonl.gz', completion(['question'], ['answer']), 7473, {}],
  ['medical/medquad-niddk/medquad-niddk.jsonl.gz', completion(['question'], ['answer']), 1192, {}],
  ['medical/pubmedqa/pubmedqa-labelled.json.gz', completion(['QUESTION', 'CONTEXTS'], ['LONG_ANSWER']), 1000, {}],
  ['text/web-and-wiki/c4-demo.jsonl', text, 300, {}],
];

async function rowsOf(file: string): Promise<Row[]> {
  const bytes = await readFile(join(sharedData!, file));
  const content = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  if (file.includes('.json.')) return Object.values(JSON.parse(content) as Record<string, Row>);
  return content
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

describe.skipIf(!sharedData)('real rows', () => {
  it.each(SETS)('%s', async (file, mapping, count, first) => {
    const rows = await rowsOf(file);
    const guess = guessMapping(rows);
    expect([guess.mapping, guess.confidence]).toEqual([mapping, 'sure']);
    const contents = rows.map((row, index): Content => contentOfRow(row, mapping, `row ${index + 1}`));
    expect(contents).toHaveLength(count);
    expect(contents[0]).toMatchObject(first);
    expect(contents.filter((content) => plainTextOf(content).trim() === '')).toEqual([]);
  });

  it('every answer of the choices is spread over them, as in a real test', async () => {
    for (const [file, mapping] of SETS.filter(([, { shape }]) => shape === 'choice')) {
      const contents = (await rowsOf(file)).map((row) => contentOfRow(row, mapping, 'row') as Extract<Content, { kind: 'choice' }>);
      const counts = new Map<number, number>();
      for (const { answer } of contents) counts.set(answer, (counts.get(answer) ?? 0) + 1);
      // Every position is right at times, and none most of the time.
      for (let index = 0; index < contents[0]!.choices.length; index++)
        expect(counts.get(index), file).toBeGreaterThan(0.1 * contents.length);
    }
  });

  it('no file of rows is left out of this test', async () => {
    const files = await readdir(sharedData!, { recursive: true });
    const rows = files.filter((file) => !/^(models|tokenizers)/.test(file) && /\.jsonl?(\.gz)?$/.test(file));
    expect(rows.sort()).toEqual(SETS.map(([file]) => file).sort());
  });
});
