import { expect, it } from 'vitest';
import { answerItem, promptOf, upToStop } from '../../../shared/domain/evaluation/answer-item.ts';
import { type AnswerMatch, boxed, gsm8kFlexible, gsm8kStrict, ownAnswer } from '../../../shared/domain/evaluation/extraction.ts';

it.each([
  ['so it is 12.\n#### 1,012', '#### 1012', '1,012', true, '1,012', true],
  ['#### $1012', '#### 1012', '[invalid]', false, '$1012', true],
  ['#### 5. And #### 6', '#### 5', '5.', true, '6', false],
  ['it is 7', 'x\n#### 7', '[invalid]', false, '7', true],
  ['-3 or - 4', '#### -3', '[invalid]', false, '4', false],
  ['', '#### 1', '[invalid]', false, '[invalid]', false],
  ['####  8', '#### 8', '[invalid]', false, '8', true],
])('of %j for %j', (output, answer, strict, isStrict, flexible, isFlexible) => {
  expect(gsm8kStrict(output, answer)).toEqual({ extracted: strict, isRight: isStrict });
  expect(gsm8kFlexible(output, answer)).toEqual({ extracted: flexible, isRight: isFlexible });
});

it.each<[string, string, boolean]>([
  ['so \\boxed{\\frac{1}{2}}.', 'it is $\\boxed{\\frac{1} {2}}$', true],
  ['first \\boxed{1}, then \\boxed{2}', '2', true],
  ['\\boxed{1', '1', false],
  ['1', '1', false],
])('boxed: %s for %s', (output, answer, isRight) => expect(boxed(output, answer).isRight).toBe(isRight));

it.each<[AnswerMatch, string, string, boolean]>([
  ['exact', ' Paris', 'Paris', true],
  ['exact', 'paris', 'Paris', false],
  ['loose', 'It’s  PARIS!', 'its paris', true],
  ['loose', 'Rome', 'Paris', false],
  ['number', 'about 1,250.50 in all', '1250.5', true],
  ['number', 'none', 'none', false],
  ['number', '12, 13', '13', true],
])('%s: %j for %j', (match, output, answer, isRight) => expect(ownAnswer(output, answer, match).isRight).toBe(isRight));

it('a prompt shows examples with their answers, and an answer ends at a stop', () => {
  const example = answerItem({ question: 'A?', answer: 'x #### 1' }, 'gsm8k', 'line 1');
  expect(promptOf('B?', [example], 'gsm8k')).toBe('Question: A?\nAnswer: x #### 1\n\nQuestion: B?\nAnswer:');
  expect(promptOf('B', [{ question: 'A', answer: '1' }], 'text')).toBe('A 1\n\nB');
  expect(upToStop('one Question: two\n', ['\n', 'Question:'])).toBe('one ');
  expect(upToStop('one', ['', 'two'])).toBe('one');
});

it('an answer that cannot be compared is refused with its line', () => {
  expect(() => answerItem({ question: 'A?', answer: '1' }, 'gsm8k', 'line 3')).toThrow(/line 3 has no final number/);
  expect(() => answerItem({ prompt: 'A?', answer: ' ' }, 'text', 'line 3')).toThrow(/line 3 is empty/);
  expect(() => answerItem({ prompt: 'A?' }, 'text', 'line 3')).toThrow(/no answer, completion, solution, target in line 3/);
  expect(answerItem({ prompt: 'A?', answer: 4 }, 'text', 'line 3')).toEqual({ question: 'A?', answer: '4' });
});
