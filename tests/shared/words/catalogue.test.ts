import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { de } from '../../../shared/words/de/index.ts';
import { en } from '../../../shared/words/en/index.ts';
import { LANGUAGES, listInWords, locale, speak, words } from '../../../shared/words/words.ts';

type Sentences = Readonly<Record<string, Readonly<Record<string, string>>>>;
const root = join(import.meta.dirname, '../../..');

function sentencesOf(catalogue: Sentences): Map<string, string> {
  return new Map(
    Object.entries(catalogue).flatMap(([room, sentences]) => Object.entries(sentences).map(([name, text]) => [`${room}.${name}`, text])),
  );
}

/** What a sentence is filled with and the parts that are marked in it, in any order. */
function holesOf(text: string): string[] {
  return [...text.matchAll(/\{\{\w+\}\}|<\/?\w+>/g)].map(([hole]) => hole).sort();
}

/** The text of all sources that may ask for a sentence. */
async function sources(): Promise<string> {
  const files = await Promise.all(
    ['renderer', 'shared/domain', 'shared/words', 'main'].map(async (room) =>
      (await readdir(join(root, room), { recursive: true }))
        .filter((path) => /\.(ts|svelte)$/.test(path) && !/^(en|de)\//.test(path))
        .map((path) => join(root, room, path)),
    ),
  );
  return (await Promise.all(files.flat().map((path) => readFile(path, 'utf8')))).join('\n');
}

describe('the catalogue', () => {
  afterEach(() => speak('en'));

  it('says in German what it says in English, with the same to fill in and the same parts', () => {
    const [english, german] = [sentencesOf(en), sentencesOf(de)];
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, text] of english) expect(holesOf(german.get(key)!), key).toEqual(holesOf(text));
  });

  it('has no sentence that nobody asks for', async () => {
    const text = await sources();
    const unused = [...sentencesOf(en).keys()].filter((key) => !text.includes(`'${key.replace(/_(one|other)$/, '')}'`));
    expect(unused).toEqual([]);
  });

  it('has every plural in the forms that each language has', () => {
    for (const [language, catalogue] of [
      ['en', en],
      ['de', de],
    ] as const) {
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories.filter((form) => form === 'one' || form === 'other');
      const keys = sentencesOf(catalogue);
      for (const key of keys.keys()) {
        const stem = /^(.*)_(one|other)$/.exec(key)?.[1];
        if (stem) for (const form of forms) expect(keys.has(`${stem}_${form}`), `${stem}_${form}`).toBe(true);
      }
    }
  });

  it('fills in as text, counts by the plural of the language, and writes numbers as it does', async () => {
    expect(words('shell.workspace', { home: '<b>&{{home}}' })).toBe('The workspace: <b>&{{home}}');
    expect(words('settings.runs', { count: 1 })).toBe('1 run');
    expect(words('settings.runs', { count: 1234 })).toBe('1,234 runs');
    await speak('de');
    expect(words('settings.runs', { count: 1 })).toBe('1 Lauf');
    expect(words('settings.runs', { count: 1234 })).toBe('1.234 Läufe');
    expect(locale().numbers).toBe('de-DE');
  });

  it.each([
    ['lookAtRun', 'runs', 'lookAt'],
    ['resumeRun', 'runs', 'resume'],
    ['pauseRun', 'runs', 'pause'],
    ['tryAgainWith', 'imports', 'tryAgain'],
    ['goOnWith', 'imports', 'goOn'],
    ['tryAgainWith', 'models', 'tryAgain'],
    ['addOne', 'models', 'addThis'],
    ['exportOne', 'models', 'export'],
  ] as const)('names a button for whoever speaks to it by what stands on it: %s of %s', (name, room, shown) => {
    for (const catalogue of [en, de] as Sentences[]) {
      expect(catalogue[room]![name]!.toLowerCase()).toContain(catalogue[room]![shown]!.toLowerCase());
    }
  });

  it('lists several things as the language does', async () => {
    expect([['a'], ['a', 'b'], ['a', 'b', 'c']].map(listInWords)).toEqual(['a', 'a and b', 'a, b and c']);
    await speak('de');
    expect(listInWords(['a', 'b', 'c'])).toBe('a, b und c');
  });

  it('calls each language by its own name', () => {
    for (const [language, name] of Object.entries(LANGUAGES))
      expect(new Intl.DisplayNames([language], { type: 'language' }).of(language)).toBe(name);
  });
});
