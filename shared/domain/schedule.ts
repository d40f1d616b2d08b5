import { z } from 'zod';

/** How the rate falls at the end of `wsd`: in a straight line, or as 1 - sqrt, which Hägele et al. (arXiv 2405.18392) found better. */
export const DECAY_SHAPES = ['linear', '1-sqrt'] as const;

/** The course of the learning rate after its warm-up. */
export const scheduleSchema = z.discriminatedUnion('name', [
  /** Half a cosine from the peak to the end. */
  z.object({ name: z.literal('cosine') }),
  /** Warm-up, stable, decay (Hu et al., arXiv 2404.06395): the peak, until a last fraction of the steps brings it down. */
  z.object({ name: z.literal('wsd'), decay: z.number().positive().max(1), shape: z.enum(DECAY_SHAPES) }),
]);
export type Schedule = z.infer<typeof scheduleSchema>;
export const SCHEDULE_NAMES = ['cosine', 'wsd'] as const satisfies readonly Schedule['name'][];
