import { expandedBlocks, type ExpansionPlan } from '../../../shared/domain/plan.ts';

/** What happens to a block in training: nothing is (a model that is only shown), it is kept, kept with adapters beside it, or trained. */
export type Fate = 'shown' | 'frozen' | 'adapted' | 'trained';

/** A block of the model as it is drawn. */
export interface Layer {
  /** The same for a block through all changes of the plan around it. */
  key: string;
  /** In the model as planned, from 0 at the bottom. */
  position: number;
  /** Of the base: the block that it is, or copies. */
  base: number;
  /** Of the base: the block that it stands behind; itself for one of the base's own. */
  after: number;
  /** Its place in the plan's list; null for one of the base's own. */
  planIndex: number | null;
  /** Whose it is: the first base's, or that of a step of the line, counted from 0. A planned block is of the step to come. */
  owner: 'base' | number;
  fate: Fate;
  /** It ends what belongs to its base block: a copy can be put above it. */
  isLastOfBase: boolean;
}

export interface Drawn {
  /** Blocks of the base. */
  blocks: number;
  plan?: ExpansionPlan | null;
  /** What happens to the base's own blocks, and to those of them that are trained although the others are not. */
  own: Fate;
  trained?: readonly number[];
  /** Whose each of the base's blocks is; all the first base's when absent. */
  owners?: readonly ('base' | number)[] | undefined;
}

/** The blocks of a model with its plan, the topmost first. */
export function layersOf({ blocks, plan, own, trained = [], owners }: Drawn): Layer[] {
  const list = plan ? expandedBlocks(plan) : Array.from({ length: blocks }, (_, base) => ({ base, inserted: false }));
  const step = stepToCome(owners);
  let inserted = 0;
  let after = -1;
  return list
    .map(({ base, inserted: isInserted }, position): Omit<Layer, 'isLastOfBase'> => {
      if (!isInserted) after = base;
      const planIndex = isInserted ? inserted++ : null;
      return {
        key: isInserted ? `new:${after}:${position - keptBefore(list, position)}` : `own:${base}`,
        position,
        base,
        after,
        planIndex,
        owner: isInserted ? step : (owners?.[base] ?? 'base'),
        fate: isInserted ? (own === 'shown' ? 'shown' : 'trained') : trained.includes(base) ? 'trained' : own,
      };
    })
    .map((layer, index, all) => ({ ...layer, isLastOfBase: all[index + 1]?.after !== layer.after }))
    .reverse();
}

/** Position of the base's own block that a copy at `position` stands behind. */
function keptBefore(list: readonly { inserted: boolean }[], position: number): number {
  return list.findLastIndex(({ inserted }, index) => index < position && !inserted);
}

/** The number that the next step of a line will have. */
export function stepToCome(owners: readonly ('base' | number)[] = []): number {
  return Math.max(-1, ...owners.filter((owner) => owner !== 'base')) + 1;
}

/** Steps of the line that have blocks in the picture, in their order, those of the plan among them. */
export function stepsIn(layers: readonly Layer[]): number[] {
  return [...new Set(layers.flatMap(({ owner }) => (owner === 'base' ? [] : [owner])))].sort((a, b) => a - b);
}

/** How far a rise of the loss is from nothing to the largest, from 0 to 1; a block that does harm matters nothing. */
export function heatOf(rise: number, largest: number): number {
  return largest > 0 ? Math.min(1, Math.max(0, rise / largest)) : 0;
}
