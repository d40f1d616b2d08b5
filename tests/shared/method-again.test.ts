import { describe, expect, it } from 'vitest';
import { methodAgain } from '../../shared/domain/method-again.ts';
import { parsePlace, planExpansion } from '../../shared/domain/plan.ts';

const expanded = (place: string, blocks?: number): ReturnType<typeof methodAgain>['request'] =>
  methodAgain({ name: 'expand', plan: planExpansion(6, blocks, parsePlace(place)) }, false).request;

describe('the same method for the model that came of it', () => {
  it('places new blocks by the same rule where one explains them', () => {
    expect(expanded('even', 2)).toEqual({ method: 'expand', blocks: 2, place: 'even' });
    expect(expanded('top', 2)).toEqual({ method: 'expand', blocks: 2, place: 'top' });
    expect(expanded('bottom', 3)).toEqual({ method: 'expand', blocks: 3, place: 'bottom' });
  });

  it('places them behind the same blocks otherwise, where these stand now', () => {
    // A copy behind 0 and one behind 3: the base's 0 stays at 0, its 3 moves to 4.
    expect(expanded('0,3')).toEqual({ method: 'expand', place: '0,4' });
  });

  it('measures anew where they were placed by importance', () => {
    const plan = planExpansion(6, 2, parsePlace('0,3'));
    expect(methodAgain({ name: 'expand', plan }, true).request).toEqual({ method: 'expand', blocks: 2, place: 'least-important' });
  });

  it('keeps options of other methods', () => {
    expect(methodAgain({ name: 'lora', rank: 4, alpha: 8, targets: ['q_proj'] }, false).request).toEqual({
      method: 'lora',
      rank: 4,
      alpha: 8,
      targets: ['q_proj'],
    });
    expect(methodAgain({ name: 'freeze', blocks: [4, 5] }, false).request).toEqual({ method: 'freeze', trainBlocks: '4,5' });
    expect(methodAgain({ name: 'full' }, false).request).toEqual({ method: 'full' });
  });
});
