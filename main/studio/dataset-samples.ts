import type { DatasetInfo, DatasetSampleRequest } from '../../shared/contract/datasets.ts';
import { StrataError } from '../../shared/errors.ts';
import { summaryOf } from '../datasets/dataset-summary.ts';
import { type SampleSize, sampleDataset } from '../datasets/sample-dataset.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { folderOf, makeFolder, newId, type StudioContext } from './context.ts';
import type { DatasetTokens } from './dataset-tokens.ts';
import type { Datasets } from './datasets.ts';
import { infoOf, registerDataset } from './register-dataset.ts';

/** What a token is taken for where no model is named. */
const BYTES_PER_TOKEN = 4;

/** Parts of datasets that are kept for replay when the rest may go. */
export class DatasetSamples {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  readonly #tokens: DatasetTokens;

  constructor(context: StudioContext, datasets: Datasets, tokens: DatasetTokens) {
    this.#context = context;
    this.#datasets = datasets;
    this.#tokens = tokens;
  }

  /**
   * A new dataset with all held-out documents of another and a seeded sample of its training part: the other may then be deleted, and what is
   * measured on held-out text can still be compared. A sample of a sample is one of the first dataset.
   * @throws StrataError BAD_INPUT unless one size is given, and it is less than all; NOT_FOUND for an unknown dataset or model.
   */
  async make(request: DatasetSampleRequest): Promise<DatasetInfo> {
    const source = this.#datasets.find(request.dataset);
    const size = await this.#sizeOf(request, source);
    const name = request.name ?? `sample of ${source.name}`;
    const id = newId(name);
    const path = folderOf(this.#context, 'datasets', id);
    return makeFolder(this.#context, path, async () => {
      const about = {
        name,
        source: `${describe(request)} of ${source.name} (${source.id}), seed ${request.seed}, with all of its held-out part`,
        sampleOf: source.sampleOf ?? { id: source.id, name: source.name, hash: source.hash },
      };
      const manifest = await sampleDataset(source.path, path, size, request.seed, about);
      return infoOf(registerDataset(this.#context, { id, path }, summaryOf(manifest)));
    });
  }

  async #sizeOf({ tokens, documents, share, model }: DatasetSampleRequest, source: StoredDataset): Promise<SampleSize> {
    const given = { tokens, documents, share };
    const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    if (names.length !== 1) {
      throw new StrataError('BAD_INPUT', 'How large a sample is to be is said once.', {
        found: names.length === 0 ? 'no size' : names.join(' and '),
        allowed: 'one of tokens, documents, share',
      });
    }
    if (documents !== undefined) return { documents };
    if (share !== undefined) return { share };
    const all = model === undefined ? source.bytes / BYTES_PER_TOKEN : (await this.#tokens.count({ dataset: source.id, model })).tokens;
    return { bytes: tokens! * (source.bytes / all) };
  }
}

function describe({ tokens, documents, share }: DatasetSampleRequest): string {
  if (documents !== undefined) return `${documents} ${documents === 1 ? 'document' : 'documents'}`;
  return share === undefined ? `about ${tokens!.toLocaleString('en-US')} tokens` : `${Number((100 * share).toFixed(2))} %`;
}
