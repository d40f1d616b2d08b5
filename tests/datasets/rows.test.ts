import { describe, expect, it } from 'vitest';
import { textOfRow } from '../../main/datasets/rows.ts';
import { UnreadableFile } from '../../main/datasets/unreadable-file.ts';

const textOf = (row: unknown): string => textOfRow(row, 'line 7');

describe('the text of a row', () => {
  it('is a string itself', () => {
    expect(textOf(' as it is\n')).toBe(' as it is\n');
  });

  it.each(['text', 'content', 'document', 'body', 'code', 'article', 'passage', 'story', 'abstract'])('stands in the column %s', (name) => {
    expect(textOf({ id: 'x', url: 'y', [name]: 'the text', size: 3 })).toBe('the text');
  });

  it('stands in the most telling of several columns, whatever their order and case', () => {
    expect(textOf({ abstract: 'short', Body: 'long', TEXT: 'the text' })).toBe('the text');
  });

  it('stands in the next column when the most telling one is empty', () => {
    expect(textOf({ text: ' ', content: 'the content' })).toBe('the content');
  });

  it('is empty when its column is empty, so that the row is left out and the file is not', () => {
    expect(textOf({ text: '', id: 'a', url: 'b' })).toBe('');
    expect(textOf({ instruction: '', output: '', id: 'a' })).toBe('');
  });

  it('is a task with its code where both are there', () => {
    expect(textOf({ code: 'def f(): pass', text: 'Write f.', task_id: 1 })).toBe('Write f.\n\ndef f(): pass');
    expect(textOf({ code: '', text: 'Write f.' })).toBe('Write f.');
  });

  it.each([
    [{ output: 'o', instruction: 'i', input: 'n' }, 'i\n\nn\n\no'],
    [{ instruction: 'i', input: '', output: 'o' }, 'i\n\no'],
    [{ instruction: 'i', input: null, response: 'r' }, 'i\n\nr'],
    [{ prompt: 'p', completion: 'c' }, 'p\n\nc'],
    [{ prompt: 'p', response: 'r' }, 'p\n\nr'],
    [{ answer: 'a', question: 'q', doc: '12', source: 'S' }, 'q\n\na'],
    [{ answer: '', question: 'q', doc: '12', source: 'S' }, 'q'],
    [{ question: 'q', options: ['A)1', 'B)2'], rationale: 'r', correct: 'A' }, 'q\n\nr'],
    [{ QUESTION: 'q', CONTEXTS: ['one', 'two'], LONG_ANSWER: 'l', LABELS: ['x'], final_decision: 'yes' }, 'q\n\none\ntwo\n\nl'],
    [{ title: 't', description: 'd', price: 3 }, 't\n\nd'],
  ])('is put together from its parts, in the order in which they are read: %j', (row, expected) => {
    expect(textOf(row)).toBe(expected);
  });

  it('is the only string there is, when no column is known', () => {
    expect(textOf({ sentence: 'the sentence', label: 1, tags: [] })).toBe('the sentence');
  });

  it('is not guessed: the columns that were found and those that are known are listed', () => {
    expect(() => textOf({ left: 'a', right: 'b', label: 1 })).toThrow(
      new UnreadableFile(
        'At line 7 there is no text column. Found: left, right, label. Known: text, content, document, body, code, article, passage, story, abstract.',
      ),
    );
    expect(() => textOf({})).toThrow('Found: nothing.');
    expect(() => textOf({ text: 5, other: null })).toThrow('no text column');
  });

  it.each([[[1, 2]], [null], [7], [true]])('is refused where there is no row: %j', (row) => {
    expect(() => textOf(row)).toThrow(
      new UnreadableFile(`At line 7 there is ${JSON.stringify(row)}; a row is an object with a text, or a string.`),
    );
  });
});
