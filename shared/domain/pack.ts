import { StrataError } from '../errors.ts';
import { type ExpansionStep, presentPositions } from './expansion.ts';
import { planOf } from './method.ts';
import { type ExpansionPlan, expandedBlocks } from './plan.ts';
import { words } from '../words/words.ts';

/**
 * Domain packs. The blocks that one training inserted are a pack: they can be turned down or left out without touching the base, put together
 * with others of the same base, and carried elsewhere.
 */

type Line = readonly ExpansionStep[];

export interface Pack {
  /** Counted from 1, the oldest first. */
  number: number;
  /** Of the model's line, counted from 0. */
  step: number;
  name: string | null;
  run: string | null;
  /** The model that it was trained on. */
  trainedOn: { name: string; hash: string };
  /** Its blocks in the model as it is, in order. */
  positions: number[];
  /** What was multiplied into it when packs were put together; 1 otherwise. */
  strength: number;
  training: ExpansionStep['training'];
  /** Why it cannot be turned down any more: what a later step trained together with it; null when it can. */
  heldBy: string | null;
}

/** The packs of a model, from its line. */
export function packsOf(line: Line): Pack[] {
  const packs = line.flatMap((step, index): Omit<Pack, 'number'>[] => {
    const plan = planOf(step.method);
    if (!plan) return [];
    const heldBy = holderOf(line, index);
    const present = (positions: readonly number[]): number[] => presentPositions({ line: [...line] }, index, positions);
    if (step.composition) {
      return step.composition.map(({ base, positions, name, run, strength, training }) => ({
        ...{ step: index, name, run, trainedOn: base, positions: present(positions), strength, training, heldBy },
      }));
    }
    const { name, base, training } = step;
    const positions = present(plan.inserted.map(({ position }) => position));
    return [{ step: index, name, run: training?.run ?? null, trainedOn: base, positions, strength: 1, training, heldBy }];
  });
  return packs.map((pack, index) => ({ number: index + 1, ...pack }));
}

/** In words, the packs that a step put together: "packs A, B at 0.5 put together"; null for a step that did something else. */
export function describeComposition({ composition }: Pick<ExpansionStep, 'composition'>): string | null {
  if (!composition) return null;
  const names = composition.map(({ name, model, strength }) =>
    strength === 1 ? (name ?? model.name) : words('domain.packAt', { name: name ?? model.name, strength: String(strength) }),
  );
  return names.length === 1 ? words('domain.packOn', { names: names[0]! }) : words('domain.packsOn', { names: names.join(', ') });
}

/** Positions of all blocks that were inserted, by any step. */
export function insertedBlocks(line: Line, blocks: number): number[] {
  const isInserted = new Set(packsOf(line).flatMap(({ positions }) => positions));
  return Array.from({ length: blocks }, (_, position) => position).filter((position) => isInserted.has(position));
}

/** What a step after this one trained beside blocks of its own. */
function holderOf(line: Line, step: number): string | null {
  const later = line.findIndex(({ method }, index) => index > step && method.name !== 'expand');
  return later === -1 ? null : words('said.heldBy', { step: String(later + 1), method: line[later]!.method.name });
}

/** The model that is left when every pack that can be is left out; null when there is none to leave out. */
export function modelBelow(line: Line): { name: string; hash: string } | null {
  const first = packsOf(line).find(({ heldBy }) => heldBy === null);
  return first ? line[first.step]!.base : null;
}

/** A pack and how strong it is to be. */
export interface PackStrength {
  pack: number;
  strength: number;
}

/**
 * The strength of each block of a model; those of packs that are not named are 1.
 * @throws StrataError BAD_INPUT when there is no such pack, it cannot be turned down, or the strength is not from 0 to 1.
 */
export function blockStrengths(model: { name: string; line: Line; blocks: number }, strengths: readonly PackStrength[]): number[] {
  const blocks = Array<number>(model.blocks).fill(1);
  for (const { pack: number, strength } of strengths) {
    const { positions } = findPack(model, number);
    if (!(strength >= 0 && strength <= 1)) {
      throw new StrataError('BAD_INPUT', 'That is not a possible strength.', {
        found: String(strength),
        allowed: '0 (left out) to 1 (as it was trained)',
        hint: 'Leave it out for 1.',
      });
    }
    for (const position of positions) blocks[position] = strength;
  }
  return blocks;
}

/**
 * A pack by its number that can be turned down.
 * @throws StrataError BAD_INPUT when the model has none of that number, or a later step trained other weights with it.
 */
export function findPack({ name, line }: { name: string; line: Line }, number: number): Pack {
  const packs = packsOf(line);
  const pack = packs.find((each) => each.number === number);
  if (!pack) {
    throw new StrataError('BAD_INPUT', `"${name}" has no such pack.`, {
      found: packs.length === 0 ? 'a model without inserted blocks' : `pack ${number}`,
      allowed: packs.length === 0 ? 'a model made by expansion' : packs.map((each) => each.number).join(', '),
      hint:
        packs.length === 0 && line.length > 0
          ? `It was trained by ${line.at(-1)!.method.name}, which leaves nothing to turn down: ask its base itself.`
          : 'strata pack list shows the packs of a model.',
    });
  }
  if (pack.heldBy === null) return pack;
  throw new StrataError('BAD_INPUT', `Pack ${number} of "${name}" cannot be turned down any more.`, {
    found: pack.heldBy,
    allowed: 'a pack that nothing but later packs was trained on',
    hint: 'Use the model that it was made from, before that step.',
  });
}

/** A block of a model, seen from an earlier one of its line. */
export type BlockAncestry = { own: number } | { pack: number; copies: number };

/**
 * For each block of a model: which it is of the earlier model with that hash, or the pack that brought it and the block of the earlier one
 * that it was first a copy of.
 * @returns null when the line does not lead from that model here through expansions alone.
 */
export function ancestryOf(line: Line, hash: string): BlockAncestry[] | null {
  const start = line.findIndex(({ base }) => base.hash === hash);
  const steps = start === -1 ? [] : line.slice(start);
  if (steps.length === 0 || steps.some(({ method }) => method.name !== 'expand')) return null;
  let blocks = Array.from({ length: planOf(steps[0]!.method)!.baseBlocks }, (_, own): { own: number | null; copies: number } => ({
    own,
    copies: own,
  }));
  for (const { method } of steps) {
    blocks = expandedBlocks(planOf(method)!).map(({ base, inserted }) =>
      inserted ? { own: null, copies: blocks[base]!.copies } : blocks[base]!,
    );
  }
  const packs = packsOf(line);
  return blocks.map(({ own, copies }, position) =>
    own === null ? { pack: packs.find(({ positions }) => positions.includes(position))!.number, copies } : { own },
  );
}

/** Packs of one model that are to be put on a base. */
export interface ChosenPacks {
  blocks: readonly BlockAncestry[];
  packs: readonly PackStrength[];
}

/** A block of a composition: where it is taken from. */
export interface TakenBlock {
  /** Which of the chosen, counted from 0, and the block's position in that model. */
  source: number;
  position: number;
  pack: number;
  strength: number;
}

/**
 * Where the blocks of chosen packs stand on a base: each behind the block of the base that it stands behind in its own model. At one place, those
 * of one model stay in their order there, and models follow each other as they are given.
 */
export function composePlan(baseBlocks: number, chosen: readonly ChosenPacks[]): { plan: ExpansionPlan; taken: TakenBlock[] } {
  const blocks = chosen.flatMap(({ blocks, packs }, source) => {
    let after = 0;
    return blocks.flatMap((block, position) => {
      if ('own' in block) {
        after = block.own;
        return [];
      }
      const pack = packs.find(({ pack }) => pack === block.pack);
      return pack ? [{ after, copies: block.copies, source, position, pack: pack.pack, strength: pack.strength }] : [];
    });
  });
  blocks.sort((a, b) => a.after - b.after); // stable
  return {
    plan: {
      schemaVersion: 1,
      baseBlocks,
      inserted: blocks.map(({ after, copies }, index) => ({ after, copies, position: after + 1 + index })),
    },
    taken: blocks.map(({ source, position, pack, strength }) => ({ source, position, pack, strength })),
  };
}
