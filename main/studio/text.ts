import { StrataError } from '../../shared/errors.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import { listReferences } from '../store/runs.ts';
import type { TextEvaluation } from '../training/evaluate-job.ts';
import { resolve, type StudioContext } from './context.ts';
import { findStoredRun } from './find-run.ts';

/** Use cases that read or write text with a saved model. */
export class Text {
  readonly #context: StudioContext;

  constructor(context: StudioContext) {
    this.#context = context;
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

  async evaluate(input: { model: string; files: string[]; context?: number; engine?: string }): Promise<TextEvaluation> {
    const { model, files, context = null, engine = 'auto' } = input;
    const job = { kind: 'evaluate' as const, engine, modelDirectory: this.modelOf(model).path, files, context };
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
