import { z } from 'zod';

/**
 * How much each block of a model matters for text that must be kept: the rise of the held-out loss when the block is left out (ADEPT,
 * arXiv 2510.10071). Measured, never guessed, and kept with the model that was expanded by it.
 */
export const blockImportanceSchema = z.object({
  /** 0-based. */
  block: z.int().min(0),
  /** Held-out loss without the block, nats per token. */
  loss: z.number(),
  /** What that is above the loss of the whole model; below 0 where the model is better off without. */
  rise: z.number(),
  /** Of the rise, over windows; null with a single window, which says nothing about it. */
  standardError: z.number().min(0).nullable(),
});
export type BlockImportance = z.infer<typeof blockImportanceSchema>;

export const importanceSchema = z.object({
  /** Of the model that was measured, and the data it was measured on. */
  modelHash: z.string(),
  datasets: z.array(z.object({ name: z.string(), hash: z.string() })),
  /** Tokens per window. */
  context: z.int().min(2),
  /** Held-out windows that were measured; fewer than asked for when there were no more or time was up. */
  windows: z.int().min(1),
  /** Predicted tokens in them. */
  tokens: z.int().min(1),
  /** Held-out loss of the whole model, nats per token. */
  loss: z.number(),
  /** One for each block of the model, in order. */
  blocks: z.array(blockImportanceSchema),
  /** How long the measurement took. */
  seconds: z.number(),
  engine: z.string(),
});
export type Importance = z.infer<typeof importanceSchema>;

/** What is measured unless something else is asked for. */
export const IMPORTANCE_DEFAULTS = {
  /** Held-out windows of the old datasets, all together. */
  windows: 32,
  /** Tokens per window, where the model reads as many. */
  context: 256,
  /** After so many seconds the measurement ends with the windows that it has; the first is always measured. */
  limitSeconds: 300,
} as const;

/** Sums over one window: of the loss of its predicted tokens, nats, and how many those are. */
export interface WindowSum {
  loss: number;
  tokens: number;
}

/**
 * The mean loss per token of one block's absence and its rise over that of the whole model, both measured on the same windows.
 *
 * The rise is a ratio of sums, r = sum(d) / sum(n), with d the difference of a window's two losses and n its tokens. Tokens of a window
 * depend on each other, so the window is the unit: se(r) = sqrt(W / (W - 1) * sum((d - r n)^2)) / sum(n), over W windows.
 */
export function riseOf(whole: readonly WindowSum[], bypassed: readonly WindowSum[]): Omit<BlockImportance, 'block'> {
  const tokens = whole.reduce((sum, window) => sum + window.tokens, 0);
  const differences = bypassed.map((window, index) => window.loss - whole[index]!.loss);
  const rise = differences.reduce((sum, difference) => sum + difference, 0) / tokens;
  const squares = differences.reduce((sum, difference, index) => sum + (difference - rise * whole[index]!.tokens) ** 2, 0);
  const windows = whole.length;
  return {
    loss: bypassed.reduce((sum, { loss }) => sum + loss, 0) / tokens,
    rise,
    standardError: windows < 2 ? null : Math.sqrt((windows / (windows - 1)) * squares) / tokens,
  };
}

/** Blocks from the one that matters least to the one that matters most; of equals the lower first. */
export function leastImportantFirst(blocks: readonly BlockImportance[]): number[] {
  return [...blocks].sort((a, b) => a.rise - b.rise || a.block - b.block).map(({ block }) => block);
}
