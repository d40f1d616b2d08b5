import { expect, it } from 'vitest';
import { WordCutter } from '../../../main/datasets/checks/words.ts';

const cutter = new WordCutter();

function wordsOf(text: string): string[] {
  const { count, codes, starts } = cutter.cut(text);
  return Array.from({ length: count }, (_, index) => String.fromCharCode(...codes.subarray(starts[index], starts[index + 1]! - 1)));
}

it.each([
  ['The  Quick,\r\nbrown\tfox!', ['the', 'quick', 'brown', 'fox']],
  ["Don't — it’s “so”-so...", ['dont', 'its', 'so', 'so']],
  ['ﬁne ＡＢＣ café', ['fine', 'abc', 'café']],
  ['ex\u00adam\u200bple', ['example']],
  ['x_1 = f(y)', ['x', '1', 'f', 'y']],
  ['日本語 and 𠮷野', ['日', '本', '語', 'and', '𠮷', '野']],
  ['ÄRGER straße', ['ärger', 'straße']],
  ['𝓗𝓲 😀 there \ud800 end', ['hi', 'there', 'end']],
  ['नमस्ते दुनिया', ['नमस्ते', 'दुनिया']],
  [' \n--- ', []],
  ['', []],
])('%j is %j', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});

it('equal words have equal hashes wherever they stand, and others have others', () => {
  const text = Array.from({ length: 5000 }, (_, index) => `w${index.toString(36)}`).join(' ');
  const once = cutter.cut(text);
  const [low, high] = [once.low.slice(0, once.count), once.high.slice(0, once.count)];
  expect(new Set(low).size).toBe(5000);
  expect(new Set(high).size).toBe(5000);
  const again = cutter.cut(`Before, ${text.toUpperCase()}`);
  expect(again.count).toBe(5001);
  expect(again.low.slice(1, 5001)).toEqual(low);
  expect(again.high.slice(1, 5001)).toEqual(high);
});
