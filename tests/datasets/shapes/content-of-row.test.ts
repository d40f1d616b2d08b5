import { describe, expect, it } from 'vitest';
import { contentOfRow, unknownShape } from '../../../main/datasets/shapes/content-of-row.ts';
import { guessMapping } from '../../../main/datasets/shapes/guess-mapping.ts';
import { UnusableRow } from '../../../main/datasets/shapes/unusable-row.ts';
import { type Content, contentSchema, plainTextOf } from '../../../shared/domain/content.ts';
import type { Mapping } from '../../../shared/domain/shape.ts';

type Row = Record<string, unknown>;

/** What a row says by the mapping that is guessed from it alone. */
function contentOf(row: Row): Content {
  return contentSchema.parse(contentOfRow(row, guessMapping([row]).mapping!, 'line 7'));
}

function refusal(row: Row, mapping: Mapping): string {
  try {
    contentOfRow(row, mapping, 'line 7');
  } catch (error) {
    if (error instanceof UnusableRow) return error.message;
    throw error;
  }
  throw new Error('was not refused');
}

describe('the content of a row', () => {
  it('has its text as it stands', () => {
    expect(contentOf({ text: ' as it is\r\n', id: 1 })).toEqual({ kind: 'text', text: ' as it is\r\n' });
  });

  it.each<[Row, string]>([
    [{ output: 'o', instruction: 'i', input: 'n' }, 'i\n\nn\n\no'],
    [{ instruction: 'i', input: '', output: 'o' }, 'i\n\no'],
    [{ instruction: 'i', input: null, response: 'r' }, 'i\n\nr'],
    [{ prompt: 'p', completion: 'c' }, 'p\n\nc'],
    [{ answer: 'a', question: 'q', doc: '12', source: 'S' }, 'q\n\na'],
    [{ QUESTION: 'q', CONTEXTS: ['one', 'two'], LONG_ANSWER: 'l', LABELS: ['x'], final_decision: 'yes' }, 'q\n\none\ntwo\n\nl'],
    [{ title: 't', description: 'd', price: 3 }, 't\n\nd'],
    [{ code: 'def f(): pass', text: 'Write f.', task_id: 1 }, 'Write f.\n\ndef f(): pass'],
  ])('has all the texts of its parts, in the order in which they are read: %j', (row, expected) => {
    expect(plainTextOf(contentOf(row))).toBe(expected);
  });

  it('has an input only where there is one', () => {
    const mapping: Mapping = { shape: 'completion', prompt: ['instruction', 'input'], completion: ['output'] };
    for (const input of [undefined, null, '', ' ']) {
      const row = { instruction: 'i', ...(input !== undefined && { input }), output: 'o' };
      expect(contentOfRow(row, mapping, 'line 7')).toEqual({ kind: 'completion', prompt: 'i', completion: 'o' });
    }
  });

  it('is empty where the row is, so that it can be left out', () => {
    expect(contentOfRow({ text: '', id: 'a' }, { shape: 'text', columns: ['text'] }, 'line 7')).toEqual({ kind: 'text', text: '' });
    expect(contentOfRow({ text: null }, { shape: 'text', columns: ['text'] }, 'line 7')).toEqual({ kind: 'text', text: '' });
    const mapping: Mapping = { shape: 'completion', prompt: ['q'], completion: ['a'] };
    expect(plainTextOf(contentOfRow({ q: '', a: '' }, mapping, 'line 7')).trim()).toBe('');
  });

  it('has messages with the roles of the names that datasets use', () => {
    const conversations = ['system', 'human', 'gpt', 'observation', 'function_call'].map((from, index) => ({ from, value: String(index) }));
    expect(contentOf({ conversations })).toEqual({
      kind: 'chat',
      messages: [
        { role: 'system', content: '0' },
        { role: 'user', content: '1' },
        { role: 'assistant', content: '2' },
        { role: 'tool', content: '3' },
        { role: 'assistant', content: '4' },
      ],
    });
  });

  it('has the parts of a message together', () => {
    const content = [{ type: 'text', text: 'Hello ' }, 'you'];
    expect(contentOf({ messages: [{ role: 'User', content }] })).toEqual({
      kind: 'chat',
      messages: [{ role: 'user', content: 'Hello you' }],
    });
  });

  it('begins with the system message of its column, unless it has one', () => {
    const user = { role: 'user', content: 'Hi' };
    const mapping: Mapping = { shape: 'chat', messages: ['messages'], system: 'system' };
    const withSystem = [{ role: 'system', content: 'Be kind.' }, user];
    expect(contentOfRow({ messages: [user], system: 'Be kind.' }, mapping, '')).toEqual({ kind: 'chat', messages: withSystem });
    expect(contentOfRow({ messages: withSystem, system: 'Be rude.' }, mapping, '')).toEqual({ kind: 'chat', messages: withSystem });
    for (const system of ['', null]) {
      expect(contentOfRow({ messages: [user], system }, mapping, '')).toEqual({ kind: 'chat', messages: [user] });
    }
    expect(contentOfRow({ messages: [user] }, mapping, '')).toEqual({ kind: 'chat', messages: [user] });
  });

  it('joins prompt and completion that are messages', () => {
    const row = { prompt: [{ role: 'user', content: 'Hi' }], completion: [{ role: 'assistant', content: 'Yes?' }] };
    expect(contentOf(row)).toEqual({ kind: 'chat', messages: [...row.prompt, ...row.completion] });
  });

  it.each<[string, Row, string, string[], number]>([
    ['numbers as choices', { question: 'q', choices: [3, 4], answer: 1 }, 'q', ['3', '4'], 1],
    ['letters', { question: 'q', options: ['A)1', 'B) 2'], correct: 'B' }, 'q', ['1', '2'], 1],
    ['letters in brackets', { question: 'q', options: ['(A) 1', '(B) 2'], correct: 'A' }, 'q', ['1', '2'], 0],
    [
      'what only looks like a letter',
      { question: 'q', options: ['B. Franklin', 'J. Adams'], correct: 'B' },
      'q',
      ['B. Franklin', 'J. Adams'],
      1,
    ],
    ['labels', { question: 'q', choices: { text: ['x', 'y'], label: ['C', 'D'] }, answerKey: 'D' }, 'q', ['x', 'y'], 1],
    [
      'a gap',
      { sentence: 'As _ fell, he ran.', option1: 'it', option2: 'she', answer: '1' },
      'As',
      ['it fell, he ran.', 'she fell, he ran.'],
      0,
    ],
    [
      'beginnings that differ',
      { context_options: ['It was Ann', 'It was Bea'], continuation: 'who won.', gold: 1 },
      'It was',
      ['Ann who won.', 'Bea who won.'],
      1,
    ],
    ['fewer choices than columns', { question: 'q', A: 'w', B: 'x', C: 'y', D: '', answer: 'C' }, 'q', ['w', 'x', 'y'], 2],
    ['a passage', { article: 'a', question: 'q', options: ['x', 'y'], answer: 'B' }, 'a\n\nq', ['x', 'y'], 1],
  ])('has a question, its choices and the index of the right one: %s', (_what, row, question, choices, answer) => {
    expect(contentOf(row)).toEqual({ kind: 'choice', question, choices, answer });
  });
});

describe('a row that cannot be used is refused', () => {
  const text: Mapping = { shape: 'text', columns: ['text'] };
  const chat: Mapping = { shape: 'chat', messages: ['messages'], system: null };
  const choice: Mapping = { shape: 'choice', question: ['q'], choices: ['c'], ending: null, gap: null, answer: 'a', answerForm: 'index' };

  it.each<[string, Row, Mapping, string]>([
    ['a missing column', { txt: 'a', id: 1 }, text, 'At line 7 there is no column "text". Found: txt, id.'],
    ['a missing column of an empty row', {}, text, 'At line 7 there is no column "text". Found: no columns.'],
    ['a number', { text: 5 }, text, 'At line 7, column "text" holds a number (5); allowed: a text, or a list of texts.'],
    ['an object', { text: { a: 1 } }, text, 'At line 7, column "text" holds an object ({"a":1}); allowed: a text, or a list of texts.'],
    [
      'nothing to learn',
      { q: 'q', a: '' },
      { shape: 'completion', prompt: ['q'], completion: ['a'] },
      'At line 7, column "a" holds nothing; allowed: a text to learn.',
    ],
    ['no messages', { messages: 'Hi' }, chat, 'At line 7, column "messages" holds text (Hi); allowed: a list of messages.'],
    ['no list', { messages: [] }, chat, 'At line 7, column "messages" holds nothing; allowed: a list of messages.'],
    [
      'an unknown role',
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'narrator', content: 'b' },
        ],
      },
      chat,
      'At line 7, column "messages", message 2 has the role "narrator"; allowed: system, user, assistant, tool, or developer, human, prompter, gpt',
    ],
    [
      'a message without text',
      { messages: [{ role: 'assistant', content: null, tool_calls: [{}] }] },
      chat,
      'At line 7, column "messages", message 1 has no content (perhaps a call of a tool); allowed: a text, or a list of parts of text.',
    ],
    [
      'a picture',
      { messages: [{ role: 'user', content: [{ type: 'image', image: 'x' }] }] },
      chat,
      'At line 7, column "messages", message 1 has a part of the type "image"; allowed: text.',
    ],
    [
      'one choice',
      { q: 'q', c: ['x'], a: 0 },
      choice,
      'At line 7, column "c" holds a list of texts (["x"]); allowed: at least two choices.',
    ],
    ['an answer beyond', { q: 'q', c: ['x', 'y'], a: 2 }, choice, 'At line 7, column "a" holds a number (2); allowed: 0 to 1.'],
    ['a secret answer', { q: 'q', c: ['x', 'y'], a: '' }, choice, 'At line 7, column "a" holds nothing; allowed: 0 to 1.'],
    [
      'no gap',
      { q: 'q', c: ['x', 'y'], a: 0 },
      { ...choice, gap: '_' },
      'At line 7, column "q" holds text (q); allowed: a text with one "_" in it.',
    ],
  ])('%s', (_what, row, mapping, message) => {
    expect(refusal(row, mapping)).toContain(message);
  });

  it('a file of unknown columns is told which there are', () => {
    const { columns } = guessMapping([{ left: 'a', right: 'b', label: 1 }, { left: null }]);
    expect(unknownShape(columns)).toBe(
      'No column is known as the one with the text. Found: left (text or nothing), right (text or nothing), label (a number or nothing). Say which columns to read.',
    );
  });
});
