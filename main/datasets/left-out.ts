import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type ErrorRecord, StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';

/** From this share of its documents on a dataset is not what it was taken for: as with rows at the import. */
const MOST_LEFT_OUT = 0.5;

const leftOutSchema = z.object({
  /** How many documents were left out. */
  documents: z.int().min(1),
  /** The first of them: its number in the dataset, counted from 0, and why. */
  first: z.object({ document: z.int().min(0), message: z.string(), found: z.string().optional(), hint: z.string().optional() }),
});
/** Documents that token shards do not have because their encoder cannot write them, such as a conversation that the chat template refuses. */
export type LeftOut = z.infer<typeof leftOutSchema>;

/** One more; `before` is null when there was none. */
export function withLeftOut(before: LeftOut | null, document: number, { message, found, hint }: ErrorRecord): LeftOut {
  if (before) return { ...before, documents: before.documents + 1 };
  return { documents: 1, first: { document, message, ...(found === undefined ? {} : { found }), ...(hint === undefined ? {} : { hint }) } };
}

/** Of two parts of a dataset. */
export function joinLeftOut(one: LeftOut | null, other: LeftOut | null): LeftOut | null {
  if (!one || !other) return one ?? other;
  const { first } = one.first.document <= other.first.document ? one : other;
  return { documents: one.documents + other.documents, first };
}

/**
 * Half of a dataset would look like the whole.
 * @param of documents of the dataset.
 * @throws StrataError BAD_INPUT with the first document and what was said of it, when half or more are left out.
 */
export function refuseTooFew(dataset: string, leftOut: LeftOut | null, of: number): void {
  if (!leftOut || leftOut.documents < of * MOST_LEFT_OUT) return;
  throw new StrataError('BAD_INPUT', `The model cannot be trained on most of the dataset "${dataset}".`, {
    found: `${leftOut.documents} of ${of} documents cannot be used, ${describeFirst(leftOut)}`,
    allowed: 'a dataset of which more than half can be used; the others are left out, and told',
    hint: leftOut.first.hint ?? 'Choose another dataset.',
  });
}

/** A sentence for the user. */
export function describeLeftOut(dataset: string, leftOut: LeftOut): string {
  const { documents } = leftOut;
  const why = describeFirst(leftOut);
  return documents === 1
    ? words('said.leftOutOne', { name: dataset, why })
    : words('said.leftOutMany', { documents: String(documents), name: dataset, why });
}

function describeFirst({ documents, first }: LeftOut): string {
  const said = first.found === undefined ? '' : ` (${first.found})`;
  return `${documents === 1 ? '' : 'first '}document ${first.document}: ${first.message.replace(/\.$/, '')}${said}`;
}

/** Beside a shard: what was left out of it. */
export async function writeLeftOut(path: string, leftOut: LeftOut): Promise<void> {
  await writeTextAtomically(path, JSON.stringify(leftOut));
}

/**
 * Null where nothing was left out.
 * @throws StrataError CORRUPT when the file is damaged.
 */
export async function readLeftOut(path: string): Promise<LeftOut | null> {
  try {
    return leftOutSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new StrataError('CORRUPT', 'What was left out of a token shard cannot be read.', {
      found: `${path}: ${error instanceof Error ? error.message : String(error)}`,
      allowed: 'the file as it was written',
      hint: 'Delete its folder; token shards are made again from the dataset at the next run.',
      cause: error,
    });
  }
}
