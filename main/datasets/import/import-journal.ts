import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { datasetFileSchema } from '../dataset-manifest.ts';

/** What an import noted of one file once it was done with it. */
const entrySchema = z.object({
  file: datasetFileSchema,
  /** Size and time of the file on the disk, by which a later try knows that it is the same; null for one inside an archive. */
  stamp: z.string().nullable(),
  /** Bytes of collected documents up to and with this file's. */
  end: z.int().min(0),
});
export type JournalEntry = z.infer<typeof entrySchema>;

/**
 * The files that an import has done, in their order, a line of JSON each: what was stopped goes on behind the last of them. A line that was not
 * written to its end counts as not written.
 */
export class ImportJournal {
  readonly #path: string;
  readonly #entries: JournalEntry[];

  private constructor(path: string, entries: JournalEntry[]) {
    this.#path = path;
    this.#entries = entries;
  }

  static async open(path: string): Promise<ImportJournal> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    const entries: JournalEntry[] = [];
    for (const line of text.split('\n').slice(0, -1)) entries.push(entrySchema.parse(JSON.parse(line)));
    return new ImportJournal(path, entries);
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  async add(entry: JournalEntry): Promise<void> {
    this.#entries.push(entry);
    await appendFile(this.#path, JSON.stringify(entry) + '\n');
  }

  /** Keeps the first entries only: what comes after them has changed since. */
  async truncate(count: number): Promise<void> {
    if (count >= this.#entries.length) return;
    this.#entries.length = count;
    await writeFile(this.#path, this.#entries.map((entry) => JSON.stringify(entry) + '\n').join(''));
  }
}
