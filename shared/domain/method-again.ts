import type { Method, MethodRequest } from './method.ts';
import { type ExpansionPlan, keptPositions, parsePlace, planExpansion } from './plan.ts';

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
        reason: `LoRA of rank ${rank} again: the adapters of before are merged into the weights.`,
      };
    }
    case 'full':
      return { request: { method: 'full' }, reason: 'Every weight is trained again.' };
    case 'freeze':
      return {
        request: { method: 'freeze', trainBlocks: method.blocks.join(',') },
        reason: `The same blocks are trained again: ${method.blocks.join(', ')}.`,
      };
  }
}

function expandAgain(plan: ExpansionPlan, byImportance: boolean): MethodAgain {
  const blocks = plan.inserted.length;
  const words = `${blocks} new ${blocks === 1 ? 'block' : 'blocks'} again`;
  if (byImportance) {
    return {
      request: { method: 'expand', blocks, place: 'least-important' },
      reason: `${words}, where blocks matter least: measured anew, since the model is another one.`,
    };
  }
  const named = (['even', 'top', 'bottom'] as const).find((place) =>
    isSame(plan, planExpansion(plan.baseBlocks, blocks, parsePlace(place))),
  );
  if (named) return { request: { method: 'expand', blocks, place: named }, reason: `${words}, placed as before: ${named}.` };
  const positions = plan.inserted.map(({ after }) => keptPositions(plan)[after]!);
  return {
    request: { method: 'expand', place: positions.join(',') },
    reason: `${words}, behind the same blocks of the base, which now stand at ${positions.join(', ')}.`,
  };
}

function isSame(a: ExpansionPlan, b: ExpansionPlan): boolean {
  return JSON.stringify(a.inserted) === JSON.stringify(b.inserted);
}
