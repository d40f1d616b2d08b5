import type { Method, MethodRequest } from './method.ts';
import { type ExpansionPlan, keptPositions, parsePlace, planExpansion } from './plan.ts';
import { words } from '../words/words.ts';

/** The same method for the model that came of it: what a person would have to say, and why it is that. */
export interface MethodAgain {
  request: Partial<MethodRequest>;
  reason: string;
}

/**
 * @param byImportance whether new blocks were placed by what the base's blocks matter, which has to be measured anew then.
 */
export function methodAgain(method: Method, byImportance: boolean): MethodAgain {
  switch (method.name) {
    case 'expand':
      return expandAgain(method.plan, byImportance);
    case 'lora': {
      const { rank, alpha, targets } = method;
      return {
        request: { method: 'lora', rank, alpha, targets },
        reason: words('said.loraAgain', { rank: String(rank) }),
      };
    }
    case 'full':
      return { request: { method: 'full' }, reason: words('said.fullAgain') };
    case 'freeze':
      return {
        request: { method: 'freeze', trainBlocks: method.blocks.join(',') },
        reason: words('said.freezeAgain', { blocks: method.blocks.join(', ') }),
      };
  }
}

function expandAgain(plan: ExpansionPlan, byImportance: boolean): MethodAgain {
  const blocks = plan.inserted.length;
  if (byImportance) {
    return {
      request: { method: 'expand', blocks, place: 'least-important' },
      reason: words('said.againLeast', { count: blocks }),
    };
  }
  const named = (['even', 'top', 'bottom'] as const).find((place) =>
    isSame(plan, planExpansion(plan.baseBlocks, blocks, parsePlace(place))),
  );
  if (named)
    return { request: { method: 'expand', blocks, place: named }, reason: words('said.againNamed', { count: blocks, place: named }) };
  const positions = plan.inserted.map(({ after }) => keptPositions(plan)[after]!);
  return {
    request: { method: 'expand', place: positions.join(',') },
    reason: words('said.againBehind', { count: blocks, places: positions.join(', ') }),
  };
}

function isSame(a: ExpansionPlan, b: ExpansionPlan): boolean {
  return JSON.stringify(a.inserted) === JSON.stringify(b.inserted);
}
