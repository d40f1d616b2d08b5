import { expect, test } from 'vitest';
import { curveOf, parseSchedule } from '../../../shared/domain/mixture-curve.ts';
import { planExpansion } from '../../../shared/domain/plan.ts';
import { structureInWords } from '../../../shared/domain/value-words.ts';

test('the course of the replay share is said by its bends', () => {
  expect(structureInWords(curveOf(parseSchedule('falling'), 0.05))).toBe('10 % at 0 %, 0 % at 100 %');
  expect(structureInWords(curveOf(parseSchedule('constant'), 0.05))).toBe('5 % throughout');
});

test('datasets are told apart by what they are called, what they are for, and their version', () => {
  const datasets = [
    { id: 'a', name: 'law', role: 'new', hash: 'abcdef0123' },
    { id: 'b', name: 'stories', hash: '0123456789' },
  ];
  expect(structureInWords(datasets)).toBe('law (new, abcdef); stories (012345)');
});

test('inserted blocks are said by where they are and what they copy', () => {
  expect(structureInWords(planExpansion(4, 2, 'even').inserted)).toBe('2 (copy of 1), 5 (copy of 3)');
});

test('nothing is shown as JSON, whatever it holds', () => {
  expect(structureInWords([])).toBe('none');
  expect(structureInWords(['attention.query', 3, true, null])).toBe('attention.query, 3, true, none');
  expect(structureInWords([{ name: 'x', size: 2 }, { deep: [1, 2] }])).toBe('name x, size 2; deep 1, 2');
  expect(structureInWords({ 'a name': undefined, inner: { b: 1 } })).toBe('a name none, inner b 1');
  // Of another kind than they look like, as a newer or a foreign version may have written them.
  expect(structureInWords([{ at: 0, share: '5' }, { name: 'x' }])).toBe('at 0, share 5; name x');
});
