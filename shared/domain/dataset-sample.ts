import { z } from 'zod';

/** A sample keeps every held-out document of a dataset and some of its training part: for replay, in less room. */

export const sampleOfSchema = z.object({ id: z.string(), name: z.string(), hash: z.string() });
export type SampleOf = z.infer<typeof sampleOfSchema>;

/** What the held-out part of a dataset goes by: its own hash, or that of the dataset that it is a sample of. Losses on the same one can be compared. */
export function heldOutHash({ hash, sampleOf }: { hash: string; sampleOf: Pick<SampleOf, 'hash'> | null }): string {
  return sampleOf?.hash ?? hash;
}
