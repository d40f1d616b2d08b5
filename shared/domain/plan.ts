import { z } from 'zod';
import { StrataError } from '../errors.ts';
import { MAX_BLOCKS } from './llama-config.ts';
import { type BlockImportance, leastImportantFirst } from './importance.ts';

/**
 * Where copies of blocks go (LLaMA Pro, arXiv 2401.02415, section 3.1). An inserted block is an identity until
 * it is trained: its `o_proj` and `down_proj` are zero, everything else is copied.
 */
export interface InsertedBlock {
  /** 0-based index, in the base, of the block that the copy follows. */
  after: number;
  /** 0-based index, in the base, of the block that is copied. */
  copies: number;
  /** 0-based index of the copy in the expanded model. */
  position: number;
}

export interface ExpansionPlan {
  schemaVersion: 1;
  /** Blocks of the base. */
  baseBlocks: number;
  /** In order of `position`. */
  inserted: InsertedBlock[];
}

export const planSchema: z.ZodType<ExpansionPlan> = z.object({
  schemaVersion: z.literal(1),
  baseBlocks: z.int().min(1),
  inserted: z.array(z.object({ after: z.int().min(0), copies: z.int().min(0), position: z.int().min(0) })),
});

/**
 * `even`: the paper's interleaving; with groups, its N groups and, if said, P copies in each. `top`/`bottom`: all after the last/first block.
 * `least-important`: copies of the blocks that matter least, each behind its own. Numbers: "after block n".
 */
export type Place = 'even' | 'top' | 'bottom' | 'least-important' | PaperGroups | number[];

/** The paper's N and P (section 3.1): the base is split into N groups, and each gets copies of its uppermost P blocks on top of it. */
export interface PaperGroups {
  groups: number;
  /** Null: as many as the number of new blocks gives each group. */
  copies: number | null;
}

const NAMED_PLACES = ['even', 'top', 'bottom', 'least-important'] as const;

/** What a place may be, for messages and help. */
export const PLACE_FORMS =
  "even, top, bottom, least-important, even:N (the paper's N groups), even:NxP (with P copies each), or positions such as 3,7,7,11";

/**
 * Reads the command line's PLACE: `even`, `even:8`, `even:8x2`, `top`, `bottom`, `least-important`, or 0-based positions such as `3,7,7,11`.
 * @throws StrataError BAD_INPUT when it is none of these.
 */
export function parsePlace(text: string): Place {
  const place = text.trim().toLowerCase();
  const named = NAMED_PLACES.find((name) => name === place);
  if (named) return named;
  const [, groups, copies] = /^even:(\d{1,9})(?:x(\d{1,9}))?$/.exec(place) ?? [];
  if (groups !== undefined) return { groups: Number(groups), copies: copies === undefined ? null : Number(copies) };
  const positions = place.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : NaN));
  if (positions.every(Number.isInteger)) return positions;
  throw new StrataError('BAD_INPUT', `"${text}" is not a place for new blocks.`, {
    found: text,
    allowed: `${PLACE_FORMS} (after block 3, after block 7 twice, ...; the first block is 0)`,
    hint: 'Choose one of these forms, such as even for the plan of the paper, or top for blocks behind the last.',
  });
}

/**
 * Decides where `count` copies go in a model of `baseBlocks` blocks. Any count fits any model.
 *
 * - `even` splits the base into `count` groups, as equal as integers allow, and puts a copy of each group's last block after it; where
 *   `count` divides `baseBlocks` this is the paper's plan (L=32, N=8: new blocks 4, 9, ..., 39). With more copies than blocks, several
 *   follow the same block.
 * - groups: the paper's N and P. On top of each group of blocks go copies of its uppermost ones, in their order. A count that the groups
 *   do not divide is spread over them as evenly as integers allow.
 * - `top` and `bottom` are one such group: copies of the uppermost blocks behind the last one, and of the lowest behind the first. Copies
 *   of different blocks, because equal ones in a row have the same gradients and would learn the same at first. With more copies than
 *   blocks the round begins again: nine at the top of six are copies of 3, 4, 5, then of all six; at the bottom of all six, then of 0, 1, 2.
 * - `least-important`: each copy stands behind the block it copies, least important first; when there are more copies than blocks, the
 *   round begins again.
 * @param importance of every block of the base; only `least-important` looks at it.
 * @throws StrataError BAD_INPUT when a position does not exist, the count is not a positive integer, or the importance is not known.
 */
export function planExpansion(
  baseBlocks: number,
  count: number | undefined,
  place: Place,
  importance: readonly BlockImportance[] | null = null,
): ExpansionPlan {
  const copies = copiesAt(baseBlocks, count, place, importance).sort((a, b) => a.after - b.after);
  if (baseBlocks + copies.length > MAX_BLOCKS) {
    throw new StrataError('BAD_INPUT', 'The model would have too many blocks.', {
      found: `${baseBlocks} blocks and ${copies.length} new ones`,
      allowed: `up to ${MAX_BLOCKS} in all`,
      hint: `Insert ${Math.max(0, MAX_BLOCKS - baseBlocks)} blocks or fewer.`,
    });
  }
  return {
    schemaVersion: 1,
    baseBlocks,
    inserted: copies.map(({ after, copies }, index) => ({ after, copies, position: after + 1 + index })),
  };
}

/** A copy, before it is known where it will stand. */
type Copy = Pick<InsertedBlock, 'after' | 'copies'>;

function copiesAt(baseBlocks: number, given: number | undefined, place: Place, importance: readonly BlockImportance[] | null): Copy[] {
  if (Array.isArray(place)) return copiesAfter(baseBlocks, given, place);
  if (typeof place === 'object') return copiesInGroups(baseBlocks, given, place);
  const count = checkCount(given ?? defaultBlockCount(baseBlocks));
  switch (place) {
    case 'even':
      return Array.from({ length: count }, (_, group) => copyOf(Math.ceil(((group + 1) * baseBlocks) / count) - 1));
    case 'top':
      return uppermost(0, baseBlocks - 1, count).map((block) => ({ after: baseBlocks - 1, copies: block }));
    case 'bottom':
      return Array.from({ length: count }, (_, index) => ({ after: 0, copies: index % baseBlocks }));
    case 'least-important': {
      const order = leastImportantFirst(checkImportance(baseBlocks, importance));
      return Array.from({ length: count }, (_, index) => copyOf(order[index % baseBlocks]!));
    }
  }
}

function copyOf(block: number): Copy {
  return { after: block, copies: block };
}

function copiesAfter(baseBlocks: number, count: number | undefined, positions: readonly number[]): Copy[] {
  const wrong = positions.find((block) => !Number.isInteger(block) || block < 0 || block >= baseBlocks);
  if (wrong !== undefined || positions.length === 0) {
    throw new StrataError('BAD_INPUT', 'The plan does not fit the model.', {
      found: positions.length === 0 ? 'no positions' : `a new block after block ${wrong}`,
      allowed: `positions 0 to ${baseBlocks - 1}, because the model has ${baseBlocks} blocks`,
      hint: `Blocks are counted from 0: new ones behind the last stand after block ${baseBlocks - 1}.`,
    });
  }
  if (count !== undefined && count !== positions.length) {
    throw new StrataError('BAD_INPUT', 'The number of new blocks and the positions disagree.', {
      found: `${count} blocks, ${positions.length} positions`,
      allowed: `${positions.length} blocks for these positions, or positions alone`,
      hint: 'Leave the number of blocks out: the positions say how many there are.',
    });
  }
  checkCount(positions.length);
  return positions.map(copyOf);
}

function copiesInGroups(baseBlocks: number, given: number | undefined, { groups, copies }: PaperGroups): Copy[] {
  if (groups < 1 || groups > baseBlocks) {
    throw new StrataError('BAD_INPUT', 'The base cannot be split into so many groups.', {
      found: `${groups} groups`,
      allowed: `1 to ${baseBlocks}, because the model has ${baseBlocks} blocks`,
      hint: `Choose even:N with N from 1 to ${baseBlocks}; even:NxP puts P copies on each of them.`,
    });
  }
  const named = copies === null ? null : groups * copies;
  if (given !== undefined && named !== null && given !== named) {
    throw new StrataError('BAD_INPUT', 'The number of new blocks and the groups disagree.', {
      found: `${given} blocks, ${groups} groups with ${copies} copies each`,
      allowed: `${named} blocks, or the groups alone`,
      hint: `Leave the number of blocks out for ${named} new ones, or say even:${groups} and the number alone.`,
    });
  }
  const count = checkCount(named ?? given ?? groups);
  if (count < groups) {
    throw new StrataError('BAD_INPUT', 'There are fewer new blocks than groups.', {
      found: `${count} blocks for ${groups} groups`,
      allowed: `${groups} blocks or more, or fewer groups`,
      hint: `Every group gets at least one copy: choose even:${count} for ${count} new blocks, or ask for ${groups}.`,
    });
  }
  return Array.from({ length: groups }, (_, group) => {
    const first = Math.ceil((group * baseBlocks) / groups);
    const last = Math.ceil(((group + 1) * baseBlocks) / groups) - 1;
    const share = Math.floor(((group + 1) * count) / groups) - Math.floor((group * count) / groups);
    return uppermost(first, last, share).map((block) => ({ after: last, copies: block }));
  }).flat();
}

/** The uppermost `count` blocks of a group, in their order; a group with fewer begins anew. */
function uppermost(first: number, last: number, count: number): number[] {
  const size = last - first + 1;
  const missing = (size - (count % size)) % size; // of the lowest in the first round
  return Array.from({ length: count }, (_, index) => first + ((missing + index) % size));
}

function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_INSERTED_BLOCKS) return count;
  throw new StrataError('BAD_INPUT', 'That is not a possible number of new blocks.', {
    found: String(count),
    allowed: `a whole number from 1 to ${MAX_INSERTED_BLOCKS}`,
    hint: "Leave it out for a quarter of the model's blocks, as in the paper.",
  });
}

function checkImportance(baseBlocks: number, importance: readonly BlockImportance[] | null): readonly BlockImportance[] {
  const isComplete = importance?.length === baseBlocks && importance.every(({ block }, index) => block === index);
  if (isComplete) return importance;
  throw new StrataError('BAD_INPUT', 'Which blocks matter least has not been measured.', {
    found: importance ? `a table of ${importance.length} blocks` : 'no table',
    allowed: `the loss without each of the model's ${baseBlocks} blocks, measured on old data`,
    hint: 'Name old data, so that it can be measured: --old DATASET.',
  });
}

/** More than this is surely a slip of the keyboard: the largest LLaMA has 126 blocks. */
export const MAX_INSERTED_BLOCKS = 512;

/** The paper adds a quarter of the blocks (8 to 32); never fewer than one. */
export function defaultBlockCount(baseBlocks: number): number {
  return Math.max(1, Math.round(baseBlocks / 4));
}

/** For each block of the expanded model: which base block it is or copies, and whether it was inserted. */
export function expandedBlocks(plan: ExpansionPlan): { base: number; inserted: boolean }[] {
  const after = new Map<number, number[]>();
  for (const block of plan.inserted) after.set(block.after, [...(after.get(block.after) ?? []), block.copies]);
  return Array.from({ length: plan.baseBlocks }, (_, base) => [
    { base, inserted: false },
    ...(after.get(base) ?? []).map((copied) => ({ base: copied, inserted: true })),
  ]).flat();
}

/** The position in the expanded model of each of the base's own blocks. */
export function keptPositions(plan: ExpansionPlan): number[] {
  const blocks = expandedBlocks(plan);
  return blocks.flatMap(({ inserted }, position) => (inserted ? [] : [position]));
}
