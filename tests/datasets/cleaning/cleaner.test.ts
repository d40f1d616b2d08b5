import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Cleanable, cleaned, Cleaner } from '../../../main/datasets/cleaning/cleaner.ts';
import { loadLanguageDetector } from '../../../main/datasets/cleaning/language.ts';
import {
  CLEANING_STEPS,
  cleaningReportSchema,
  type CleaningReport,
  cleaningSettingsSchema,
  LANGUAGES,
} from '../../../shared/domain/cleaning.ts';
import { type Content, plainTextOf } from '../../../shared/domain/content.ts';
import { HOSTILE_TEXTS } from '../../support/hostile-texts.ts';
import { sharedData } from '../../support/shared-data.ts';

const OFF = { unicode: 'off', controlCharacters: false, secrets: 'off', emails: 'off' } as const;

async function clean(
  contents: (string | Content)[],
  settings: Parameters<typeof cleaningSettingsSchema.parse>[0],
): Promise<{ contents: Content[]; texts: string[]; report: CleaningReport }> {
  const cleaner = await Cleaner.create(cleaningSettingsSchema.parse(settings));
  async function* open(): AsyncIterable<Cleanable> {
    for (const [index, each] of contents.entries()) {
      yield { content: typeof each === 'string' ? { kind: 'text', text: each } : each, where: `line ${index + 1}` };
    }
  }
  const kept: Content[] = [];
  for await (const { content } of cleaned(open, cleaner)) kept.push(content);
  const report = cleaningReportSchema.parse(cleaner.report());
  return { contents: kept, texts: kept.map(plainTextOf), report };
}

describe('settings', () => {
  it('by default normalise, remove controls and duplicates, and flag; the rest is off', () => {
    expect(cleaningSettingsSchema.parse({})).toEqual({
      unicode: 'nfc',
      controlCharacters: true,
      boilerplate: false,
      boilerplateDocuments: 20,
      whitespace: false,
      secrets: 'flag',
      emails: 'flag',
      phones: 'off',
      minCharacters: 0,
      languages: [],
      sectionCharacters: 0,
      exactDuplicates: 'remove',
      nearDuplicates: 'keep',
      similarity: 0.8,
    });
  });

  it('refuse what they do not know', () => {
    expect(() => cleaningSettingsSchema.parse({ languages: ['english'] })).toThrow('Languages are named as in');
    expect(() => cleaningSettingsSchema.parse({ sectionCharacters: 10 })).toThrow('at least 500');
    expect(() => cleaningSettingsSchema.parse({ lower: true })).toThrow();
  });
});

describe('steps', () => {
  it('treat every text of every kind of content', async () => {
    const { contents, report } = await clean(
      [
        'e\u0301\0',
        { kind: 'completion', prompt: '\0p', completion: 'c\r\n' },
        {
          kind: 'chat',
          messages: [
            { role: 'user', content: 'u\0' },
            { role: 'assistant', content: '' },
          ],
        },
        { kind: 'choice', question: 'q\0', choices: ['a', '\0b'], answer: 1 },
        'same',
      ],
      {},
    );
    expect(contents).toEqual([
      { kind: 'text', text: 'é' },
      { kind: 'completion', prompt: 'p', completion: 'c\n' },
      {
        kind: 'chat',
        messages: [
          { role: 'user', content: 'u' },
          { role: 'assistant', content: '' },
        ],
      },
      { kind: 'choice', question: 'q', choices: ['a', 'b'], answer: 1 },
      { kind: 'text', text: 'same' },
    ]);
    expect(report.steps.map(({ step, changed, removed }) => [step, changed, removed])).toEqual([
      ['unicode', 1, 0],
      ['controlCharacters', 4, 0],
      ['secrets', 0, 0],
      ['emails', 0, 0],
    ]);
  });

  it('count documents and characters before and after, each where the one before left off', async () => {
    const { report, texts } = await clean(['ab\0', '\0\0', 'abcdef', 'x'], { ...OFF, controlCharacters: true, minCharacters: 2 });
    expect(texts).toEqual(['ab', 'abcdef']);
    expect(report.steps).toEqual([
      {
        step: 'controlCharacters',
        before: { documents: 4, characters: 12 },
        after: { documents: 3, characters: 9 },
        changed: 1,
        removed: 1,
        examples: [
          { where: 'line 1', before: 'ab\0', after: 'ab', reason: null },
          { where: 'line 2', before: '\0\0', after: null, reason: 'Nothing is left of it.' },
        ],
      },
      {
        step: 'minCharacters',
        before: { documents: 3, characters: 9 },
        after: { documents: 2, characters: 8 },
        changed: 0,
        removed: 1,
        examples: [{ where: 'line 4', before: 'x', after: null, reason: 'It has 1 characters of 2.' }],
      },
    ]);
  });

  it('keep at most 20 examples', async () => {
    const { report } = await clean(
      Array.from({ length: 50 }, (_, index) => `${index}\0`),
      {},
    );
    expect(report.steps[1]!.changed).toBe(50);
    expect(report.steps[1]!.examples).toHaveLength(20);
  });

  it('change nothing where all are off', async () => {
    const { texts, report } = await clean([...HOSTILE_TEXTS], { ...OFF });
    expect(texts).toEqual([...HOSTILE_TEXTS]);
    expect(report.steps).toEqual([]);
  });

  it('take hostile texts, all of them on', async () => {
    const all = {
      whitespace: true,
      boilerplate: true,
      phones: 'mask',
      emails: 'mask',
      secrets: 'mask',
      languages: ['en'],
      minCharacters: 1,
    };
    const { texts, report } = await clean([...HOSTILE_TEXTS, 'a\ud83d', 'x'.repeat(10_000_000)], all);
    expect(texts.every((text) => text.isWellFormed() && text.trim() !== '')).toBe(true);
    expect(report.steps.map(({ step }) => step)).toEqual(CLEANING_STEPS.slice(0, 9));
  });
});

describe('secrets and addresses', () => {
  const documents = [
    'write to jane@example.org or joe@example.org',
    'nothing here',
    { kind: 'completion', prompt: 'jane@example.org', completion: 'yes' },
  ] satisfies (string | Content)[];

  it('are flagged and left', async () => {
    const { texts, report } = await clean(documents, { ...OFF, emails: 'flag' });
    expect(texts[0]).toBe(documents[0]);
    expect(report.sensitive).toEqual([
      {
        kind: 'e-mail',
        documents: 2,
        matches: 3,
        examples: [
          { where: 'line 1', excerpt: 'write to jane… or ' },
          { where: 'line 1', excerpt: ' or joe@…' },
          { where: 'line 3', excerpt: 'jane…' },
        ],
      },
    ]);
    expect(report.steps[0]).toMatchObject({ step: 'emails', changed: 0, removed: 0 });
  });

  it('are masked', async () => {
    const { texts, report } = await clean(documents, { ...OFF, emails: 'mask' });
    expect(texts).toEqual(['write to [e-mail] or [e-mail]', 'nothing here', '[e-mail]\n\nyes']);
    expect(JSON.stringify(report)).not.toContain('@example');
  });

  it('drop their documents', async () => {
    const { texts, report } = await clean(documents, { ...OFF, emails: 'drop' });
    expect(texts).toEqual(['nothing here']);
    expect(report.steps[0]).toMatchObject({ removed: 2, examples: [{ reason: 'Found in it: e-mail.' }, {}] });
    expect(JSON.stringify(report)).not.toContain('@example');
  });
});

describe('boilerplate', () => {
  const page = (index: number): string =>
    `The Daily Paper, page ${index} of 40\n\nStory ${String.fromCharCode(97 + index)} begins\nas no other does ${'x'.repeat(index)}\nThe Daily Paper, page said\n}\n\nAll rights reserved by us.`;
  const pages = Array.from({ length: 25 }, (_, index) => page(index));

  it('leaves the first and last lines out that many documents share', async () => {
    const { texts, report } = await clean(pages, { ...OFF, boilerplate: true });
    expect(texts[3]).toBe('\nStory d begins\nas no other does xxx\n}\n');
    expect(report.steps[0]).toMatchObject({ step: 'boilerplate', changed: 25, removed: 0 });
  });

  it('is not what fewer share, stands in the middle of a text, or is in a conversation', async () => {
    const few = await clean(pages.slice(0, 19), { ...OFF, boilerplate: true });
    expect(few.texts).toEqual(pages.slice(0, 19));
    const filler = (name: string, index: number): string[] =>
      [1, 2, 3, 4, 5, 6].map((line) => `${name.repeat(index + 1)} ${'i'.repeat(line)}`);
    const middle = pages.map((_, index) => [...filler('up', index), 'In all of them this line.', ...filler('down', index)].join('\n'));
    expect((await clean(middle, { ...OFF, boilerplate: true })).texts).toEqual(middle);
    const tasks = pages.map((_, index): Content => ({
      kind: 'completion',
      prompt: 'Answer the question.',
      completion: 'y'.repeat(index + 1),
    }));
    expect((await clean(tasks, { ...OFF, boilerplate: true })).contents).toEqual(tasks);
  });

  it('counts documents, not lines', async () => {
    const repeated = Array.from({ length: 5 }, () => Array.from({ length: 30 }, () => 'Once more the same line.').join('\n'));
    expect((await clean(repeated, { ...OFF, boilerplate: true })).texts).toEqual(repeated);
  });
});

describe('languages', () => {
  const GERMAN = 'Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller staatlichen Gewalt.';
  const ENGLISH = 'Congress shall make no law respecting an establishment of religion, or prohibiting the free exercise thereof.';
  const FRENCH =
    'Les hommes naissent et demeurent libres et égaux en droits. Les distinctions sociales ne peuvent être fondées que sur l’utilité commune.';

  it('are told, the others left out, and what is too short to tell is kept', async () => {
    const { texts, report } = await clean([GERMAN, ENGLISH, FRENCH, 'Gut.', '1 2 3 '.repeat(100)], { ...OFF, languages: ['de', 'fr'] });
    expect(texts).toEqual([GERMAN, FRENCH, 'Gut.', '1 2 3 '.repeat(100)]);
    expect(report.languages).toEqual({ unknown: 2, de: 1, en: 1, fr: 1 });
    expect(report.steps[0]).toMatchObject({ removed: 1, examples: [{ where: 'line 2', reason: 'Its language is en.' }] });
  });

  it('of the settings are those of the detector', async () => {
    const { eld } = await import('eld/medium');
    expect(Object.values(eld.info().Languages).sort()).toEqual([...LANGUAGES].sort());
  });

  it.skipIf(!sharedData)('of real texts are told', async () => {
    const detector = await loadLanguageDetector();
    const german = (await readFile(join(sharedData!, 'language/german/german.txt'), 'utf8'))
      .split(/\n\s*\n/)
      .filter(({ length }) => length > 200);
    const told = german.map((text) => detector.languageOf(text));
    expect(told.filter((language) => language === 'de').length / told.length).toBeGreaterThan(0.97);
  });
});

describe('sections', () => {
  it('are made of plain texts alone, in order and with their places', async () => {
    const text = Array.from({ length: 100 }, (_, index) => `Paragraph ${index} of a long text.`).join('\n\n');
    const answer: Content = { kind: 'completion', prompt: text, completion: text };
    const { texts, report } = await clean([text, answer], { ...OFF, sectionCharacters: 600 });
    expect(texts.slice(0, -1).join('')).toBe(text);
    expect(texts.at(-1)).toBe(plainTextOf(answer));
    expect(report.sectionsAdded).toBe(texts.length - 2);
  });
});
