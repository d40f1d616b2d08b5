import { z } from 'zod';

/** What a cross-check of datasets found: how much they have in common, and what of the measurements stands in the training parts. */

/** How much of one dataset another one has. */
export const overlapSchema = z.object({
  /** Ids. */
  dataset: z.string(),
  other: z.string(),
  /** Documents of the dataset that were looked for: all, or a seeded sample. */
  documents: z.int(),
  isSample: z.boolean(),
  /** Of these, those whose whole text stands in a document of the other. */
  whole: z.int(),
  /** Of these, those that share 13 words in a row with the other, whole ones included. */
  overlapping: z.int(),
  /** The latter as a share, 0 to 1. */
  share: z.number(),
  /** Share of all their 13-grams that the other has, 0 to 1. */
  shareOfGrams: z.number(),
});
export type Overlap = z.infer<typeof overlapSchema>;

export const leakPartSchema = z.enum(['held-out', 'evaluation']);

/** A text that is measured on, and a training document that gives it away. */
export const leakSchema = z.object({
  item: z.object({
    /** A dataset's id, or a file's path. */
    source: z.string(),
    name: z.string(),
    part: leakPartSchema,
    /** Counted from 0: the document's place in the dataset or file. */
    document: z.int(),
  }),
  training: z.object({ dataset: z.string(), name: z.string(), document: z.int() }),
  /** Shared 13-grams, and how many the item has; one for an item of fewer words. */
  shared: z.int(),
  of: z.int(),
  /** The whole item stands in the training document. */
  isWhole: z.boolean(),
  /** The longest run of shared words, as they were compared: lower case, without punctuation. */
  excerpt: z.string(),
});
export type Leak = z.infer<typeof leakSchema>;

export const dataCheckReportSchema = z.object({
  datasets: z.array(z.object({ id: z.string(), name: z.string(), documents: z.int(), heldOutDocuments: z.int() })),
  /** Each ordered pair of different datasets. */
  overlaps: z.array(overlapSchema),
  /** What was looked for in the training parts, and how much of it was found. */
  measured: z.array(
    z.object({
      source: z.string(),
      name: z.string(),
      part: leakPartSchema,
      items: z.int(),
      leaked: z.int(),
      /** Items of fewer than 8 words: found only where they are a whole document. */
      short: z.int(),
    }),
  ),
  /** The worst, whole items first, then by shared 13-grams. */
  leaks: z.array(leakSchema),
  /** All there are, listed or not. */
  leakCount: z.int(),
  /** Training documents to leave out, so that nothing leaks: what `datasets.drop` takes. */
  drop: z.array(z.object({ dataset: z.string(), name: z.string(), documents: z.array(z.int()) })),
  seconds: z.number(),
});
export type DataCheckReport = z.infer<typeof dataCheckReportSchema>;

/** The check in one sentence. */
export function summariseCheck({ leakCount, drop, measured }: DataCheckReport): string {
  const items = measured.reduce((sum, each) => sum + each.items, 0);
  if (items === 0) return 'There was nothing to look for.';
  if (leakCount === 0) return `None of ${items.toLocaleString('en-US')} texts that are measured on stands in the training parts.`;
  const leaked = measured.reduce((sum, each) => sum + each.leaked, 0);
  const documents = drop.reduce((sum, each) => sum + each.documents.length, 0);
  return (
    `${leaked.toLocaleString('en-US')} of ${items.toLocaleString('en-US')} texts that are measured on stand, in part or whole, in ` +
    `${documents.toLocaleString('en-US')} training ${documents === 1 ? 'document' : 'documents'}.`
  );
}
