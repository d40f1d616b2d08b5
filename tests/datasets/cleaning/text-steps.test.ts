import { describe, expect, it } from 'vitest';
import { removeControlCharacters } from '../../../main/datasets/cleaning/control-characters.ts';
import { splitLong } from '../../../main/datasets/cleaning/split-long.ts';
import { normaliseUnicode } from '../../../main/datasets/cleaning/unicode.ts';
import { tidyWhitespace } from '../../../main/datasets/cleaning/whitespace.ts';
import { randomStream } from '../../../shared/domain/random.ts';
import { HOSTILE_TEXTS, randomTexts } from '../../support/hostile-texts.ts';

const TEN_MEGABYTES = 10_000_000;
/** What takes quadratic time takes an hour for this. */
const MILLION = 1_000_000;

describe('unicode', () => {
  it('joins what NFC joins, and only NFKC touches what looks different', () => {
    expect(normaliseUnicode('e\u0301 x² ﬁ Ａ', 'nfc')).toBe('é x² ﬁ Ａ');
    expect(normaliseUnicode('e\u0301 x² ﬁ Ａ', 'nfkc')).toBe('é x2 fi A');
  });
});

describe('control characters', () => {
  it.each([
    ['NULs and other controls', 'a\0b\u0007c\u007fd\u009fe', 'abcde'],
    ['only NULs', '\0\0\0', ''],
    ['line ends of all systems', 'a\r\nb\rc\fd\ve\u0085f\ng\th', 'a\nb\nc\nd\ne\nf\ng\th'],
    ['terminal colours', '\u001b[31mred\u001b[0m [31m', 'red [31m'],
    ['marks of byte order and zero width', '\ufeffa\u200bb\u2060c\ufeff', 'abc'],
    ['soft hyphens', 'Donau\u00addampf\u00adschiff', 'Donaudampfschiff'],
    ['joiners and non-joiners between other letters', 'pass\u200cword ad\u200dmin', 'password admin'],
    ['hidden tags', 'hello\u{e0068}\u{e0069} \u{1f3f4}\u{e0041}', 'hello \u{1f3f4}'],
    ['halves of surrogate pairs', 'a\ud83d b\ude00 😀', 'a\ufffd b\ufffd 😀'],
  ])('removes %s', (_, text, cleaned) => expect(removeControlCharacters(text)).toBe(cleaned));

  it.each([
    ['a family', '👩‍👩‍👧‍👦'],
    ['a skin tone before a joiner', '👩🏽‍🚒'],
    ['a variation selector before a joiner', '🏳️‍🌈 ❤️‍🔥'],
    ['the flag of Scotland', '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}'],
    ['Persian non-joiners', 'می\u200cخواهم خانه\u200cها'],
    ['Indic joiners', 'क्\u200dष र्\u200d क्\u200cष'],
    ['Khmer word marks', 'ភាសា\u200bខ្មែរ'],
    ['right-to-left marks', '\u200fשלום (abc)\u200e'],
    ['tabs and lines', 'if x:\n\treturn 1\n'],
  ])('keeps %s', (_, text) => expect(removeControlCharacters(text)).toBe(text));

  it('leaves nothing of the category Cc but tab and line feed, is done at the second time, and loses nothing that is seen', () => {
    for (const text of [...HOSTILE_TEXTS, ...randomTexts(300, 1)]) {
      const cleaned = removeControlCharacters(text);
      expect(cleaned).not.toMatch(/[\p{Cc}--[\t\n]]/v);
      expect(cleaned.isWellFormed()).toBe(true);
      expect(removeControlCharacters(cleaned)).toBe(cleaned);
      const visible = (each: string): string => each.toWellFormed().replace(/[\p{C}\s]/gu, '');
      if (!text.includes('\u001b')) expect(visible(cleaned)).toBe(visible(text));
    }
  });
});

describe('whitespace', () => {
  it('takes blanks from line ends and empty lines beyond two, nothing else', () => {
    expect(tidyWhitespace('a  \n\tb\u00a0\u3000\n  c  d\n\n\n\n \n\ne \t')).toBe('a\n\tb\n  c  d\n\n\ne');
  });
});

describe('hostile lengths', () => {
  it.each([
    ['blanks before a letter', ' '.repeat(MILLION) + 'x'],
    ['lines of blanks', ' \n'.repeat(MILLION / 2)],
    ['escape characters', '\u001b[0'.repeat(MILLION / 3)],
    ['joiners', '\u200d'.repeat(MILLION)],
    ['tags', '\u{1f3f4}\u{e0067}'.repeat(MILLION / 4)],
  ])('takes seconds, not hours, for %s', (_, text) => {
    const start = performance.now();
    tidyWhitespace(removeControlCharacters(text));
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('sections of long texts', () => {
  it('are the text together, of about the wished length, without halves of characters', () => {
    const random = randomStream(3);
    const pieces = ['\n\n', '\n', ' ', 'word', '😀', 'é', '日本', '\n \n', 'x'.repeat(30)];
    for (let round = 0; round < 200; round++) {
      const text = Array.from({ length: Math.floor(random() * 400) }, () => pieces[Math.floor(random() * pieces.length)]).join('');
      const characters = 1 + Math.floor(random() * 60);
      const sections = splitLong(text, characters);
      expect(sections.join('')).toBe(text);
      expect(sections.every((section) => section.isWellFormed() && section.length <= 2 * characters)).toBe(true);
      expect(sections.slice(0, -1).every((section) => section.length >= characters)).toBe(true);
      if (text !== '') expect(sections).not.toContain('');
    }
  });

  it('end between paragraphs where there are some, else between lines, else between words', () => {
    expect(splitLong('aaaa aaaa\nbb\n\ncccc cccc cc', 8)).toEqual(['aaaa aaaa\nbb\n\n', 'cccc cccc cc']);
    expect(splitLong('aaaa aaaa\nbb cccc cccc cc', 8)).toEqual(['aaaa aaaa\n', 'bb cccc cccc cc']);
    expect(splitLong('aaaa aaaa bb cccc', 8)).toEqual(['aaaa aaaa ', 'bb cccc']);
  });

  it('are cut inside a line of 10 MB', () => {
    const sections = splitLong('😀'.repeat(TEN_MEGABYTES / 4), 4001);
    expect(sections.join('').length).toBe(TEN_MEGABYTES / 2);
    expect(sections.every((section) => section.isWellFormed())).toBe(true);
  });
});
