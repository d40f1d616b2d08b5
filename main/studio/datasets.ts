import { basename, resolve as absolutePath } from 'node:path';
import type { DatasetDetails, DatasetInfo } from '../../shared/contract/datasets.ts';
import type { ImportedFile, InspectRequest, Inspection } from '../../shared/contract/dataset-import.ts';
import { readManifest } from '../datasets/dataset-manifest.ts';
import { summaryOf, tellingFiles } from '../datasets/dataset-summary.ts';
import { importDataset } from '../datasets/import-dataset.ts';
import { inspectInBackground } from '../datasets/inspect/inspect-in-background.ts';
import { listDatasets, type StoredDataset } from '../store/datasets.ts';
import { listRuns } from '../store/runs.ts';
import { describeSource, folderOf, makeFolder, newId, resolve, type StudioContext } from './context.ts';
import { ItemBin } from './item-bin.ts';
import { infoOf, registerDataset } from './register-dataset.ts';

/** Use cases of datasets. A dataset lies in its own folder of the workspace and never changes. */
export class Datasets {
  readonly #context: StudioContext;
  /** Those that were deleted. */
  readonly bin: ItemBin;

  constructor(context: StudioContext) {
    this.#context = context;
    this.bin = new ItemBin(context, {
      table: 'datasets',
      word: 'dataset',
      needs: ({ datasets }, id) => datasets.some((dataset) => dataset.id === id),
      does: 'uses',
      present: () => listDatasets(context.store),
    });
  }

  list(): DatasetInfo[] {
    return listDatasets(this.#context.store).map(infoOf);
  }

  find(reference: string): StoredDataset {
    return resolve('dataset', reference, listDatasets(this.#context.store), this.bin.list());
  }

  /** The dataset of exactly these documents; of several the first imported. */
  /** One with the held-out part that goes by a hash: the dataset itself, or where that is gone a sample of it. */
  withHeldOut(hash: string): StoredDataset | undefined {
    return this.withHash(hash) ?? listDatasets(this.#context.store).find(({ sampleOf }) => sampleOf?.hash === hash);
  }

  withHash(hash: string): StoredDataset | undefined {
    return listDatasets(this.#context.store).find((dataset) => dataset.hash === hash);
  }

  /** @throws StrataError CORRUPT when its folder was damaged. */
  async show({ dataset: reference }: { dataset: string }): Promise<DatasetDetails> {
    const dataset = this.find(reference);
    const { files, duplicates, cleaning, split, kinds } = await readManifest(dataset.path);
    const runs = listRuns(this.#context.store).flatMap(({ id, name, configuration }) =>
      configuration.datasets.filter((used) => used.id === dataset.id).map(({ role }) => ({ id, name, role })),
    );
    // The list does not know the kinds of what was imported before they were noted.
    return { ...infoOf(dataset), kinds, files: tellingFiles(files), duplicates, cleaning, split, runs };
  }

  /**
   * What an import of files and folders would read, looked at in a bounded time.
   * @throws StrataError NOT_FOUND for a path that is not there; BAD_INPUT where a file hangs its reader.
   */
  inspect({ paths, mappings = [] }: InspectRequest, signal?: AbortSignal): Promise<Inspection> {
    return inspectInBackground({ paths: paths.map((path) => absolutePath(path)), mappings }, { ...(signal ? { signal } : {}) });
  }

  /**
   * Imports files that the studio itself has made or brings along; what a person chooses goes through {@link DatasetImports}.
   * @param input.source where it came from, for the user, when the paths do not say.
   * @param input.about where it is published and its licence, where that is known.
   */
  async import({
    paths: given,
    name,
    source: told,
    about = {},
  }: {
    paths: string[];
    name?: string;
    source?: string;
    about?: { origin?: string; licence?: string };
  }): Promise<{ datasets: DatasetInfo[]; files: ImportedFile[] }> {
    // Absolute: "." has no name, and where a dataset came from must still be true from another folder.
    const paths = given.map((path) => absolutePath(path));
    const id = newId(name ?? basename(paths[0]!));
    const path = folderOf(this.#context, 'datasets', id);
    return makeFolder(this.#context, path, async () => {
      const source = told ?? describeSource(this.#context, paths);
      const summary = summaryOf(await importDataset(paths, path, { ...about, source, ...(name === undefined ? {} : { name }) }));
      return { datasets: [infoOf(registerDataset(this.#context, { id, path }, summary))], files: summary.files };
    });
  }

  /**
   * Puts a dataset into the bin.
   * @throws StrataError CONFLICT while an unfinished run uses it.
   */
  remove({ dataset }: { dataset: string }): { removed: string } {
    return this.bin.put(this.find(dataset));
  }

  /** Takes a dataset out of the bin. */
  restore({ dataset }: { dataset: string }): DatasetInfo {
    return infoOf(this.find(this.bin.restore(dataset)));
  }
}
