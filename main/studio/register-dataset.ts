import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { DatasetSummary } from '../datasets/dataset-summary.ts';
import { insertDataset, listDatasets, type StoredDataset } from '../store/datasets.ts';
import { now, type StudioContext, uniqueName } from './context.ts';

/**
 * Puts a finished dataset folder on the list, under a name that nothing has yet.
 * @param place.id its id; the folder lies at `place.path`.
 */
export function registerDataset(context: StudioContext, place: { id: string; path: string }, summary: DatasetSummary): StoredDataset {
  const { files: _files, ...facts } = summary;
  // In one transaction: another process may be registering one of the same name.
  return context.store
    .transaction(() => {
      const dataset: StoredDataset = {
        ...facts,
        ...place,
        name: uniqueName(summary.name, listDatasets(context.store)),
        createdAt: now(),
      };
      insertDataset(context.store, dataset);
      return dataset;
    })
    .immediate();
}

/** A dataset as screens see it, without its folder. */
export function infoOf({ path: _, ...info }: StoredDataset): DatasetInfo {
  return info;
}

/** What a later version of a dataset is called: "code" becomes "code (version 2)". */
export function versionName(parent: string, version: number): string {
  return `${parent.replace(/ \(version \d+\)$/, '')} (version ${version})`;
}
