import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetInfo, SelfReplayEvent, SelfReplayRequest } from '../../shared/contract/datasets.ts';
import { selfReplaySource } from '../../shared/domain/self-replay.ts';
import { words } from '../../shared/words/words.ts';
import type { SelfReplayJob } from '../training/messages.ts';
import type { SelfReplayText } from '../training/self-replay-job.ts';
import { makeFolder, newId, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { followWork } from './follow-work.ts';
import type { Models } from './models.ts';

type Progress = Omit<SelfReplayEvent, 'dataset'>;

/** Old data for whoever has none: text that the base writes itself, as a dataset that says so. */
export class SelfReplay {
  readonly #context: StudioContext;
  readonly #models: Models;
  readonly #datasets: Datasets;

  constructor(context: StudioContext, models: Models, datasets: Datasets) {
    this.#context = context;
    this.#models = models;
    this.#datasets = datasets;
  }

  /**
   * Samples documents and imports them.
   * @param signal ends it; nothing is kept then.
   * @throws StrataError NOT_FOUND for an unknown model, CONFLICT when its files were changed, BAD_INPUT when it writes nothing by itself.
   */
  async make(
    { model: reference, tokens, temperature, seed, name, engine = 'auto' }: SelfReplayRequest,
    onProgress: (progress: Progress) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<DatasetInfo> {
    const model = this.#models.find(reference);
    await this.#models.checkUnchanged(model);
    const folder = join(this.#context.home, 'self-replay', newId(model.name));
    return makeFolder(this.#context, folder, async () => {
      await mkdir(folder, { recursive: true });
      const destination = join(folder, 'documents.jsonl');
      const job: SelfReplayJob = { kind: 'self-replay', engine, modelDirectory: model.path, tokens, temperature, seed, destination };
      const written = await this.#run(job, onProgress, signal);
      onProgress({ activity: words('said.importingText'), done: written.tokens, of: written.tokens });
      const imported = await this.#datasets.import({
        paths: [destination],
        name: name ?? `self-replay of ${model.name}`,
        source: selfReplaySource(model.name, written.tokens, temperature, seed),
      });
      await rm(folder, { recursive: true, force: true });
      return imported.datasets[0]!;
    });
  }

  /** {@link make} as events, the dataset in the last. */
  async *follow(request: SelfReplayRequest, signal?: AbortSignal): AsyncGenerator<SelfReplayEvent, void> {
    const work = followWork<Progress, DatasetInfo>((onProgress, ended) => this.make(request, onProgress, ended), signal);
    for await (const event of work) {
      if ('progress' in event) yield { ...event.progress, dataset: null };
      else yield { activity: '', done: request.tokens, of: request.tokens, dataset: event.result };
    }
  }

  async #run(job: SelfReplayJob, onProgress: (progress: Progress) => void, signal?: AbortSignal): Promise<SelfReplayText> {
    const progress = { activity: '', done: 0, of: job.tokens };
    const handle = this.#context.executor.start(job, (event) => {
      if (event.type === 'activity') progress.activity = event.text;
      else if (event.type === 'done') progress.done = event.done;
      else return;
      onProgress({ ...progress });
    });
    const end = (): void => handle.kill();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      return (await handle.finished) as SelfReplayText;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }
}
