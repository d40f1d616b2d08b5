import { describe, expect, it } from 'vitest';
import { guessMapping } from '../../../main/datasets/shapes/guess-mapping.ts';
import { type Mapping, shapeGuessSchema } from '../../../shared/domain/shape.ts';

type Row = Record<string, unknown>;

const message = { role: 'user', content: 'Hi' };

/** The mapping of rows; one row stands for all. */
function mappingOf(...rows: Row[]): Mapping | null {
  return guessMapping(rows).mapping;
}

function choice(mapping: Partial<Extract<Mapping, { shape: 'choice' }>>): Mapping {
  return {
    shape: 'choice',
    question: ['question'],
    choices: ['choices'],
    ending: null,
    gap: null,
    answer: 'answer',
    answerForm: 'index',
    ...mapping,
  };
}

describe('a text', () => {
  it.each(['text', 'content', 'document', 'body', 'code', 'article', 'passage', 'story', 'abstract'])('stands in the column %s', (name) => {
    const guess = guessMapping([{ id: 'x', url: 'y', [name]: 'the text', size: 3 }]);
    expect([guess.mapping, guess.confidence]).toEqual([{ shape: 'text', columns: [name] }, 'sure']);
  });

  it('stands in the most telling of several columns, whatever their order and case', () => {
    expect(mappingOf({ abstract: 'short', Body: 'long', TEXT: 'the text' })).toEqual({ shape: 'text', columns: ['TEXT'] });
  });

  it('stands in the next column when the most telling one is mostly empty', () => {
    expect(mappingOf({ text: ' ', content: 'a' }, { text: null, content: 'b' }, { text: 'c', content: 'd' })).toEqual({
      shape: 'text',
      columns: ['content'],
    });
  });

  it('is title, description and summary together', () => {
    expect(mappingOf({ title: 't', description: 'd', price: 3 })).toEqual({ shape: 'text', columns: ['title', 'description'] });
  });

  it('is the only column of text when no name is known, and that is unsure', () => {
    const guess = guessMapping([{ sentence: 'the sentence', label: 1, tags: [] }]);
    expect([guess.mapping, guess.confidence]).toEqual([{ shape: 'text', columns: ['sentence'] }, 'unsure']);
  });

  it('is not guessed among several unknown columns: each is offered, the longest first', () => {
    const guess = guessMapping([{ left: 'a', right: 'bcd', label: 1 }]);
    expect(guess.mapping).toBeNull();
    expect(guess.alternatives).toEqual([
      { shape: 'text', columns: ['right'] },
      { shape: 'text', columns: ['left'] },
    ]);
  });

  it('is not there where nothing is', () => {
    expect([mappingOf(), mappingOf({}), mappingOf({ text: 5, other: null })]).toEqual([null, null, null]);
  });
});

describe('a prompt with its completion', () => {
  it.each<[string, Row, string[], string[]]>([
    ['Alpaca', { output: 'o', instruction: 'i', input: 'n', text: 'i n o' }, ['instruction', 'input'], ['output']],
    ['Dolly', { instruction: 'i', context: '', response: 'r', category: 'qa' }, ['instruction', 'context'], ['response']],
    ['Dolly with contexts', { instruction: 'i', context: 'c', response: 'r' }, ['instruction', 'context'], ['response']],
    ['prompt and completion', { prompt: 'p', completion: 'c' }, ['prompt'], ['completion']],
    ['prompt and response', { prompt: 'p', response: 'r' }, ['prompt'], ['response']],
    ['question and answer', { answer: 'a', question: 'q', doc: '12', source: 'S' }, ['question'], ['answer']],
    ['a preference', { prompt: 'p', chosen: 'c', rejected: 'r' }, ['prompt'], ['chosen']],
    ['a problem', { problem: 'p', solution: 's', answer: '4' }, ['problem'], ['solution']],
    ['a task with its code', { code: 'def f(): pass', text: 'Write f.', task_id: 1 }, ['text'], ['code']],
    ['question, answer and why', { question: 'q', answer: 'a', rationale: 'r' }, ['question'], ['answer', 'rationale']],
    [
      'paragraphs between',
      { QUESTION: 'q', CONTEXTS: ['one', 'two'], LONG_ANSWER: 'l', LABELS: ['x'], final_decision: 'yes' },
      ['QUESTION', 'CONTEXTS'],
      ['LONG_ANSWER'],
    ],
  ])('%s', (_what, row, prompt, completion) => {
    const guess = guessMapping([row]);
    expect([guess.mapping, guess.confidence]).toEqual([{ shape: 'completion', prompt, completion }, 'sure']);
  });

  it('knows an input that most rows leave empty', () => {
    const rows = [
      { instruction: 'i', input: '', output: 'o' },
      { instruction: 'i', input: 'n', output: 'o' },
    ];
    expect(mappingOf(...rows)).toEqual({ shape: 'completion', prompt: ['instruction', 'input'], completion: ['output'] });
  });

  it('knows an input that all rows of the sample leave empty, and takes one that is filled before it', () => {
    expect(mappingOf({ instruction: 'i', input: '', output: 'o' })).toEqual({
      shape: 'completion',
      prompt: ['instruction', 'input'],
      completion: ['output'],
    });
    expect(mappingOf({ question: 'q', input: '', passage: 'p', answer: 'a', rationale: null })).toEqual({
      shape: 'completion',
      prompt: ['question', 'passage'],
      completion: ['answer', 'rationale'],
    });
  });

  it('can be read as a text instead', () => {
    expect(guessMapping([{ instruction: 'i', output: 'o', text: 'i o' }]).alternatives[0]).toEqual({ shape: 'text', columns: ['text'] });
  });
});

describe('a conversation', () => {
  it.each<[string, Row, string[]]>([
    ['OpenAI', { messages: [message] }, ['messages']],
    ['ShareGPT', { id: '1', conversations: [{ from: 'human', value: 'Hi' }], text: 'x' }, ['conversations']],
    ['parts', { messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] }, ['messages']],
    ['prompt and completion', { prompt: [message], completion: [message] }, ['prompt', 'completion']],
    ['a preference', { chosen: [message], rejected: [message] }, ['chosen']],
    ['JSON in a table', { messages: JSON.stringify([message]) }, ['messages']],
  ])('%s', (_what, row, messages) => {
    const guess = guessMapping([row]);
    expect([guess.mapping, guess.confidence]).toEqual([{ shape: 'chat', messages, system: null }, 'sure']);
  });

  it('is known by its values where its name is not, and has a system message of its own', () => {
    const guess = guessMapping([{ turns: [message], system: 'Be kind.' }]);
    expect([guess.mapping, guess.confidence]).toEqual([{ shape: 'chat', messages: ['turns'], system: 'system' }, 'likely']);
  });
});

describe('a question with choices', () => {
  const labelled = { text: ['x', 'y'], label: ['A', 'B'] };

  it.each<[string, Row[], Partial<Extract<Mapping, { shape: 'choice' }>>]>([
    ['MMLU', [{ question: 'q', choices: ['x', 'y'], answer: 0 }], {}],
    ['ARC', [{ id: '1', question: 'q', choices: labelled, answerKey: 'B' }], { answer: 'answerKey', answerForm: 'label' }],
    [
      'ARC with numbers as labels',
      [{ question: 'q', choices: { text: ['x', 'y'], label: ['1', '2'] }, answerKey: '2' }],
      { answer: 'answerKey', answerForm: 'label' },
    ],
    [
      'a list of choices with labels',
      [
        {
          question_stem: 'q',
          choices: [
            { text: 'x', label: 'A' },
            { text: 'y', label: 'B' },
          ],
          answerKey: 'A',
        },
      ],
      { question: ['question_stem'], answer: 'answerKey', answerForm: 'label' },
    ],
    [
      'HellaSwag',
      [
        { ctx_a: 'a', ctx: 'a b', endings: ['x', 'y'], label: '0' },
        { ctx_a: 'a', ctx: 'a b', endings: ['x', 'y'], label: '' },
      ],
      { question: ['ctx'], choices: ['endings'], answer: 'label' },
    ],
    [
      'Winogrande',
      [{ sentence: 'The cup broke as _ fell.', option1: 'it', option2: 'he', answer: '2' }],
      { question: ['sentence'], choices: ['option1', 'option2'], gap: '_', answerForm: 'number' },
    ],
    [
      'options with letters',
      [{ question: 'q', options: ['A)1', 'B)2'], rationale: 'r', correct: 'B' }],
      { choices: ['options'], answer: 'correct', answerForm: 'letter' },
    ],
    [
      'a column for each letter',
      [{ question: 'q', A: 'w', B: 'x', C: 'y', D: 'z', answer: 'C' }],
      { choices: ['A', 'B', 'C', 'D'], answerForm: 'letter' },
    ],
    ['PIQA', [{ goal: 'g', sol1: 'x', sol2: 'y', label: 0 }], { question: ['goal'], choices: ['sol1', 'sol2'], answer: 'label' }],
    [
      'SciQ',
      [{ question: 'q', distractor2: 'y', distractor1: 'x', correct_answer: 'z' }],
      { choices: ['correct_answer', 'distractor1', 'distractor2'], answer: 'correct_answer', answerForm: 'text' },
    ],
    [
      'RACE',
      [{ article: 'a', question: 'q', options: ['x', 'y'], answer: 'B' }],
      { question: ['article', 'question'], choices: ['options'], answerForm: 'letter' },
    ],
    [
      'one ending after several beginnings',
      [{ context_options: ['It was Ann', 'It was Bea'], continuation: 'who won.', gold: 0 }],
      { question: [], choices: ['context_options'], ending: 'continuation', answer: 'gold' },
    ],
  ])('%s', (_what, rows, mapping) => {
    const guess = guessMapping(rows);
    expect(guess.mapping).toEqual(choice(mapping));
    expect(guess.confidence).toBe('sure');
  });

  it('counts answers from 0 where both would do, and says that it is not sure', () => {
    const guess = guessMapping([{ question: 'q', choices: ['x', 'y', 'z'], answer: 1 }]);
    expect([guess.mapping, guess.confidence]).toEqual([choice({}), 'likely']);
  });

  it('counts answers from 1 once one is the number of choices', () => {
    const rows = [1, 3].map((answer) => ({ question: 'q', choices: ['x', 'y', 'z'], answer }));
    expect(mappingOf(...rows)).toEqual(choice({ answerForm: 'number' }));
  });

  it.each([
    ['one of ten', 10, 1],
    ['one of three', 3, 1],
    ['twenty of two hundred', 200, 20],
  ])('is one still where a few answers are wrong: %s', (_what, all, wrong) => {
    const rows = Array.from({ length: all }, (_, index) => ({ question: 'q', choices: ['x', 'y'], answer: index < wrong ? 9 : index % 2 }));
    expect(mappingOf(...rows)).toEqual(choice({}));
  });

  it('is none where more than a tenth of the answers are wrong', () => {
    const rows = Array.from({ length: 20 }, (_, index) => ({ question: 'q', choices: ['x', 'y'], answer: index < 3 ? 'z' : 'x' }));
    expect(mappingOf(...rows)?.shape).toBe('completion');
  });

  it('is none where the answers name no choice', () => {
    expect(mappingOf({ question: 'q', choices: ['x', 'y'], answer: 'Because of z.' })).toEqual({
      shape: 'completion',
      prompt: ['question'],
      completion: ['answer'],
    });
  });

  it('can be read as a prompt with a completion instead', () => {
    const { alternatives } = guessMapping([{ question: 'q', options: ['A)1', 'B)2'], rationale: 'r', correct: 'B' }]);
    expect(alternatives[0]).toEqual({ shape: 'completion', prompt: ['question'], completion: ['rationale'] });
  });
});

describe('the columns', () => {
  it('come with what they hold, how often, and an example', () => {
    const guess = guessMapping([
      { text: 'one', n: 1, ok: true },
      { text: ['two'], n: null, tags: [1] },
      { text: '', o: { a: 1 } },
    ]);
    expect(guess.columns).toEqual([
      { name: 'text', types: { text: 1, texts: 1, empty: 1 }, example: 'one' },
      { name: 'n', types: { number: 1, empty: 2 }, example: '1' },
      { name: 'ok', types: { boolean: 1, empty: 2 }, example: 'true' },
      { name: 'tags', types: { list: 1, empty: 2 }, example: '[1]' },
      { name: 'o', types: { object: 1, empty: 2 }, example: '{"a":1}' },
    ]);
    expect(shapeGuessSchema.parse(guess)).toEqual(guess);
  });

  it('are those of the first two hundred rows', () => {
    const rows = Array.from({ length: 300 }, (_, index) => ({ [index < 200 ? 'text' : 'late']: 'a' }));
    const guess = guessMapping(rows);
    expect([guess.rows, guess.columns.map(({ name }) => name)]).toEqual([200, ['text']]);
  });
});
