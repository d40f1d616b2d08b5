import { z } from 'zod';
import { StrataError } from '../errors.ts';

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

/** `even`: the paper's interleaving; `top`/`bottom`: all after the last/first block; numbers: "after block n". */
export type Place = 'even' | 'top' | 'bottom' | number[];

/**
 * Reads the command line's PLACE: `even`, `top`, `bottom`, or 0-based positions such as `3,7,7,11`.
 * @throws StrataError BAD_INPUT when it is none of these.
 */
export function parsePlace(text: string): Place {
  const place = text.trim().toLowerCase();
  if (place === 'even' || place === 'top' || place === 'bottom') return place;
  const positions = place.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : NaN));
  if (positions.length > 0 && positions.every(Number.isInteger)) return positions;
  throw new StrataError('BAD_INPUT', `"${text}" is not a place for new blocks.`, {
    found: text,
    allowed: 'even, top, bottom, or positions such as 3,7,7,11 (after block 3, after block 7 twice, ...; the first block is 0)',
  });
}

/**
 * Decides where `count` copies go in a model of `baseBlocks` blocks.
 *
 * `even` splits the base into `count` groups, as equal as integers allow, and puts a copy of each group's last block
 * after it; where `count` divides `baseBlocks` this is the paper's plan (L=32, N=8: new blocks 4, 9, ..., 39). With more
 * copies than blocks, several follow the same block.
 * @throws StrataError BAD_INPUT when a position does not exist or the count is not a positive integer.
 */
export function planExpansion(baseBlocks: number, count: number | undefined, place: Place): ExpansionPlan {
  const after = placesAfter(baseBlocks, count, place).sort((a, b) => a - b);
  return {
    schemaVersion: 1,
    baseBlocks,
    inserted: after.map((block, index) => ({ after: block, copies: block, position: block + 1 + index })),
  };
}

function placesAfter(baseBlocks: number, count: number | undefined, place: Place): number[] {
  if (Array.isArray(place)) {
    const wrong = place.find((block) => !Number.isInteger(block) || block < 0 || block >= baseBlocks);
    if (wrong !== undefined || place.length === 0) {
      throw new StrataError('BAD_INPUT', 'The plan does not fit the model.', {
        found: place.length === 0 ? 'no positions' : `a new block after block ${wrong}`,
        allowed: `positions 0 to ${baseBlocks - 1}, because the model has ${baseBlocks} blocks`,
      });
    }
    if (count !== undefined && count !== place.length) {
      throw new StrataError('BAD_INPUT', 'The number of new blocks and the positions disagree.', {
        found: `${count} blocks, ${place.length} positions`,
        allowed: 'as many positions as blocks, or positions alone',
      });
    }
    return [...place];
  }
  const copies = count ?? defaultBlockCount(baseBlocks);
  if (!Number.isInteger(copies) || copies < 1 || copies > MAX_INSERTED_BLOCKS) {
    throw new StrataError('BAD_INPUT', 'That is not a possible number of new blocks.', {
      found: String(copies),
      allowed: `a whole number from 1 to ${MAX_INSERTED_BLOCKS}`,
    });
  }
  if (place === 'top') return Array.from({ length: copies }, () => baseBlocks - 1);
  if (place === 'bottom') return Array.from({ length: copies }, () => 0);
  return Array.from({ length: copies }, (_, group) => Math.ceil(((group + 1) * baseBlocks) / copies) - 1);
}

/** More than this is surely a slip of the keyboard: the largest LLaMA has 126 blocks. */
export const MAX_INSERTED_BLOCKS = 512;

/** The paper adds a quarter of the blocks (8 to 32); never fewer than one. */
export function defaultBlockCount(baseBlocks: number): number {
  return Math.max(1, Math.round(baseBlocks / 4));
}

/** For each block of the expanded model: which base block it is or copies, and whether it was inserted. */
export function expandedBlocks(plan: ExpansionPlan): { base: number; inserted: boolean }[] {
  const blocks: { base: number; inserted: boolean }[] = [];
  for (let base = 0; base < plan.baseBlocks; base++) {
    blocks.push({ base, inserted: false });
    for (const block of plan.inserted) if (block.after === base) blocks.push({ base: block.copies, inserted: true });
  }
  return blocks;
}
