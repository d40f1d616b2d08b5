import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  cleaningInWords,
  cleaningDescription,
  CLEANING_GROUPS,
  wrongCleaning,
} from '../../../renderer/features/datasets/cleaning-words.ts';
import { columnUse, firstMapping } from '../../../renderer/features/datasets/mapping.ts';
import { markSharedRun } from '../../../renderer/features/datasets/shared-run.ts';
import {
  commonFolder,
  kindsInWords,
  languagesInWords,
  mappingInWords,
  nameBelow,
  pathBelow,
} from '../../../renderer/features/datasets/words.ts';
import { cleaningSettingsSchema, DEFAULT_CLEANING } from '../../../shared/domain/cleaning.ts';
import { type CellType, type Mapping, mappingSchema, type Shape, type ShapeGuess } from '../../../shared/domain/shape.ts';

function guessOf(columns: Record<string, CellType>, mapping: Mapping | null = null, alternatives: Mapping[] = []): ShapeGuess {
  return {
    mapping,
    alternatives,
    confidence: 'unsure',
    rows: 5,
    columns: Object.entries(columns).map(([name, type]) => ({ name, types: { [type]: 5 }, example: '' })),
  };
}

describe('a mapping to begin with', () => {
  test('is the guessed one of that shape, also where it is only an alternative', () => {
    const alternative: Mapping = { shape: 'completion', prompt: ['b'], completion: ['a'] };
    const guess = guessOf({ a: 'text', b: 'text' }, { shape: 'text', columns: ['b'] }, [alternative]);
    expect(firstMapping('text', guess)).toEqual({ shape: 'text', columns: ['b'] });
    expect(firstMapping('completion', guess)).toEqual(alternative);
  });

  test.each<[Shape, Mapping]>([
    ['text', { shape: 'text', columns: ['frage'] }],
    ['completion', { shape: 'completion', prompt: ['frage'], completion: ['antwort'] }],
    ['chat', { shape: 'chat', messages: ['verlauf'], system: null }],
    ['choice', { shape: 'choice', question: ['frage'], choices: ['wahl'], ending: null, gap: null, answer: 'nummer', answerForm: 'index' }],
  ])('of the shape %s takes columns by what they hold', (shape, expected) => {
    const guess = guessOf({ nummer: 'number', frage: 'text', antwort: 'text', verlauf: 'messages', wahl: 'texts' });
    expect(firstMapping(shape, guess)).toEqual(expected);
  });

  test('is one that the studio takes, however few columns there are', () => {
    for (const columns of [{ a: 'text' }, { a: 'number' }, { a: 'empty', b: 'empty' }] as Record<string, CellType>[]) {
      for (const shape of ['text', 'completion', 'chat', 'choice'] as const) {
        const mapping = firstMapping(shape, guessOf(columns));
        expect(mappingSchema.safeParse(mapping).success, `${shape} of ${Object.keys(columns).join()}`).toBe(true);
      }
    }
    expect(firstMapping('text', guessOf({}))).toBeNull();
  });

  test('says of each column what it is used for', () => {
    const mapping: Mapping = { shape: 'completion', prompt: ['q', 'context'], completion: ['a'] };
    expect(['q', 'context', 'a', 'id'].map((column) => columnUse(mapping, column))).toEqual(['prompt', 'prompt', 'completion', null]);
    expect(mappingInWords(mapping)).toBe('Prompt and completion: q + context → a');
  });
});

describe('cleaning in words', () => {
  test('has every setting in exactly one group, with a description', () => {
    const keys = CLEANING_GROUPS.flatMap((group) => group.keys);
    expect([...keys].sort()).toEqual(Object.keys(cleaningSettingsSchema.shape).sort());
    for (const key of keys) expect(cleaningDescription(key)).toMatch(/^[A-Z0-9].{10,}\.$/);
  });

  test('tells all that is done, and nothing where nothing is', () => {
    expect(cleaningInWords(DEFAULT_CLEANING)).toBe(
      'Characters made uniform, control characters removed, secrets and e-mail addresses reported, duplicates removed, near-duplicates kept on one side of the split.',
    );
    const none = cleaningSettingsSchema.parse({
      unicode: 'off',
      controlCharacters: false,
      secrets: 'off',
      emails: 'off',
      exactDuplicates: 'keep',
      nearDuplicates: 'off',
    });
    expect(cleaningInWords(none)).toBe('Nothing is cleaned.');
  });

  test('names the setting that is wrong', () => {
    expect(wrongCleaning(DEFAULT_CLEANING)).toBeNull();
    expect(wrongCleaning({ ...DEFAULT_CLEANING, sectionCharacters: 20 })).toMatch(/^Longest text: A section has at least 500/);
  });
});

test('kinds and languages are said as a person would', () => {
  expect(kindsInWords({ chat: 1, text: 1200 })).toBe('1,200 texts, 1 conversation');
  expect(languagesInWords([{ language: 'de', share: 1 }])).toBe('German');
  expect(
    languagesInWords([
      { language: 'en', share: 0.917 },
      { language: 'unknown', share: 0.083 },
    ]),
  ).toBe('English 92 %, not told 8 %');
  expect(languagesInWords([])).toBe('');
});

describe('a shared run of words', () => {
  const text = 'Before it. “Don’t open the DOOR,” she said—twice; and then nothing.';

  test('is found in the text as it is, whatever its case and punctuation', () => {
    const parts = markSharedRun(text, 'dont open the door she said twice');
    expect(parts.map((part) => part.text).join('')).toBe(text);
    expect(parts.filter((part) => part.isShared)).toEqual([{ text: 'Don’t open the DOOR,” she said—twice', isShared: true }]);
  });

  test('that does not stand there leaves the text unmarked', () => {
    expect(markSharedRun(text, 'open a door')).toEqual([{ text, isShared: false }]);
    expect(markSharedRun(text, '')).toEqual([{ text, isShared: false }]);
  });

  test('in a long text is shown with its surroundings', () => {
    const parts = markSharedRun('x '.repeat(5000) + 'here it is' + ' y'.repeat(5000), 'here it is');
    expect(parts.map((part) => part.isShared)).toEqual([false, true, false]);
    expect(parts.map((part) => part.text.length < 500)).toEqual([true, true, true]);
    expect(parts[0]!.text).toMatch(/^…/);
  });
});

describe('paths of files', () => {
  test.each([
    [['/home/a/data/x.txt', '/home/a/data/code/y.py'], '/home/a/data/'],
    [['/home/a/data/x.txt', '/home/b/data/x.txt'], '/home/'],
    [['/home/data/x.txt', '/home/database/x.txt'], '/home/'],
    [['C:\\data\\x.txt', 'C:\\data\\code\\y.py'], 'C:\\data\\'],
    [['/home/a/x.txt', '12 more files'], '/home/a/'],
    [['x.txt', 'y.txt'], ''],
    [[], ''],
  ])('%j lie in %j', (paths, folder) => {
    expect(commonFolder(paths)).toBe(folder);
  });

  test('are shortened at the beginning, and never in the name of the file', () => {
    expect(nameBelow('/data/1/0.txt', '/data/')).toBe('1/0.txt');
    expect(nameBelow('/data/0.txt', '/data/')).toBe('0.txt');
    const long = (number: number): string => `/data/${'a'.repeat(60)}${number}/0.txt`;
    expect(nameBelow(long(1), '/data/')).toBe(`…${'a'.repeat(41)}1/0.txt`);
    expect(nameBelow(long(1), '/data/')).not.toBe(nameBelow(long(2), '/data/'));
    const name = `${'b'.repeat(100)}.txt`;
    expect(nameBelow(`/data/x/${name}`, '/data/')).toBe(`…${name}`);
    expect(nameBelow(`/data/${name}`, '/data/')).toBe(name);
  });

  test('of files that a browser sent begin at what was dropped', () => {
    const drop = (): string => `/home/a/uploads/0b5e4f1c-7d5b-4a39-9d0f-6a2b8f0f2c11/${randomUUID()}`;
    const paths = [`${drop()}/rows.jsonl`, `${drop()}/mixed/a.txt`];
    expect(paths.map((path) => nameBelow(path, commonFolder(paths)))).toEqual(['rows.jsonl', 'mixed/a.txt']);
    expect(pathBelow('/home/uploads/mine/rows.jsonl', commonFolder(['/home/uploads/mine/rows.jsonl', '/home/x.txt']))).toBe(
      'uploads/mine/rows.jsonl',
    );
  });

  test('are told apart below it, and what is none stays as it is', () => {
    expect(pathBelow('/data/code/README.md', '/data/')).toBe('code/README.md');
    expect(pathBelow('12 more files', '/data/')).toBe('12 more files');
  });
});
