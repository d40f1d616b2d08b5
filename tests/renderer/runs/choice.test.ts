import { expect, test } from 'vitest';
import { chosenAfter } from '../../../renderer/features/runs/choice.ts';

const SHOWN = ['a', 'b', 'c', 'd', 'e'];
const click = (id: string, isChosen = true, withShift = false): Parameters<typeof chosenAfter>[1] => ({ id, isChosen, withShift });

test('a click ticks one, and Shift everything from the last one, in either direction', () => {
  expect(chosenAfter([], click('b'), SHOWN, null)).toEqual(['b']);
  expect(chosenAfter(['b'], click('d', true, true), SHOWN, 'b')).toEqual(['b', 'c', 'd']);
  expect(chosenAfter(['d'], click('b', true, true), SHOWN, 'd')).toEqual(['d', 'b', 'c']);
  expect(chosenAfter(['a', 'b', 'c', 'e'], click('a', false, true), SHOWN, 'c')).toEqual(['e']);
});

test('what is ticked on another page stays, and Shift without a box before it is a click', () => {
  expect(chosenAfter(['z'], click('c', true, true), SHOWN, 'z')).toEqual(['z', 'c']);
  expect(chosenAfter(['z', 'c'], click('c', false), SHOWN, null)).toEqual(['z']);
});
