import { plainTextOf } from '../../shared/domain/content.ts';
import type { SampleOf } from '../../shared/domain/dataset-sample.ts';
import { mix32 } from '../../shared/domain/random.ts';
import { StrataError } from '../../shared/errors.ts';
import { openDataset } from './dataset-folder.ts';
import { type DatasetManifest, readManifest } from './dataset-manifest.ts';
import { type NewDocument, writeDataset } from './write-dataset.ts';

/** How much of the training part is wanted: documents, bytes of text, or a share of its text. */
export type SampleSize = { documents: number } | { bytes: number } | { share: number };

/**
 * A new dataset folder with all held-out documents of another and a sample of its training documents, in their order. Documents are drawn by the
 * seed alone, so that a larger sample has those of a smaller one. The last document drawn is the one that reaches the bytes.
 * @param about what it is called, where it comes from, and the dataset that it is a sample of.
 * @throws StrataError BAD_INPUT when all would be drawn.
 */
export async function sampleDataset(
  source: string,
  destination: string,
  size: SampleSize,
  seed: number,
  about: { name: string; source: string; sampleOf: SampleOf },
): Promise<DatasetManifest> {
  const manifest = await readManifest(source);
  const { drawn, bytes } = await draw(source, size, seed);
  const training = manifest.documents - manifest.heldOutDocuments;
  if (drawn.size >= training) {
    throw new StrataError('BAD_INPUT', 'A sample is less than the whole.', {
      found: `${drawn.size} documents`,
      allowed: `less than the ${training} training documents of "${manifest.name}"`,
      hint: 'Keep the dataset itself, or ask for less.',
    });
  }
  const split = manifest.split && { ...manifest.split, share: manifest.split.bytes / (manifest.split.bytes + bytes) };
  return writeDataset(destination, sampled(source, drawn), () => ({
    ...manifest,
    ...about,
    split,
    version: 1,
    parent: null,
    request: null,
  }));
}

/** Places of the training documents that are kept, counted from 0 through both parts, and their bytes. */
async function draw(source: string, size: SampleSize, seed: number): Promise<{ drawn: ReadonlySet<number>; bytes: number }> {
  const training: { place: number; bytes: number; key: number }[] = [];
  let place = 0;
  for await (const { content, heldOut } of (await openDataset(source)).documents()) {
    if (!heldOut) training.push({ place, bytes: Buffer.byteLength(plainTextOf(content)), key: mix32(mix32(place) ^ mix32(seed + 1)) });
    place++;
  }
  training.sort((a, b) => a.key - b.key || a.place - b.place);
  const all = training.reduce((sum, each) => sum + each.bytes, 0);
  const wanted = 'bytes' in size ? size.bytes : 'share' in size ? size.share * all : Infinity;
  const most = 'documents' in size ? size.documents : Infinity;
  const drawn = new Set<number>();
  let bytes = 0;
  for (const each of training) {
    if (drawn.size >= most || (drawn.size > 0 && bytes >= wanted)) break;
    drawn.add(each.place);
    bytes += each.bytes;
  }
  return { drawn, bytes };
}

async function* sampled(source: string, drawn: ReadonlySet<number>): AsyncGenerator<NewDocument> {
  let place = 0;
  for await (const { content, heldOut, file } of (await openDataset(source)).documents()) {
    if (heldOut || drawn.has(place)) yield { content, heldOut, file: file ?? 0 };
    place++;
  }
}
