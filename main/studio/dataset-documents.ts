import type { ListedDocument } from '../../shared/contract/datasets.ts';
import { plainTextOf } from '../../shared/domain/content.ts';
import type { DatasetPart } from '../../shared/domain/split.ts';
import { type NumberedDocument, openDataset } from '../datasets/dataset-folder.ts';
import { readManifest } from '../datasets/dataset-manifest.ts';
import type { StoredDataset } from '../store/datasets.ts';
import type { Datasets } from './datasets.ts';

/** Characters of a document that a list shows, and how many of them stand before what was found. */
const SHOWN_CHARACTERS = 600;
const CHARACTERS_BEFORE = 120;
/** A search looks for so long before it hands over what it has. */
const SEARCH_MS = 1000;
/** Datasets whose names of files are kept at hand: there may be a million of them, and a page asks again and again. */
const KEPT_DATASETS = 4;

/** Documents of datasets, one page after the other. */
export class DatasetDocuments {
  readonly #datasets: Datasets;
  readonly #fileNames = new Map<string, Promise<string[]>>();

  constructor(datasets: Datasets) {
    this.#datasets = datasets;
  }

  /**
   * Documents [from, from + count) of a part, as fast at the end of the largest dataset as at the beginning of the smallest.
   * @throws StrataError NOT_FOUND for an unknown dataset, CORRUPT for a damaged one.
   */
  async range(input: {
    dataset: string;
    part: DatasetPart;
    from: number;
    count: number;
  }): Promise<{ total: number; documents: ListedDocument[] }> {
    const dataset = this.#datasets.find(input.dataset);
    const folder = await openDataset(dataset.path);
    const [total, documents, files] = [
      await folder.count(input.part),
      await folder.range(input.from, input.count, { part: input.part }),
      await this.#files(dataset),
    ];
    return { total, documents: documents.map((document) => listed(document, files)) };
  }

  /** Documents that hold a text; `next` is the number to go on from, null at the end. */
  async search(input: {
    dataset: string;
    query: string;
    part: DatasetPart;
    from: number;
    limit: number;
  }): Promise<{ documents: ListedDocument[]; next: number | null }> {
    const dataset = this.#datasets.find(input.dataset);
    const { query, part, from, limit } = input;
    const folder = await openDataset(dataset.path);
    const { found, next } = await folder.searchFor(query, { part, from, limit, milliseconds: SEARCH_MS });
    const files = await this.#files(dataset);
    return { documents: found.map((document) => listed(document, files, document.at)), next };
  }

  #files({ id, path }: StoredDataset): Promise<string[]> {
    const known = this.#fileNames.get(id);
    if (known) return known;
    const reading = readManifest(path).then(({ files }) => files.map((file) => file.path));
    reading.catch(() => this.#fileNames.delete(id)); // the next one tries again
    this.#fileNames.set(id, reading);
    if (this.#fileNames.size > KEPT_DATASETS) this.#fileNames.delete(this.#fileNames.keys().next().value!);
    return reading;
  }
}

function listed({ number, content, heldOut, file }: NumberedDocument, files: readonly string[], at: number | null = null): ListedDocument {
  const whole = plainTextOf(content);
  const begin = at === null ? 0 : Math.max(0, at - CHARACTERS_BEFORE);
  return {
    number,
    kind: content.kind,
    heldOut,
    bytes: Buffer.byteLength(whole),
    file: file === null ? null : (files[file] ?? null),
    text: whole.slice(begin, begin + SHOWN_CHARACTERS).toWellFormed(),
    at: at === null ? null : at - begin,
  };
}
