import { z } from 'zod';

/** A limit on forgetting that acts while a run goes on. */

/** `loss`: rise of held-out old loss in nats per token; `percent`: the same in percent of the base's; `drift`: KL(base || model) on old text, nats per token. */
export const GUARD_MEASURES = ['loss', 'percent', 'drift'] as const;
/** What it does when the limit is passed. `roll-back` ends the run with the best state that kept the limit. */
export const GUARD_ACTIONS = ['warn', 'lower-rate', 'raise-replay', 'pause', 'roll-back'] as const;

export const guardSchema = z.strictObject({
  measure: z.enum(GUARD_MEASURES),
  limit: z.number().positive(),
  action: z.enum(GUARD_ACTIONS),
  /** Acts on a rise at the beginning, too, which often recovers (the stability gap: De Lange et al., ICLR 2023). */
  fromStart: z.boolean(),
});
export type Guard = z.infer<typeof guardSchema>;

/** What the guard did, as part of a run. */
export const guardEventSchema = z.object({
  step: z.int(),
  at: z.string(),
  action: z.enum(GUARD_ACTIONS),
  /** What was measured, in the guard's measure, and what was allowed. */
  found: z.number(),
  limit: z.number(),
  /** In words: "learning rate halved to 0.0005 from step 120". */
  text: z.string(),
});
export type GuardEvent = z.infer<typeof guardEventSchema>;
