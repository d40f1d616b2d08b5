import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ModelInfo } from '../../shared/contract/models.ts';
import { StrataError } from '../../shared/errors.ts';
import { modelHash } from '../models/model-folder.ts';
import { listDatasets } from '../store/datasets.ts';
import { listModels } from '../store/models.ts';
import type { StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';

/** Name of the embedded base in a workspace. */
export const EMBEDDED_BASE = 'strata-base';

/**
 * Registers the embedded base and the two sample datasets, once each.
 * @throws StrataError NOT_FOUND when the installation lacks them.
 */
export async function addSamples(
  context: StudioContext,
  models: Models,
  datasets: Datasets,
): Promise<{ model: ModelInfo; newDataset: DatasetInfo; oldDataset: DatasetInfo }> {
  const model = await addBase(context, models);
  return { model, newDataset: await addSample(context, datasets, 'new'), oldDataset: await addSample(context, datasets, 'old') };
}

/**
 * Registers the embedded base unless it is there.
 * @throws StrataError NOT_FOUND when the installation lacks it.
 */
export async function addBase(context: StudioContext, models: Models): Promise<ModelInfo> {
  const basePath = join(context.resources, 'base');
  const hash = await modelHash(basePath).catch((error: unknown) => {
    throw new StrataError('NOT_FOUND', 'The embedded base model is missing from this installation.', {
      found: basePath,
      hint: 'Install Strata again.',
      cause: error,
    });
  });
  const known = listModels(context.store).find((model) => model.hash === hash);
  return known ? models.show(known.id) : models.import({ path: basePath, name: EMBEDDED_BASE });
}

async function addSample(context: StudioContext, datasets: Datasets, role: 'new' | 'old'): Promise<DatasetInfo> {
  const folder = join(context.resources, 'samples', role);
  const file = join(folder, 'documents.jsonl.gz');
  // The application may lie elsewhere than last time: an update, or an image that is mounted anew at each start.
  const known = listDatasets(context.store).find(({ source }) => source.endsWith(relative(context.resources, file)));
  if (known) return datasets.find(known.id);
  const { name, source, licence } = JSON.parse(await readFile(join(folder, 'sample.json'), 'utf8')) as Record<
    'name' | 'source' | 'licence',
    string
  >;
  const imported = await datasets.import({ paths: [file], name, about: { origin: source, licence } });
  return imported.datasets[0]!;
}
