import { ReplacementTable } from './replacement-table.ts';

/** Longer groups of characters are replaced one by one, as the tokenizers library does it. */
const LONGEST_GROUP_BYTES = 6;

/**
 * The library's `Precompiled` normaliser: replaces what SentencePiece's table names, whole groups of characters that make up one sign where
 * the table has them, else each character of its own. SentencePiece itself looks for the longest key at each place instead
 * (sentencepiece-normalizer.ts), which for combining marks and Hangul jamo is something else.
 * @throws Error when the table is damaged.
 */
export function precompiledMap(bytes: Buffer): (text: string) => string {
  const table = new ReplacementTable(bytes);
  const known = new Map<string, string | null>();
  const find = (group: string): string | null => {
    const remembered = known.get(group);
    if (remembered !== undefined) return remembered;
    const replacement = table.replacementOfShortest(encoder.encode(group))?.toString() ?? null;
    if (known.size < MOST_REMEMBERED) known.set(group, replacement);
    return replacement;
  };
  return (text) => {
    let result = '';
    for (const { segment } of groups.segment(text)) {
      const whole = Buffer.byteLength(segment) < LONGEST_GROUP_BYTES ? find(segment) : null;
      if (whole !== null) result += whole;
      else for (const character of segment) result += find(character) ?? character;
    }
    return result;
  };
}

const encoder = new TextEncoder();
const groups = new Intl.Segmenter('en', { granularity: 'grapheme' });
const MOST_REMEMBERED = 50_000;
