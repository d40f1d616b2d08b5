import { describe, expect, it } from 'vitest';
import { choiceFormOf, choiceItem } from '../../../shared/domain/evaluation/choice-forms.ts';
import type { ChoiceForm } from '../../../shared/domain/evaluation/choice-item.ts';
import { capitalize, characters, strip, stripEnd, utf8Bytes } from '../../../shared/domain/evaluation/python-text.ts';
import { StrataError } from '../../../shared/errors.ts';

const arc = { question: 'Why?', choices: { text: ['so', 'no'], label: ['1', '2'] }, answerKey: '2' };
const hellaswag = {
  ctx_a: 'A man [x] sits.',
  ctx_b: 'he THEN',
  activity_label: 'Sitting',
  endings: [' [title] stands  up.', 'flies.'],
  label: '1',
};
const mmlu = { subject: 'us_history', question: ' When? ', choices: ['now', 'then'], answer: 'B' };
const winogrande = { sentence: 'Ann saw Eve because _  ran.', option1: 'Ann', option2: 'Eve', answer: '1' };
const partial = { context_options: ['Ann', 'Eve'], continuation: 'ran.', gold: 1 };
const aqua = { question: '1+1?', options: ['A)1', 'B)2'], correct: 'B' };
const generic = { query: 'Q', choices: ['yes', 'no'], gold: 0 };

/** Contexts, continuations and the right one: each written out by hand from the task files of lm-evaluation-harness. */
it.each<[ChoiceForm, Record<string, unknown>, [string, string][], number]>([
  ['generic', generic, [['Q', ' yes'], ['Q', ' no']], 0], // prettier-ignore
  ['arc', arc, [['Question: Why?\nAnswer:', ' so'], ['Question: Why?\nAnswer:', ' no']], 1], // prettier-ignore
  ['hellaswag', hellaswag, [['Sitting: A man sits. He then', '  stands up.'], ['Sitting: A man sits. He then', ' flies.']], 1], // prettier-ignore
  ['winogrande', winogrande, [['Ann saw Eve because Ann', ' ran.'], ['Ann saw Eve because Eve', ' ran.']], 0], // prettier-ignore
  ['partial', partial, [['Ann', ' ran.'], ['Eve', ' ran.']], 1], // prettier-ignore
])('%s', (form, row, pairs, gold) => {
  expect(choiceFormOf(row)).toBe(form);
  const item = choiceItem(row, form, 'line 1');
  expect(item.gold).toBe(gold);
  expect(item.choices.map(({ context, continuation }) => [context, continuation])).toEqual(pairs);
});

it('the prompts with lists of choices', () => {
  const { choices, gold } = choiceItem(mmlu, choiceFormOf(mmlu), 'line 1');
  const context = 'The following are multiple choice questions (with answers) about us history.\n\nWhen?\nA. now\nB. then\nAnswer:';
  expect(choices.map((choice) => [choice.context, choice.continuation])).toEqual([
    [context, ' A'],
    [context, ' B'],
  ]);
  expect(gold).toBe(1);
  const asked = choiceItem(aqua, choiceFormOf(aqua), 'line 1');
  expect(asked.choices[1]).toEqual({
    context: 'Q: 1+1? Answer Choices: (A)1 (B)2\nA: Among A through B, the answer is',
    continuation: ' (B)2',
    text: '(B)2',
  });
  expect(asked.gold).toBe(1);
});

it('the marks of WikiHow: a leading one is no " [title]" once the text is stripped', () => {
  const endings = ['a [title] b', '[step]c [x]  d'];
  const { choices } = choiceItem({ ...hellaswag, endings }, 'hellaswag', 'line 1');
  expect(choices.map(({ text }) => text)).toEqual(['a. b', 'c  d']);
});

it.each([
  [0, 0],
  ['1', 1],
  ['B', 1],
  ['b', 1],
  ['no', 1],
])('an answer %j of yes and no is choice %i', (gold, index) => {
  expect(choiceItem({ ...generic, gold }, 'generic', 'line 1').gold).toBe(index);
});

describe('a row that cannot be asked is refused with its line', () => {
  const refusal = (row: Record<string, unknown>, form: ChoiceForm): StrataError => {
    try {
      choiceItem(row, form, 'line 7');
    } catch (error) {
      if (error instanceof StrataError) return error;
    }
    throw new Error('It was taken.');
  };
  it.each<[string, Record<string, unknown>, ChoiceForm, RegExp]>([
    ['no choices', { query: 'Q', gold: 0 }, 'generic', /choices/],
    ['one choice', { ...generic, choices: ['yes'] }, 'generic', /at least two/],
    ['an empty choice', { ...generic, choices: ['yes', ''] }, 'generic', /at least one character/],
    ['a choice that is no text', { ...generic, choices: ['yes', null] }, 'generic', /list of at least two texts/],
    ['an index too large', { ...generic, gold: 2 }, 'generic', /0 to 1/],
    ['an index below 0, as of a test set', { ...generic, gold: -1 }, 'generic', /0 to 1/],
    ['half an index', { ...generic, gold: 0.5 }, 'generic', /0 to 1/],
    ['a letter too far', { ...generic, gold: 'C' }, 'generic', /A to B/],
    ['another label', { ...arc, answerKey: '3' }, 'arc', /labels 1, 2/],
    ['labels that are not as many', { ...arc, choices: { text: ['so', 'no'], label: ['A', 'B', 'C'] } }, 'arc', /one label for each/],
    ['choices without labels', { ...arc, choices: ['so', 'no'] }, 'arc', /the field text/],
    ['a sentence without a gap', { ...winogrande, sentence: 'Ann ran.' }, 'winogrande', /"_"/],
    ['an empty label of a test set', { ...hellaswag, label: '' }, 'hellaswag', /0 to 1/],
    ['a question that is no text', { ...aqua, question: 4 }, 'aqua', /a text/],
  ])('%s', (_, row, form, allowed) => {
    const error = refusal(row, form);
    expect(error).toMatchObject({ code: 'BAD_INPUT' });
    expect(`${error.message} ${error.hint}`).toContain('line 7');
    expect(error.allowed).toMatch(allowed);
    expect(error.found).toBeTruthy();
  });

  it('fields of no form', () => {
    expect(() => choiceFormOf({ text: 'a story' })).toThrow(/no questions with choices/);
  });
});

it('texts are stripped, counted and capitalised as Python does', () => {
  expect(strip('\u001c\u0085 a\ufeff \u3000')).toBe('a\ufeff'); // JavaScript would strip the mark, and keep the others
  expect(stripEnd(' a \n')).toBe(' a');
  expect(capitalize('ÄPFEL und')).toBe('Äpfel und');
  expect(capitalize('ßA')).toBe('Ssa');
  expect(capitalize('')).toBe('');
  expect(characters('a🙂é')).toBe(3);
  for (const text of ['', 'aé漢🙂', '߿ࠀ']) expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
});
