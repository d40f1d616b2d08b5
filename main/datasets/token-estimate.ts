import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Content, plainTextOf } from '../../shared/domain/content.ts';
import { writeTextAtomically } from '../models/atomic-file.ts';
import { openDataset } from './dataset-folder.ts';
import { readManifest } from './dataset-manifest.ts';
import { countShardTokens, type DocumentEncoder, tokensFolder } from './token-shard.ts';

/** A sample of about so much text tells how many tokens a byte has. */
const SAMPLE_BYTES = 96 * 1024;
const MOST_DOCUMENTS = 400;
const FEWEST_DOCUMENTS = 12;
/** A longer text counts by its beginning: a book would be the whole sample. */
const READ_CHARACTERS = 32 * 1024;

const ESTIMATE_FILE = 'estimate.json';
const estimateSchema = z.object({ tokens: z.int().min(0), isExact: z.boolean() });

/**
 * Tokens of a dataset for an encoder: exact where it was tokenised for it, or is no longer than a sample; otherwise concluded from a sample of
 * documents spread over it, and noted for the next time.
 */
export async function countTokens(directory: string, encoder: DocumentEncoder): Promise<{ tokens: number; isExact: boolean }> {
  const exact = await countShardTokens(directory, encoder);
  if (exact !== null) return { tokens: exact, isExact: true };
  const folder = tokensFolder(directory, encoder);
  const path = join(folder, ESTIMATE_FILE);
  const noted = await readFile(path, 'utf8').then(
    (text) => estimateSchema.safeParse(asJson(text)),
    () => null,
  );
  if (noted?.success) return noted.data;
  const count = await estimate(directory, encoder);
  await mkdir(folder, { recursive: true });
  await writeTextAtomically(path, JSON.stringify(count) + '\n').catch(() => undefined); // concluded again the next time
  return count;
}

async function estimate(directory: string, encoder: DocumentEncoder): Promise<{ tokens: number; isExact: boolean }> {
  const { documents, bytes } = await readManifest(directory);
  const folder = await openDataset(directory);
  const wanted = Math.ceil(SAMPLE_BYTES / Math.max(1, bytes / documents));
  const count = Math.min(documents, MOST_DOCUMENTS, Math.max(FEWEST_DOCUMENTS, wanted));
  const sample = { tokens: 0, bytes: 0, isCut: false };
  for (let index = 0; index < count; index++) {
    // In the middle of each of `count` equal pieces: data in some order are met all along it.
    const document = (await folder.document(Math.floor(((index + 0.5) * documents) / count)))!;
    const { content, isCut } = shortened(document.content);
    sample.tokens += tokensOf(content, encoder);
    sample.bytes += Buffer.byteLength(plainTextOf(content));
    sample.isCut ||= isCut;
  }
  if (count === documents && !sample.isCut) return { tokens: sample.tokens, isExact: true };
  return { tokens: sample.bytes === 0 ? 0 : Math.round((sample.tokens / sample.bytes) * bytes), isExact: false };
}

function shortened(content: Content): { content: Content; isCut: boolean } {
  if (content.kind !== 'text' || content.text.length <= READ_CHARACTERS) return { content, isCut: false };
  return { content: { kind: 'text', text: content.text.slice(0, READ_CHARACTERS).toWellFormed() }, isCut: true };
}

/** What a model cannot be trained on (questions with choices, conversations that its template refuses) counts by what it says. */
function tokensOf(content: Content, encoder: DocumentEncoder): number {
  try {
    return encoder.encode(content).ids.length;
  } catch {
    return encoder.encode({ kind: 'text', text: plainTextOf(content) }).ids.length;
  }
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
