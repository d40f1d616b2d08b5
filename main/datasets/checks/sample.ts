import { mix32 } from '../../../shared/domain/random.ts';
import { plainTextOf } from '../../../shared/domain/content.ts';
import { openDataset } from '../dataset-folder.ts';
import { readManifest } from '../dataset-manifest.ts';

export interface SampledDocument {
  /** Place among all documents of the dataset, counted from 0. */
  index: number;
  text: string;
  heldOut: boolean;
}

/**
 * Documents of a dataset, or of one part, in their order: all when they are not much more than `mostBytes`, otherwise about so many bytes of documents
 * chosen by seed, and at least one. Reading stops at twice that, so that memory is bounded whatever the documents' sizes.
 */
export async function* sampleDocuments(
  directory: string,
  { mostBytes, seed, heldOut }: { mostBytes: number; seed: number; heldOut?: boolean },
): AsyncGenerator<SampledDocument> {
  const { bytes, documents, heldOutDocuments } = await readManifest(directory);
  const part = heldOut === undefined ? 1 : (heldOut ? heldOutDocuments : documents - heldOutDocuments) / documents;
  const share = Math.min(1, mostBytes / Math.max(1, bytes * part));
  let index = -1;
  let taken = 0;
  /** The first in the order of the seed, in case that none is chosen. */
  let first: (SampledDocument & { order: number }) | null = null;
  for await (const document of (await openDataset(directory)).documents()) {
    index++;
    if (heldOut !== undefined && document.heldOut !== heldOut) continue;
    const order = mix32(mix32(seed) ^ index) / 2 ** 32;
    const isChosen = order < share;
    if (!isChosen && (taken > 0 || (first && order > first.order))) continue;
    const text = plainTextOf(document.content);
    if (!isChosen) {
      first = { index, text, heldOut: document.heldOut, order };
      continue;
    }
    const isFirst = taken === 0;
    taken += Buffer.byteLength(text);
    if (taken > 2 * mostBytes && !isFirst) return;
    yield { index, text, heldOut: document.heldOut };
  }
  if (taken === 0 && first) yield { index: first.index, text: first.text, heldOut: first.heldOut };
}
