import { z } from 'zod';
import { errorRecordSchema } from './errors.ts';
import { userPath } from './user-path.ts';

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

/** The library of an engine that is fetched when it is wanted, and how far that is. */
export const enginePackSchema = z.object({
  id: z.string(),
  engine: z.string(),
  title: z.string(),
  version: z.string(),
  platform: z.string(),
  licence: z.string(),
  /** To be shown before it is fetched. */
  licenceText: z.string(),
  /** Where it would be fetched from, as a sentence. */
  origin: z.string(),
  sha256: z.string(),
  /** Null where the size is not known before. */
  downloadBytes: z.number().nullable(),
  /** What it takes, or at most would take, on the disk. */
  installedBytes: z.number(),
  /** Why it cannot be installed here; null when it can. */
  obstacle: z.string().nullable(),
  /** `stopped` and `failed`: what has arrived is kept, and the same goes on from there. */
  state: z.enum(['absent', 'fetching', 'checking', 'unpacking', 'testing', 'installed', 'failed', 'stopped']),
  activity: z.string(),
  bytesDone: z.number(),
  bytesTotal: z.number().nullable(),
  bytesPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  error: errorRecordSchema.nullable(),
});
export type EnginePackInfo = z.infer<typeof enginePackSchema>;

export const enginePackRef = z.object({ pack: z.string().min(1).max(100) });

export const installPackRequestSchema = enginePackRef.extend({
  /** The licence that the user was shown and accepts, by its name. */
  licence: z.string().max(200),
  /** The archive, or a folder that has it, on the studio's machine; fetched when absent. */
  path: userPath('read').optional(),
});
export type InstallPackRequest = z.infer<typeof installPackRequestSchema>;
