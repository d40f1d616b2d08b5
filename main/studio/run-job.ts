import { StrataError } from '../../shared/errors.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import type { StoredRun } from '../store/runs.ts';
import type { TrainJob } from '../training/messages.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';
import { describeMissing, pastShards } from './past-data.ts';

/** What a trainer needs to know about a run, beside where the run's own files go. */
export type PreparedJob = Pick<TrainJob, 'configuration' | 'baseModelDirectory' | 'shards' | 'past'>;

/**
 * Prepares a recorded run for training, now or once more: from its frozen configuration, with the base and the data that it names.
 * @param onMissing told, in words, what of the base's past can no longer be measured.
 * @throws StrataError NOT_FOUND when one of them is gone, CONFLICT when it is no longer what it was.
 */
export async function jobOf(
  { configuration }: Pick<StoredRun, 'configuration'>,
  models: Models,
  datasets: Datasets,
  onMissing: (text: string) => void,
): Promise<PreparedJob> {
  const base = models.find(configuration.baseModel.id);
  await models.checkUnchanged(base, configuration.baseModel.hash);
  const encoder = await loadContentEncoder(base.path, configuration.rendering);
  const shards: TrainJob['shards'] = [];
  for (const { id, role, hash: frozen } of configuration.datasets) {
    const { path, name, hash } = datasets.find(id);
    if (hash !== frozen) {
      throw new StrataError('CONFLICT', `The dataset "${name}" is no longer what it was when the run was made.`, {
        found: `sha256 ${hash.slice(0, 16)}…`,
        allowed: `${frozen.slice(0, 16)}…`,
        hint: 'Start a new run with the dataset as it is now.',
      });
    }
    const built = await buildTokenShards(path, encoder, { needsDocuments: true, name });
    shards.push({ datasetId: id, role, trainPath: built.trainPath, heldOutPath: built.heldOutPath });
  }
  const past = await pastShards(configuration.past ?? [], datasets, encoder);
  for (const missing of past.missing) onMissing(describeMissing(missing));
  return { configuration, baseModelDirectory: base.path, shards, past: past.shards };
}
