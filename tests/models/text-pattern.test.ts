import { describe, expect, it } from 'vitest';
import { textPattern } from '../../main/models/tokenizers/text-pattern.ts';

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
