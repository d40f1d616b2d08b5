import { describe, expect, it } from 'vitest';
import type { ExpansionStep } from '../../shared/domain/expansion.ts';
import { evaluateGate } from '../../shared/domain/gate.ts';
import type { Method } from '../../shared/domain/method.ts';
import { ancestryOf, blockStrengths, composePlan, modelBelow, packsOf } from '../../shared/domain/pack.ts';
import { expandedBlocks, planExpansion } from '../../shared/domain/plan.ts';

const step = (base: string, method: Method): ExpansionStep => ({
  ...{ id: base, name: `after ${base}`, base: { name: base, hash: `${base} hash` }, method, importance: null, training: null },
});
const expand = (base: string, blocks: number, places: number[]): ExpansionStep =>
  step(base, { name: 'expand', plan: planExpansion(blocks, undefined, places) });

/** 0 1 a 2 a', then 0 1 a b 2 a' with b a copy of a. */
const line = [expand('one', 3, [1, 2]), expand('two', 5, [2])];

describe('packs of a line', () => {
  it('stand where later packs have moved them', () => {
    expect(packsOf(line).map(({ number, step, positions }) => [number, step, positions])).toEqual([
      [1, 0, [2, 5]],
      [2, 1, [3]],
    ]);
    expect(blockStrengths({ name: 'm', line, blocks: 6 }, [{ pack: 1, strength: 0.5 }])).toEqual([1, 1, 0.5, 1, 1, 0.5]);
    expect(modelBelow(line)).toEqual({ name: 'one', hash: 'one hash' });
  });

  it('cannot be turned down once another method has trained on top of them', () => {
    const adapted = [...line, step('three', { name: 'full' }), expand('four', 6, [0])];
    expect(packsOf(adapted).map(({ heldBy }) => heldBy === null)).toEqual([false, false, true]);
    expect(modelBelow(adapted)!.name).toBe('four');
    expect(() => blockStrengths({ name: 'm', line: adapted, blocks: 7 }, [{ pack: 2, strength: 1 }])).toThrow('cannot be turned down');
    expect(ancestryOf(adapted, 'one hash')).toBeNull();
    expect(ancestryOf(line, 'unknown')).toBeNull();
  });

  it('are followed back to the base, also copies of what an earlier pack inserted', () => {
    expect(ancestryOf(line, 'one hash')).toEqual([
      { own: 0 },
      { own: 1 },
      { pack: 1, copies: 1 },
      { pack: 2, copies: 1 },
      { own: 2 },
      { pack: 1, copies: 2 },
    ]);
    expect(ancestryOf(line, 'two hash')).toEqual([{ own: 0 }, { own: 1 }, { own: 2 }, { pack: 2, copies: 2 }, { own: 3 }, { own: 4 }]);
  });

  it('are put together so that all of them in one model are that model again', () => {
    const blocks = ancestryOf(line, 'one hash')!;
    const all = [1, 2].map((pack) => ({ pack, strength: 1 }));
    const { plan, taken } = composePlan(3, [{ blocks, packs: all }]);
    expect(taken.map(({ position }) => position)).toEqual([2, 3, 5]);
    expect(plan.inserted).toEqual([
      { after: 1, copies: 1, position: 2 },
      { after: 1, copies: 1, position: 3 },
      { after: 2, copies: 2, position: 5 },
    ]);
    expect(expandedBlocks(plan).map(({ inserted }) => inserted)).toEqual([false, false, true, true, false, true]);
  });
});

describe('a gate', () => {
  const document = (without: number[], pack: number[], learned: number[] | null = null): Parameters<typeof evaluateGate>[0][number] => ({
    ...{ without, with: pack, learned },
  });
  const about = { role: 'new' as const, dataset: 'd' };

  it('sends a text where its first tokens have the lower loss, and to the base where both are the same', () => {
    const documents = [
      document([2, 2, 5, 5], [1, 1, 3, 3]), // through the pack
      document([1, 1, 7], [2, 2, 9]), // not
      document([1, 1, 4], [1, 1, 2]), // the same: not
      document([1, 1], [0, 0]), // nothing after the first two
    ];
    const figure = evaluateGate(documents, 2, about)!;
    expect(figure).toMatchObject({ documents: 3, tooShort: 1, tokens: 4 });
    expect(figure.accuracy.value).toBeCloseTo(1 / 3);
    expect(figure.loss.routed.value).toBeCloseTo((6 + 7 + 4) / 4);
    expect(figure.loss.always.value).toBeCloseTo((6 + 9 + 2) / 4);
    expect(figure.loss.never.value).toBeCloseTo((10 + 7 + 4) / 4);
    expect(figure.cost.value).toBeCloseTo(0);
    expect(evaluateGate(documents, 2, { ...about, role: 'old' })!.accuracy.value).toBeCloseTo(2 / 3);
    expect(evaluateGate(documents, 9, about)).toBeNull();
  });

  it('decides by tokens that are only read, and counts those that are learned', () => {
    const asked = document([3, 3, 1, 1], [1, 1, 5, 2], [0, 0, 0, 1]);
    expect(evaluateGate([asked], 2, about)).toMatchObject({ tokens: 1, loss: { routed: { value: 2, error: null } } });
  });
});
