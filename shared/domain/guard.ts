import { z } from 'zod';
import { StrataError } from '../errors.ts';

/** A limit on forgetting that acts while a run goes on. */

/** `loss`: rise of held-out old loss in nats per token; `percent`: the same in percent of the base's; `drift`: KL(base || model) on old text, nats per token. */
export const GUARD_MEASURES = ['loss', 'percent', 'drift'] as const;
/** What it does when the limit is passed. `roll-back` ends the run with the best state that kept the limit. */
export const GUARD_ACTIONS = ['warn', 'lower-rate', 'raise-replay', 'pause', 'roll-back'] as const;

export type GuardMeasure = (typeof GUARD_MEASURES)[number];
export type GuardAction = (typeof GUARD_ACTIONS)[number];

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

export const GUARD_FORM = `MEASURE<=LIMIT:ACTION with ${GUARD_MEASURES.join(', ')} as MEASURE and ${GUARD_ACTIONS.join(', ')} as ACTION`;

/**
 * Reads a guard as it is typed: `loss<=0.05:lower-rate`, `percent<=2:warn` or `drift<=0.1:roll-back:from-start`.
 * @throws StrataError BAD_INPUT
 */
export function parseGuard(text: string): Guard {
  const [, measure, limit, action, fromStart] = /^\s*([a-z]+)\s*<=\s*([^:\s]+)\s*:\s*([a-z-]+?)\s*(:\s*from-start\s*)?$/.exec(text) ?? [];
  const parsed = guardSchema.safeParse({ measure, limit: Number(limit), action, fromStart: fromStart !== undefined });
  if (parsed.success) return parsed.data;
  throw new StrataError('BAD_INPUT', 'That is no limit on forgetting.', {
    found: text,
    allowed: `${GUARD_FORM}; LIMIT is a number above 0; ":from-start" behind it also acts on a rise at the beginning`,
    hint: 'Write it like loss<=0.05:lower-rate, in quotes: the shell reads < as a file otherwise.',
  });
}
