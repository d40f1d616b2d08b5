import type { Movement } from '../../../shared/domain/movement.ts';
import { words } from '../../../shared/words/words.ts';

export interface MovementRow {
  block: number;
  label: string;
  inserted: boolean;
  relative: number | null;
  changed: number;
  similarity: number | null;
  /** Lengths of the bars, 0 to 1: how far the weights went beside the block that went furthest, and how unlike the hidden states became. */
  moved: number;
  unlike: number;
}

/** The blocks of a model from the top, as they are drawn: what went nowhere has no bar. */
export function movementRows({ blocks }: Pick<Movement, 'blocks'>): MovementRow[] {
  const furthest = Math.max(...blocks.map(({ relative }) => relative ?? 0)) || 1;
  const leastSimilar = Math.max(...blocks.map(({ similarity }) => 1 - (similarity ?? 1))) || 1;
  return blocks
    .map(({ block, inserted, from, relative, changed, similarity }) => ({
      ...{ block, inserted, relative, changed, similarity },
      label: inserted ? words('run.newCopyOf', { block: from }) : words('run.blockOfBase', { block: from }),
      moved: (relative ?? 0) / furthest,
      unlike: (1 - (similarity ?? 1)) / leastSimilar,
    }))
    .reverse();
}
