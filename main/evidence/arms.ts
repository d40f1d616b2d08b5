import type { TrainRequest } from '../../shared/contract/training.ts';

/**
 * What is compared: the methods of LLaMA Pro's ablation on law (arXiv 2401.02415, table 5) in small, and the controls that it lacks: existing
 * blocks trained instead of new ones, replay, and each method at several learning rates.
 */
export interface Arm {
  key: string;
  title: string;
  method: Pick<TrainRequest, 'method' | 'blocks' | 'place' | 'rank' | 'trainBlocks'>;
  /** Peak learning rates of its sweep, rising; the middle one is its own where no sweep is asked for. */
  rates: readonly [number, number, number];
}

/** Matrices that begin at zero need larger steps than weights that were trained before. */
const NEW_WEIGHTS = [1e-3, 3e-3, 1e-2] as const;
const OLD_WEIGHTS = [3e-4, 1e-3, 3e-3] as const;

const expand = (key: string, title: string, blocks: number, place = 'even'): Arm => ({
  key,
  title,
  method: { method: 'expand', blocks, place },
  rates: NEW_WEIGHTS,
});

const freeze = (key: string, title: string, trainBlocks: string): Arm => ({
  key,
  title,
  method: { method: 'freeze', trainBlocks },
  rates: OLD_WEIGHTS,
});

/** @param blocks of the base. With two, every block of it is doubled by two new ones, and two existing ones would be all. */
export function armsFor(blocks: number): Arm[] {
  const existing =
    blocks > 2
      ? [
          freeze('freeze-2', '2 existing blocks, even', evenBlocks(blocks, 2)),
          freeze('freeze-2-top', '2 existing blocks at the top', `${blocks - 2},${blocks - 1}`),
        ]
      : [freeze('freeze-1', '1 existing block, the top one', `${blocks - 1}`)];
  return [
    expand('expand-1', '1 new block', 1),
    expand('expand-2', '2 new blocks, even', 2),
    ...(blocks > 2 ? [expand(`expand-${blocks}`, `${blocks} new blocks, even`, blocks)] : []),
    expand('expand-2-bottom', '2 new blocks at the bottom', 2, 'bottom'),
    expand('expand-2-top', '2 new blocks at the top', 2, 'top'),
    expand('expand-2-least', '2 new blocks by least importance', 2, 'least-important'),
    ...existing,
    { key: 'lora-4', title: 'LoRA, rank 4', method: { method: 'lora', rank: 4 }, rates: NEW_WEIGHTS },
    { key: 'lora-16', title: 'LoRA, rank 16', method: { method: 'lora', rank: 16 }, rates: NEW_WEIGHTS },
    { key: 'full', title: 'full', method: { method: 'full' }, rates: OLD_WEIGHTS },
  ];
}

/** Arms that are also trained with replay, and on every rung of the ladder. */
export const MIXED_ARMS = (blocks: number): string[] => ['full', `expand-${blocks}`, 'lora-16'];

/** The blocks after which LLaMA Pro's plan would insert as many: the top ones of equal groups. */
function evenBlocks(blocks: number, count: number): string {
  return Array.from({ length: count }, (_, group) => Math.ceil(((group + 1) * blocks) / count) - 1).join(',');
}
