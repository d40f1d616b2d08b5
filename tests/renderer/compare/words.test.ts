import { expect, test } from 'vitest';
import { comparableSeries, differenceWords, type Verdict, verdictReason } from '../../../renderer/features/compare/compare-words.ts';
import { cellText, deltaText, findDifferences, plainText } from '../../../renderer/features/compare/differences.ts';
import { differencesOf } from '../../../main/studio/run-differences.ts';
import type { RunSummary } from '../../../shared/domain/run.ts';
import { speak } from '../../../shared/words/words.ts';
import { fullConfiguration } from '../../support/run-records.ts';
import { matchedRows, sliderOf } from '../../../renderer/features/compare/matched.ts';

const VERDICT: Verdict = {
  ...{ run: 'a', measure: 'gain', difference: 0.0123, error: 0.004, interval: [0.0041, 0.0205], verdict: 'better', reason: null },
};

test('a verdict is said with its difference and interval, and why where it cannot be told', () => {
  expect(differenceWords(VERDICT)).toBe('+0.012 (+0.004 to +0.021)');
  expect(differenceWords({ ...VERDICT, difference: null, interval: null })).toBe('–');
  expect(differenceWords({ ...VERDICT, interval: null })).toBe('+0.012');
  expect(verdictReason({ ...VERDICT, verdict: 'cannot-tell' })).toMatch(/is not clear of zero/);
  expect(verdictReason({ ...VERDICT, verdict: 'cannot-tell', reason: 'Only one document.' })).toBe('Only one document.');
});

test('curves are offered only where their values mean the same in all runs', () => {
  const always = ['learningRate', 'gradientNorm', 'tokensPerSecond', 'memory'];
  expect(comparableSeries({ unit: 'none', measures: [], reasons: [] })).toEqual(always);
  expect(comparableSeries({ unit: 'bits', measures: ['gain', 'forgetting'], reasons: [] })).toEqual(always);
  expect(comparableSeries({ unit: 'nats', measures: ['gain'], reasons: [] })).toEqual(['loss.new', 'loss.train', ...always]);
  expect(comparableSeries({ unit: 'nats', measures: ['gain', 'forgetting', 'drift'], reasons: [] })).toHaveLength(8);
});

test('what differs is found by key and by value; all words must be there', () => {
  const differences = { 'method.name': ['lora', 'expand'], learningRate: [0.001, 0.002], seed: [1, null] };
  expect(findDifferences(differences, '').map(({ key }) => key)).toEqual(['method.name', 'learningRate', 'seed']);
  expect(findDifferences(differences, 'LoRA').map(({ key }) => key)).toEqual(['method.name']);
  expect(findDifferences(differences, 'rate 0.002').map(({ key }) => key)).toEqual(['learningRate']);
  expect(findDifferences(differences, 'rate lora')).toEqual([]);
});

test.each(['en', 'de'] as const)('whatever can differ has a name in words, in %s', async (language) => {
  const measured = { new: { loss: 3, tokens: 1 }, old: { loss: 2, tokens: 1 } };
  const mixture = {
    version: 2,
    weighting: 'size',
    temperature: 1,
    maxRepeats: 4,
    schedule: 'falling',
    curve: [],
    weights: { 'code-1': 1 },
  };
  const methods = [fullConfiguration.method, { name: 'lora', rank: 8, alpha: 16, targets: ['mlp'] }, { name: 'freeze', blocks: [1] }];
  const results = { status: 'done', gain: 1, forgetting: 1, drift: 1, tokensPerSecond: 1, seconds: 1, peakMemory: 1, engine: 'wasm' };
  const runs = methods.map((method, nr) => ({
    ...results,
    ...{ baseline: measured, final: measured, trainableParameters: 1, addedParameters: 1 },
    configuration: { ...fullConfiguration, ...(nr === 0 && { mixture }), method },
  }));
  const none = { ...Object.fromEntries(Object.keys(runs[0]!).map((key) => [key, null])), configuration: {} };
  const differences = differencesOf([...runs, none] as unknown as RunSummary[], {
    unit: 'nats',
    measures: ['gain', 'forgetting', 'drift'],
  });
  await speak(language);
  const rows = findDifferences(differences, '', new Map([['code-1', 'my code']]));
  await speak('en');
  expect(rows.length).toBeGreaterThan(50);
  for (const { key, label } of rows) expect(label, key).toMatch(/^\p{Lu}[^.]*$/u);
  for (const { key, label } of rows) expect(label, key).not.toMatch(/[a-z][A-Z]/);
  expect(new Set(rows.map(({ label }) => label)).size, 'no two are called the same').toBe(rows.length);
  expect(rows.find(({ key }) => key === 'mixture.weights.code-1')!.label).toContain('my code');
});

test('a cell is written to be read, and copied as it is', () => {
  const curve = [
    { at: 0, share: 0.1 },
    { at: 1, share: 0 },
  ];
  expect([cellText(curve), plainText(curve)]).toEqual(['10 % at 0 %, 0 % at 100 %', '[{"at":0,"share":0.1},{"at":1,"share":0}]']);
  expect(findDifferences({ 'mixture.curve': [curve, null] }, '10 %')).toHaveLength(1);
  expect([1234567, 0.1234567, null, '', false, ['a']].map(cellText)).toEqual(['1,234,567', '0.12346', '–', '–', 'false', 'a']);
  expect([1234567, 0.1234567, null, false, { a: 1 }].map(plainText)).toEqual(['1234567', '0.1234567', '', 'false', '{"a":1}']);
});

test('a number is told beside the baseline, in percent where that means something', () => {
  expect(deltaText(0.002, 0.001)).toBe('+0.001 (+100 %)');
  expect(deltaText(75, 100)).toBe('\u221225 (\u221225 %)');
  expect(deltaText(0.1, -0.1)).toBe('+0.2');
  expect(deltaText(2, 0)).toBe('+2');
  for (const [value, baseline] of [
    [1, 1],
    ['a', 1],
    [1, null],
    [NaN, 1],
  ])
    expect(deltaText(value, baseline)).toBeNull();
});

test('at equal gain, who forgot least comes first and who did not come so far last', () => {
  const matched = {
    gain: 0.5,
    runs: [
      { run: 'a', forgetting: null, step: null },
      { run: 'b', forgetting: 0.2, step: 10 },
      { run: 'c', forgetting: -0.1, step: 20 },
    ],
  };
  expect(matchedRows(matched, [{ id: 'b', name: 'second' }]).map(({ name }) => name)).toEqual(['c', 'second', 'a']);
});

test('the slider goes up to the largest gain in steps of about a hundredth', () => {
  expect(sliderOf([0.432, 0.2])).toEqual({ least: 0.001, most: 0.432, step: 0.001 });
  expect(sliderOf([-0.1, 0])).toBeNull();
  expect(sliderOf([])).toBeNull();
});
