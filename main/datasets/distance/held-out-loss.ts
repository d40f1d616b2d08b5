import type { LossSide } from '../../../shared/domain/distance.ts';
import { StrataError } from '../../../shared/errors.ts';
import { sampleDocuments } from '../checks/sample.ts';
import { readManifest } from '../dataset-manifest.ts';
import type { DistanceDataset } from './measure-distance.ts';

/** Held-out documents that a model is to read. */
export type HeldOutTexts = string[];

/**
 * About so many bytes of held-out documents, from each dataset in proportion to its size; chosen by seed where there are more. Of a longer document
 * than that its beginning.
 */
export async function readHeldOut(datasets: readonly DistanceDataset[], mostBytes: number, seed: number): Promise<HeldOutTexts> {
  const manifests = await Promise.all(datasets.map(({ directory }) => readManifest(directory)));
  const allBytes = manifests.reduce((sum, { bytes }) => sum + bytes, 0);
  const texts: HeldOutTexts = [];
  for (const [place, { directory }] of datasets.entries()) {
    const share = mostBytes * (manifests[place]!.bytes / allBytes);
    for await (const { text } of sampleDocuments(directory, { mostBytes: share, seed, heldOut: true })) {
      texts.push(text.slice(0, Math.ceil(mostBytes)));
    }
  }
  return texts;
}

/**
 * Bits per byte over documents, and its standard error as of a ratio of two sums over documents:
 * `sqrt(n / (n - 1) * sum of (bits_i - ratio * bytes_i)^2) / sum of bytes` (Cochran 1977, section 2.11). Documents too short to be measured are left out.
 * @throws StrataError BAD_INPUT when none is left.
 */
export function lossSideOf(parts: readonly { tokens: number; bytes: number; lossPerToken: number | null }[]): LossSide {
  const measured = parts.flatMap(({ tokens, bytes, lossPerToken }) =>
    lossPerToken === null ? [] : { tokens, bytes, bits: (lossPerToken * tokens) / Math.LN2 },
  );
  if (measured.length === 0) {
    throw new StrataError('BAD_INPUT', 'A held-out part has nothing to measure the loss on.', {
      found: `${parts.length} documents of less than two tokens`,
      allowed: 'at least one longer document',
      hint: 'Leave the model out, or import more text.',
    });
  }
  const sum = (of: (part: (typeof measured)[number]) => number): number => measured.reduce((total, part) => total + of(part), 0);
  const bytes = sum((part) => part.bytes);
  const bitsPerByte = sum(({ bits }) => bits) / bytes;
  const squares = sum((part) => (part.bits - bitsPerByte * part.bytes) ** 2);
  const count = measured.length;
  return {
    bitsPerByte,
    standardError: count < 2 ? null : Math.sqrt((count / (count - 1)) * squares) / bytes,
    documents: count,
    tokens: sum(({ tokens }) => tokens),
    bytes,
  };
}
