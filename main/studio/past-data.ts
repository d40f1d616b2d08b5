import type { Expansion } from '../../shared/domain/expansion.ts';
import { toStrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { buildTokenShards, type DocumentEncoder } from '../datasets/token-shard.ts';
import type { TrainJob } from '../training/messages.ts';
import type { Datasets } from './datasets.ts';

/** A dataset that a model learned from in an earlier step of its line. */
export interface PastDataset {
  name: string;
  hash: string;
  /** In this workspace. */
  id: string;
}

/** One whose held-out part cannot be measured, and why. */
export interface MissingPast {
  name: string;
  reason: string;
}

export interface PastData {
  past: PastDataset[];
  shards: NonNullable<TrainJob['past']>;
  /** Held-out tokens of all of them. */
  heldOutTokens: number;
  missing: MissingPast[];
}

/**
 * What the base learned in earlier steps of its line and is not in the run, as far as it is in the workspace, tokenised for the base.
 * @param inRun what the held-out parts of the run's own datasets go by.
 */
export async function pastOf(
  expansion: Pick<Expansion, 'line'> | null,
  inRun: ReadonlySet<string>,
  datasets: Datasets,
  encoder: DocumentEncoder,
): Promise<PastData> {
  const trained = (expansion?.line ?? []).flatMap(({ training }) => training?.datasets ?? []);
  const byHash = new Map<string, { name: string; hash: string }>();
  for (const { name, hash } of trained) {
    // A sample has the held-out part of its original, under whose hash that is measured.
    const sampleOf = datasets.withHash(hash)?.sampleOf;
    const heldOut = sampleOf ?? { name, hash };
    if (!inRun.has(heldOut.hash)) byHash.set(heldOut.hash, heldOut);
  }
  const missing: MissingPast[] = [];
  const known: PastDataset[] = [];
  for (const { name, hash } of byHash.values()) {
    const found = datasets.withHeldOut(hash);
    if (found) known.push({ id: found.id, name: found.name, hash });
    else missing.push({ name, reason: words('said.notAsThen') });
  }
  const data = await pastShards(known, datasets, encoder);
  return { ...data, missing: [...missing, ...data.missing] };
}

/** Held-out shards of what is still in the workspace. */
export async function pastShards(past: readonly PastDataset[], datasets: Datasets, encoder: DocumentEncoder): Promise<PastData> {
  const data: PastData = { past: [], shards: [], heldOutTokens: 0, missing: [] };
  for (const each of past) {
    const { id, name, hash } = each;
    const dataset = datasets.withHeldOut(hash);
    if (!dataset) {
      data.missing.push({ name, reason: words('said.noLonger') });
      continue;
    }
    try {
      const { heldOutPath, heldOutTokens } = await buildTokenShards(dataset.path, encoder, { needsDocuments: true, name });
      if (heldOutTokens < 2) {
        data.missing.push({ name, reason: words('said.heldOutOf', { tokens: String(heldOutTokens) }) });
        continue;
      }
      data.past.push(each);
      data.shards.push({ datasetId: id, heldOutPath });
      data.heldOutTokens += heldOutTokens;
    } catch (error) {
      data.missing.push({ name, reason: toStrataError(error).message });
    }
  }
  return data;
}

/** For the person whose run it is. */
export function describeMissing({ name, reason }: MissingPast): string {
  return words('said.pastNotMeasured', { name, reason });
}
