import { z } from 'zod';

/** Where a method has moved a model away from its base: weights and what they compute. */

/**
 * How far weights are from where they began: `||w - w0|| / ||w0||` (Euclidean norms), and the share of them that is another number than before.
 * An inserted block began as the copy of a block. Its `o_proj` and `down_proj` began at zero, which has no norm to compare with: their distance
 * from zero is divided by the norm of the matrix that was copied. Null where that norm is zero.
 */
const distanceShape = { relative: z.number().nullable(), changed: z.number() };
export const distanceSchema = z.object(distanceShape);
export type Distance = z.infer<typeof distanceSchema>;

export const movementSchema = z.object({
  tensors: z.array(
    z.object({
      name: z.string(),
      /** Of the model; null outside the blocks. */
      block: z.int().nullable(),
      /** The tensor of the base that it was, or was copied from. */
      from: z.string(),
      beganAtZero: z.boolean(),
      ...distanceShape,
    }),
  ),
  /** In the order of the model, with all tensors of a block together. */
  blocks: z.array(
    z.object({
      block: z.int(),
      inserted: z.boolean(),
      /** The block of the base that it is, or was copied from. */
      from: z.int(),
      ...distanceShape,
      /**
       * Linear CKA of the hidden states after it with those after the same block of the base; after an inserted one, with those after the last
       * of the base's blocks before it: before training, when it changes nothing, that is 1. Null without text to measure on.
       */
      similarity: z.number().nullable(),
    }),
  ),
  /** Embedding, final norm and head together. */
  outside: distanceSchema,
  /** What the hidden states were computed on. */
  text: z.object({ datasets: z.array(z.string()), tokens: z.int() }).nullable(),
  engine: z.string(),
  seconds: z.number(),
});
export type Movement = z.infer<typeof movementSchema>;

/** Sums over weights, from which distances of any number of tensors together follow. */
export interface MovedSums {
  squaredDifference: number;
  squaredNorm: number;
  changed: number;
  count: number;
}

export function distanceOf(sums: readonly MovedSums[]): Distance {
  const total = (of: (each: MovedSums) => number): number => sums.reduce((sum, each) => sum + of(each), 0);
  const norm = Math.sqrt(total(({ squaredNorm }) => squaredNorm));
  return {
    relative: norm > 0 ? Math.sqrt(total(({ squaredDifference }) => squaredDifference)) / norm : null,
    changed: total(({ changed }) => changed) / total(({ count }) => count),
  };
}
