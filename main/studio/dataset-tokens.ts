import type { DocumentTokens, TokenCount } from '../../shared/contract/datasets.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../shared/domain/rendering.ts';
import { StrataError, toStrataError } from '../../shared/errors.ts';
import { openDataset } from '../datasets/dataset-folder.ts';
import { countTokens } from '../datasets/token-estimate.ts';
import { type ContentEncoder, loadContentEncoder, TEMPLATE_NOTES } from '../models/content-encoder.ts';
import { tokenPieces } from '../models/token-pieces.ts';
import { listDatasets, type StoredDataset } from '../store/datasets.ts';
import { listModels } from '../store/models.ts';
import { resolve, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';

/** How a model reads the documents of a dataset, token by token. */
export class DatasetTokens {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  /** The last one, for the next document: large tokenizers take a second to load. A model's folder never changes. */
  #encoder: { key: string; loading: Promise<ContentEncoder> } | null = null;

  readonly #counting = new Map<string, Promise<Omit<TokenCount, 'dataset'>>>();

  constructor(context: StudioContext, datasets: Datasets) {
    this.#context = context;
    this.#datasets = datasets;
  }

  /**
   * @param input.document its number in the dataset, counted from 0.
   * @param input.count of tokens that are shown; all are counted.
   * @throws StrataError NOT_FOUND where there is no such dataset, document or model; as the model's chat template.
   */
  async of(input: { dataset: string; document: number; model: string; rendering: Rendering; count: number }): Promise<DocumentTokens> {
    const { path, documents } = this.#datasets.find(input.dataset);
    const model = resolve('model', input.model, listModels(this.#context.store));
    const document = await (await openDataset(path)).document(input.document);
    if (!document) {
      throw new StrataError('NOT_FOUND', 'The dataset has no such document.', {
        found: String(input.document),
        allowed: `0 to ${documents - 1}`,
      });
    }
    const encoder = await this.#load(model.path, input.rendering);
    const encoded = encoder.encode(document.content);
    return {
      document: document.number,
      content: document.content,
      heldOut: document.heldOut,
      tokens: encoded.ids.length,
      learnedTokens: encoded.learned ? encoded.learned.reduce((sum, each) => sum + each, 0) : encoded.ids.length,
      pieces: tokenPieces(encoder.tokenizer, encoded, input.count),
      note: TEMPLATE_NOTES[encoder.templateOrigin],
    };
  }

  /**
   * How many tokens each dataset has for a model, as runs read it unless told otherwise. One whose folder is damaged is left out.
   * @throws StrataError NOT_FOUND where there is no such model; as its tokenizer.
   */
  async counts(input: { model: string }): Promise<TokenCount[]> {
    const encoder = await this.#encoderOf(input.model);
    const counts: TokenCount[] = [];
    for (const dataset of listDatasets(this.#context.store)) {
      const count = await this.#count(dataset, encoder).catch((error: unknown) => {
        if (toStrataError(error).code !== 'CORRUPT') throw error;
        return null;
      });
      if (count) counts.push(count);
    }
    return counts;
  }

  /** {@link counts} of one dataset. */
  async count(input: { dataset: string; model: string }): Promise<TokenCount> {
    return this.#count(this.#datasets.find(input.dataset), await this.#encoderOf(input.model));
  }

  async #count({ id, path }: StoredDataset, encoder: ContentEncoder): Promise<TokenCount> {
    const key = `${path} ${encoder.hash}`;
    // Two pages may ask at once for what takes a second to conclude.
    const counting = this.#counting.get(key) ?? countTokens(path, encoder).finally(() => this.#counting.delete(key));
    this.#counting.set(key, counting);
    return { dataset: id, ...(await counting) };
  }

  #encoderOf(model: string): Promise<ContentEncoder> {
    return this.#load(resolve('model', model, listModels(this.#context.store)).path, DEFAULT_RENDERING);
  }

  #load(directory: string, rendering: Rendering): Promise<ContentEncoder> {
    const key = JSON.stringify([directory, rendering]);
    if (this.#encoder?.key !== key) {
      const loading = loadContentEncoder(directory, rendering);
      this.#encoder = { key, loading };
      loading.catch(() => (this.#encoder = null)); // the next one tries again
    }
    return this.#encoder.loading;
  }
}
