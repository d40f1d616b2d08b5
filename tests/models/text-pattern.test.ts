import { describe, expect, it, vi } from 'vitest';
import { eachStretch, replaceAll, textPattern } from '../../main/models/tokenizers/text-pattern.ts';

// The real limit, come to a fiftieth: a use may take ten seconds, however slow a machine is.
vi.mock('../../main/models/tokenizers/time-limit.ts', async (load) => {
  const real = await load<typeof import('../../main/models/tokenizers/time-limit.ts')>();
  return { ...real, withTimeLimit: <T>(milliseconds: number, act: () => T): T => real.withTimeLimit(Math.ceil(milliseconds / 50), act) };
});

/** What an expression of a tokenizer.json finds, as tokenizers 0.22 (Oniguruma) finds it. */

const found = (source: string, text: string): string[] => [...text.matchAll(textPattern({ Regex: source }))].map(([match]) => match);

describe('a part that ignores case', () => {
  it("leaves LLaMA 3's letters as they are", () => {
    const words = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}";
    expect(found(words, "a\u0345b it'S it'ſ I'LL")).toEqual(['a', '\u0345b', ' it', "'S", ' it', "'ſ", ' I', "'LL"]);
  });

  it('leaves capital letters elsewhere capital', () => {
    expect(found('(?i:q)|\\p{Lu}', 'aBq Q\u0345')).toEqual(['B', 'q', 'Q']);
    expect(found('(?i:q)|[^\\p{Lu}]', 'aBq')).toEqual(['a', 'q']);
  });

  it('may be the whole expression', () => {
    expect(found('(?i)abc|D', 'ABC aBc d')).toEqual(['ABC', 'aBc', 'd']);
  });

  it.each(['(?i)(a)\\1', '(?i:(?<letter>a)\\k<letter>)', '(?i:\\p{Lu})'])('is refused where it would find something else: %s', (source) => {
    expect(() => textPattern({ Regex: source })).toThrow('a regular expression that is none');
  });
});

describe('an expression that a text can hold up for ever', () => {
  // Tried on rows of single characters it is fast: only this beginning leads to its loop.
  const expression = textPattern({ Regex: 'xyzzy(a+)+$' });
  const text = `xyzzy${'a'.repeat(60)}!`;

  it.each([
    ['cutting', () => eachStretch(text, expression, () => undefined)],
    ['replacing', () => replaceAll(text, expression, '')],
  ])('is stopped when %s', (_what, use) => {
    expect(use).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'A regular expression of the tokenizer takes too long for a text.',
      }) as Error,
    );
  });

  it('still works where it ends', () => {
    expect(replaceAll('xyzzyaaa', expression, '-')).toBe('-');
  });
});
