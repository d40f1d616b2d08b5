import { rm } from 'node:fs/promises';
import { basename, resolve as absolutePath } from 'node:path';
import type { DatasetInfo, ImportedFile } from '../../shared/contract/contract.ts';
import { StrataError } from '../../shared/errors.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import { openDataset } from '../datasets/dataset-folder.ts';
import { readManifest } from '../datasets/dataset-manifest.ts';
import { importDataset } from '../datasets/import-dataset.ts';
import { deleteDataset, insertDataset, listDatasets, type StoredDataset } from '../store/datasets.ts';
import { listRuns } from '../store/runs.ts';
import { describeSource, folderOf, makeFolder, newId, now, resolve, type StudioContext, uniqueName } from './context.ts';

/** Characters of a document that a preview shows. */
const PREVIEW_CHARACTERS = 1500;

export interface DatasetDetails extends DatasetInfo {
  preview: { text: string; heldOut: boolean; bytes: number }[];
  files: ImportedFile[];
}

/** Use cases of datasets. A dataset lies in its own folder of the workspace and never changes. */
export class Datasets {
  readonly #context: StudioContext;

  constructor(context: StudioContext) {
    this.#context = context;
  }

  list(): DatasetInfo[] {
    return listDatasets(this.#context.store).map(infoOf);
  }

  find(reference: string): StoredDataset {
    return resolve('dataset', reference, listDatasets(this.#context.store));
  }

  async show({ dataset: reference, documents }: { dataset: string; documents: number }): Promise<DatasetDetails> {
    const dataset = this.find(reference);
    const { files } = await readManifest(dataset.path);
    return { ...infoOf(dataset), preview: await preview(dataset.path, documents), files: files.map(resultOf) };
  }

  /** @param input.source where it came from, for the user, when the paths do not say. */
  async import({
    paths: given,
    name,
    source: origin,
  }: {
    paths: string[];
    name?: string;
    source?: string;
  }): Promise<{ datasets: DatasetInfo[]; files: ImportedFile[] }> {
    // Absolute: "." has no name, and where a dataset came from must still be true from another folder.
    const paths = given.map((path) => absolutePath(path));
    const id = newId(name ?? basename(paths[0]!));
    const path = folderOf(this.#context, 'datasets', id);
    return makeFolder(this.#context, path, async () => {
      const source = origin ?? describeSource(this.#context, paths);
      const manifest = await importDataset(paths, path, { source, ...(name === undefined ? {} : { name }) });
      const { files, documents, heldOutDocuments, bytes, hash } = manifest;
      const dataset: StoredDataset = {
        id,
        path,
        documents,
        heldOutDocuments,
        bytes,
        hash,
        source: manifest.source,
        name: uniqueName(manifest.name, listDatasets(this.#context.store)),
        createdAt: now(),
      };
      insertDataset(this.#context.store, dataset);
      return { datasets: [infoOf(dataset)], files: files.map(resultOf) };
    });
  }

  /** @throws StrataError CONFLICT while an unfinished run uses it. */
  async remove({ dataset: reference }: { dataset: string }): Promise<{ removed: string }> {
    const dataset = this.find(reference);
    const user = listRuns(this.#context.store).find(
      ({ status, configuration }) =>
        !['done', 'stopped', 'failed'].includes(status) && configuration.datasets.some(({ id }) => id === dataset.id),
    );
    if (user) {
      throw new StrataError('CONFLICT', 'A run that is not finished uses this dataset.', {
        found: `run ${user.name} (${user.status})`,
        hint: 'Let it finish or delete it first.',
      });
    }
    deleteDataset(this.#context.store, dataset.id);
    await rm(dataset.path, { recursive: true, force: true });
    return { removed: dataset.id };
  }
}

function infoOf({ path: _, ...info }: StoredDataset): DatasetInfo {
  return info;
}

function resultOf({ path, status, reason }: ImportedFile): ImportedFile {
  return { path, status, reason };
}

/** The first documents, of both parts when there are several. */
async function preview(directory: string, count: number): Promise<DatasetDetails['preview']> {
  const shown: DatasetDetails['preview'] = [];
  if (count === 0) return shown;
  for await (const { content, heldOut } of (await openDataset(directory)).documents()) {
    const isLast = shown.length === count - 1;
    // The last place is kept for the part that has not been seen yet, so that both can be looked at.
    if (
      isLast &&
      count > 1 &&
      !shown.some((document) => document.heldOut !== heldOut) &&
      shown.every((document) => document.heldOut === heldOut)
    )
      continue;
    const text = plainTextOf(content);
    shown.push({ text: text.slice(0, PREVIEW_CHARACTERS), heldOut, bytes: Buffer.byteLength(text) });
    if (shown.length >= count) break;
  }
  return shown;
}
