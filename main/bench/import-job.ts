import { z } from 'zod';

/** What `strata bench import` hands to both sides, as a file of JSON. */
export const importBenchJobSchema = z.object({
  /** JSON Lines with a column "text". */
  files: z.array(z.string()),
  /** A tokenizer.json; null: no tokens are made. */
  tokenizer: z.string().nullable(),
  /** A folder that is not there yet. */
  destination: z.string(),
  /** Folder for what the peer keeps between. */
  cache: z.string(),
  /** Processes of the peer; null leaves the work to its tokenizer's threads. */
  processes: z.int().nullable(),
  /** Ours: with the default cleaning and search for duplicates, or none. */
  cleans: z.boolean(),
});
export type ImportBenchJob = z.infer<typeof importBenchJobSchema>;

export const importBenchAnswerSchema = z.object({
  versions: z.string(),
  /** From files to tokens on disk. */
  seconds: z.number(),
  /** Of these, until the text was in the dataset; the peer's is not told apart. */
  importSeconds: z.number().optional(),
  /** Of the documents' own text. */
  tokens: z.int(),
});
export type ImportBenchAnswer = z.infer<typeof importBenchAnswerSchema>;
