import { StrataError } from '../../shared/errors.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { listReferences } from '../store/runs.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import type { TextEvaluation } from '../training/evaluate-job.ts';
import type { EvaluateJob } from '../training/messages.ts';
import { resolve, type StudioContext } from './context.ts';
import { findStoredRun } from './find-run.ts';
import type { Datasets } from './datasets.ts';

/** Use cases that read or write text with a saved model. */
export class Text {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;

  constructor(context: StudioContext, datasets: Datasets) {
    this.#context = context;
    this.#datasets = datasets;
  }

  async generate(input: {
    model: string;
    prompt: string;
    maxTokens: number;
    temperature: number;
    seed: number;
    bypass: boolean;
    engine?: string;
  }): Promise<{ text: string; tokenIds: number[] }> {
    const { model, engine = 'auto', ...rest } = input;
    const job = { kind: 'generate' as const, engine, modelDirectory: this.modelOf(model).path, ...rest };
    return (await this.#context.executor.start(job, () => undefined).finished) as { text: string; tokenIds: number[] };
  }

  /** Loss of a model on text files and on held-out parts of datasets, beside another model where one is named. */
  async evaluate(input: {
    model: string;
    files?: string[];
    datasets?: string[];
    reference?: string | undefined;
    context?: number | undefined;
    engine?: string;
  }): Promise<TextEvaluation> {
    const { model, files = [], context = null, engine = 'auto' } = input;
    const { path } = this.modelOf(model);
    const chosen = (input.datasets ?? []).map((reference) => this.#datasets.find(reference));
    if (files.length + chosen.length === 0) {
      throw new StrataError('BAD_INPUT', 'There is nothing to measure.', {
        found: 'neither a text nor a dataset',
        allowed: 'text files, datasets, or both',
      });
    }
    const encoder = chosen.length > 0 ? await loadContentEncoder(path) : null;
    const datasets: NonNullable<EvaluateJob['datasets']> = [];
    for (const { id, name, hash, path: directory } of chosen) {
      const { heldOutPath } = await buildTokenShards(directory, encoder!, { needsDocuments: true, name });
      datasets.push({ datasetId: id, name, hash, heldOutPath });
    }
    const reference = input.reference === undefined ? {} : { referenceDirectory: this.modelOf(input.reference).path };
    const job = { kind: 'evaluate' as const, engine, modelDirectory: path, files, datasets, context, ...reference };
    return (await this.#context.executor.start(job, () => undefined).finished) as TextEvaluation;
  }

  /**
   * A model by its id or name, or the model that a run made.
   * @throws StrataError CONFLICT when the run has made none yet.
   */
  modelOf(reference: string): StoredModel {
    const models = listModels(this.#context.store);
    const { store } = this.#context;
    const isModel = models.some(({ id, name }) => id === reference || name === reference);
    const run = isModel || listReferences(store, reference).length === 0 ? null : findStoredRun(store, reference);
    if (!run) return resolve('model', reference, models);
    if (run.model === null) {
      throw new StrataError('CONFLICT', 'The run has not made a model yet.', {
        found: `run "${run.name}" is ${run.status}`,
        hint: 'Wait until it is done, or resume it.',
      });
    }
    return resolve('model', run.model, models);
  }
}
