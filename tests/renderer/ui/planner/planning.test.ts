import { describe, expect, it } from 'vitest';
import { EMPTY_HISTORY, type History, redo, remember, undo } from '../../../../renderer/ui/planner/history.ts';
import { actionOf } from '../../../../renderer/ui/planner/keys.ts';
import { heatOf, layersOf, stepsIn, stepToCome } from '../../../../renderer/ui/planner/layers.ts';
import { movedPlace, nearestGap, withoutPlace, withPlace } from '../../../../renderer/ui/planner/places.ts';
import { planExpansion } from '../../../../shared/domain/plan.ts';

describe('the layers of a picture', () => {
  it('are the blocks of the expanded model from the top, with whose they are and what happens to them', () => {
    const plan = planExpansion(3, undefined, [0, 2, 2]);
    const layers = layersOf({ blocks: 3, plan, own: 'frozen', owners: ['base', 0, 'base'] });
    expect(layers.map(({ position, base, planIndex, owner, fate }) => [position, base, planIndex, owner, fate])).toEqual([
      [5, 2, 2, 1, 'trained'],
      [4, 2, 1, 1, 'trained'],
      [3, 2, null, 'base', 'frozen'],
      [2, 1, null, 0, 'frozen'],
      [1, 0, 0, 1, 'trained'],
      [0, 0, null, 'base', 'frozen'],
    ]);
    expect(layers.filter(({ isLastOfBase }) => isLastOfBase).map(({ after }) => after)).toEqual([2, 1, 0]);
    expect(stepsIn(layers)).toEqual([0, 1]);
  });

  it('keep their keys while others are inserted below', () => {
    const keysOf = (places: number[]): string[] =>
      layersOf({ blocks: 4, plan: planExpansion(4, undefined, places), own: 'frozen' }).map(({ key }) => key);
    const before = keysOf([3, 3]);
    const after = keysOf([0, 1, 3, 3]);
    expect(before.every((key) => after.includes(key))).toBe(true);
    expect(new Set(after).size).toBe(8);
  });

  it('copies of other blocks than their neighbour still stand where the plan puts them', () => {
    const layers = layersOf({ blocks: 6, plan: planExpansion(6, 2, 'top'), own: 'frozen' });
    expect(layers.slice(0, 2).map(({ base, after, key }) => [base, after, key])).toEqual([
      [5, 5, 'new:5:2'],
      [4, 5, 'new:5:1'],
    ]);
    expect(layers.filter(({ isLastOfBase }) => isLastOfBase)).toHaveLength(6);
  });

  it('trained ones among frozen ones, a step that comes first, and what does harm as no heat', () => {
    expect(layersOf({ blocks: 2, own: 'frozen', trained: [1] }).map(({ fate }) => fate)).toEqual(['trained', 'frozen']);
    expect([stepToCome(), stepToCome(['base', 0, 3])]).toEqual([0, 4]);
    expect([heatOf(1, 2), heatOf(-1, 2), heatOf(0, 0), heatOf(2, 2)]).toEqual([0.5, 0, 0, 1]);
  });
});

describe('what a hand does to places', () => {
  it('keeps them in order and changes nothing else', () => {
    const places = [1, 3, 3];
    expect(withPlace(places, 2)).toEqual([1, 2, 3, 3]);
    expect(withoutPlace(places, 1)).toEqual([1, 3]);
    expect(movedPlace(places, 2, 0)).toEqual([0, 1, 3]);
    expect(places).toEqual([1, 3, 3]);
  });

  it('lets go at the nearest gap, of two the first, of none nowhere', () => {
    const gaps = [
      { after: 2, middle: 10 },
      { after: 1, middle: 30 },
    ];
    expect([nearestGap(-50, gaps), nearestGap(20, gaps), nearestGap(21, gaps), nearestGap(0, [])]).toEqual([2, 2, 1, null]);
  });
});

describe('steps back', () => {
  it('go back to each state and forward again, until something else is done', () => {
    let history: History<string> = remember(remember<string>(EMPTY_HISTORY, 'a'), 'b');
    const first = undo(history, 'c')!;
    expect(first.state).toBe('b');
    const second = undo(first.history, 'b')!;
    expect(second.state).toBe('a');
    expect(undo(second.history, 'a')).toBeNull();
    expect(redo(second.history, 'a')!.state).toBe('b');
    history = remember(second.history, 'a');
    expect(redo(history, 'x')).toBeNull();
  });

  it('take digits of one number as one step, and nothing beyond a limit', () => {
    const typed = remember(remember<number>(EMPTY_HISTORY, 1, 'blocks'), 12, 'blocks');
    expect(undo(typed, 120)!.state).toBe(1);
    let long: History<number> = EMPTY_HISTORY;
    for (let step = 0; step < 1000; step++) long = remember(long, step);
    expect(long.past).toHaveLength(200);
  });
});

describe('keys', () => {
  const key = (
    name: string,
    held: Partial<Record<'altKey' | 'ctrlKey' | 'metaKey' | 'shiftKey', boolean>> = {},
  ): ReturnType<typeof actionOf> => actionOf({ key: name, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, ...held });

  it('do what the help says, and leave others alone', () => {
    expect(key('ArrowUp')).toEqual({ name: 'go', by: -1 });
    expect(key('ArrowUp', { altKey: true })).toEqual({ name: 'move', by: 1 });
    expect(key('Home')).toEqual({ name: 'first' });
    expect(key('Delete')).toEqual({ name: 'remove' });
    expect(key('z', { ctrlKey: true })).toEqual({ name: 'undo' });
    expect(key('Z', { metaKey: true, shiftKey: true })).toEqual({ name: 'redo' });
    for (const other of ['Enter', ' ', 'Tab', 'a', 'Escape']) expect(key(other)).toBeNull();
    expect(key('ArrowUp', { ctrlKey: true })).toBeNull();
    expect(key('Delete', { shiftKey: true })).toBeNull();
  });
});
