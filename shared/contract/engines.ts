import { z } from 'zod';

/** Tensor engines of this machine. */

export const engineInfoSchema = z.object({
  name: z.string(),
  available: z.boolean(),
  /** Why it can or cannot be used, in words for the user. */
  reason: z.string(),
  version: z.string().nullable(),
  selfTest: z.object({ passed: z.boolean(), milliseconds: z.number(), largestError: z.number() }).nullable(),
});
export type EngineInfo = z.infer<typeof engineInfoSchema>;
