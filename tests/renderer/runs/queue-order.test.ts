import { expect, it } from 'vitest';
import { droppedPlace, neighbourPlace } from '../../../renderer/features/runs/queue-order.ts';

const IDS = ['a', 'b', 'c', 'd'];
/** What the studio makes of it: the run is taken out and put before the other one. */
function moved(run: string, before: string | null | undefined): string {
  if (before === undefined) return IDS.join('');
  const others = IDS.filter((id) => id !== run);
  const at = before === null ? others.length : others.indexOf(before);
  return [...others.slice(0, at), run, ...others.slice(at)].join('');
}

it.each([
  ['b', 'up', 'bacd'],
  ['b', 'down', 'acbd'],
  ['a', 'up', 'abcd'],
  ['d', 'down', 'abcd'],
  ['c', 'down', 'abdc'],
  ['gone', 'up', 'abcd'],
] as const)('%s goes one place %s: %s', (run, direction, after) => {
  expect(moved(run, neighbourPlace(IDS, run, direction))).toBe(after);
});

it.each([
  ['a', 'c', 'bcad'],
  ['d', 'b', 'adbc'],
  ['a', 'd', 'bcda'],
  ['b', 'b', 'abcd'],
  ['gone', 'b', 'abcd'],
])('%s that is let go over %s takes its place: %s', (run, onto, after) => {
  expect(moved(run, droppedPlace(IDS, run, onto))).toBe(after);
});
