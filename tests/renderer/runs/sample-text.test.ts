import { expect, it } from 'vitest';
import { piecesOf } from '../../../renderer/features/runs/sample-text.ts';

/** What is marked of a text, in brackets. */
const marked = (text: string, other: string): string =>
  piecesOf(text, other)
    .map(({ text: piece, isSame }) => (isSame ? piece : `[${piece}]`))
    .join('');

it.each([
  ['the same', 'the same', 'the same'],
  ['the red boat came', 'the boat came', 'the [red] boat came'],
  ['', 'gone', ''],
  ['all of it', '', '[all of it]'],
  ['a b c d', 'b d', '[a] b [c] d'],
  ['x\n  y', 'z', '[x]\n  [y]'],
])('marks in %j what %j does not have', (text, other, wanted) => {
  expect(marked(text, other)).toBe(wanted);
});

it('loses nothing of a text, whatever it is compared with', () => {
  for (const text of [' a  b\n\n c ', '日本 語', '\n', 'word '.repeat(500)]) {
    for (const other of ['', ' a c ', '日本', 'word '.repeat(300)]) {
      expect(
        piecesOf(text, other)
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text);
    }
  }
});
