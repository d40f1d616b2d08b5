import { parse } from 'csv-parse/sync';
import { expect, test } from 'vitest';
import { suiteCsv } from '../../../renderer/features/suites/suite-csv.ts';
import { modelRows } from '../../../renderer/features/suites/suite-rows.ts';
import { differenceWords, figureWords, mannerOf, measuredItems, significanceWords } from '../../../renderer/features/suites/suite-words.ts';
import type { ModelInfo } from '../../../shared/contract/models.ts';
import type { SuitePart, SuiteRow, SuiteTable } from '../../../shared/contract/suites.ts';
import type { PartComparison } from '../../../shared/domain/evaluation/compare.ts';
import { partOptionsSchema } from '../../../shared/domain/evaluation/part.ts';

const part: SuitePart = {
  ...{ name: 'sums, "small"', source: 'sums.jsonl', items: 20, itemsHash: 'i', examplesHash: null, hash: 'h' },
  options: partOptionsSchema.parse({ kind: 'exact-match', extraction: 'gsm8k', shots: 5, maxTokens: 256, limit: 12, seed: 3 }),
};
const comparison: PartComparison = {
  ...{ difference: -0.25, standardError: 0.125, interval: [-0.5, 0], p: 0.0625, gained: 1, lost: 4, verdict: 'cannot-tell' },
};
const figures = {
  ...{ n: 12, accuracy: 0.25, standardError: 0.125, accuracyFlexible: 0.5, standardErrorFlexible: null, shortenedPrompts: 2 },
};
const row: SuiteRow = {
  ...{ model: { id: 'grown', name: 'grown' }, run: { id: 'r', name: 'learned' }, baseline: { id: 'base', name: 'base' } },
  cells: [{ part: 'h', result: { kind: 'exact-match', figures }, measuredAt: '2026-01-02T03:04:05Z', comparison }],
};
const table: SuiteTable = { suite: { id: 's', name: 's', parts: [part], createdAt: '2026-01-01T00:00:00Z' }, rows: [row] };

test('what is measured of a part is what its options leave of it', () => {
  expect(measuredItems(part)).toBe(12);
  expect(measuredItems({ ...part, items: 10 })).toBe(5); // examples are not asked
  expect(measuredItems({ ...part, items: 10, examplesHash: 'e' })).toBe(10);
  expect(mannerOf(part)).toBe(
    'the answer is the number after “####”, as in GSM8K; 5 examples before each; up to 256 tokens; 12 of them, drawn with seed 3',
  );
});

test('figures and differences have their errors and units', () => {
  expect(figureWords({ kind: 'exact-match', figures })).toEqual({
    ...{ value: '25.0 %', error: ' ± 12.5', notes: ['last number 50 %', '2 prompts shortened'] },
  });
  expect(differenceWords('exact-match', comparison)).toBe('−25.0 ± 12.5 points');
  expect(significanceWords(comparison)).toBe('p = 0.063');
  const ofTexts: PartComparison = { ...comparison, p: null, difference: 0.00001, interval: [-0.01, 0.02], standardError: null };
  expect(differenceWords('text', ofTexts)).toBe('0.0000 bits per byte');
  expect(significanceWords(ofTexts)).toBe('95 %: −0.0100 to +0.0200');
});

test('another program reads the results as they were', () => {
  const [record, ...others] = parse(suiteCsv(table), { columns: true }) as Record<string, string>[];
  expect(others).toEqual([]);
  expect(record).toMatchObject({
    ...{ model: 'grown', run: 'learned', 'compared with': 'base', part: 'sums, "small"', kind: 'exact-match', items: '12' },
    ...{ value: '0.25', 'standard error': '0.125', difference: '-0.25', p: '0.0625', gained: '1', lost: '4', verdict: 'cannot-tell' },
  });
});

test('each base comes before what was made of it, and what was measured before the rest', () => {
  const model = (id: string, baseModel: string | null): ModelInfo => ({ id, name: id, baseModel, run: null }) as ModelInfo;
  const models = [model('later', null), model('grown', 'base'), model('orphan', 'gone'), model('base', null)];
  const rows = modelRows({ ...table, rows: [row, { ...row, model: { id: 'base', name: 'base' }, baseline: null }] }, models);
  expect(rows.map(({ model: { id }, missing }) => [id, missing])).toEqual([
    ['base', 0],
    ['grown', 0],
    ['later', 1],
    ['orphan', 1],
  ]);
});
