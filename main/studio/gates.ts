import type { z } from 'zod';
import type { GateEvent, gateRequestSchema } from '../../shared/contract/packs.ts';
import type { GateEvaluation } from '../../shared/domain/gate.ts';
import { findPack } from '../../shared/domain/pack.ts';
import type { Role } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import { listDatasets, type StoredDataset } from '../store/datasets.ts';
import type { StoredModel } from '../store/models.ts';
import { insertGate } from '../store/pack-records.ts';
import type { GateJob } from '../training/messages.ts';
import { now, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import { followWork } from './follow-work.ts';
import { latestPack, type Text } from './text.ts';

/** Tokens of a document that are read, unless said: what decides, and enough after it. */
const DOCUMENT_TOKENS = 256;

type Request = z.output<typeof gateRequestSchema>;
type Progress = Omit<GateEvent, 'evaluation'>;

/** How well a gate decides whether a pack is used, on held-out documents. */
export class Gates {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  readonly #text: Text;

  constructor(context: StudioContext, datasets: Datasets, text: Text) {
    this.#context = context;
    this.#datasets = datasets;
    this.#text = text;
  }

  /**
   * Evaluates, and keeps the result.
   * @param signal ends it; nothing is kept then.
   * @throws StrataError BAD_INPUT when the pack cannot be left out, there are no datasets, or their documents are too short.
   */
  async evaluate(
    request: Request,
    onProgress: (progress: Progress) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<GateEvaluation> {
    const started = performance.now();
    const model = this.#text.modelOf(request.model);
    const pack = findPack(model, request.pack ?? latestPack(model));
    const datasets = this.#datasetsOf(request, model, pack.training?.datasets ?? []);
    const job: GateJob = {
      kind: 'gate',
      engine: request.engine ?? 'auto',
      modelDirectory: model.path,
      positions: pack.positions,
      datasets: await this.#heldOut(model, datasets),
      tokens: [...new Set(request.tokens)].sort((a, b) => a - b),
      documents: request.documents,
      documentTokens: Math.min(model.contextLength, request.documentTokens ?? Math.max(DOCUMENT_TOKENS, 2 * Math.max(...request.tokens))),
    };
    const progress: Progress = { activity: '', done: 0, of: 1 };
    const handle = this.#context.executor.start(job, (event) => {
      if (event.type === 'activity') progress.activity = event.text;
      else if (event.type === 'done') Object.assign(progress, { done: event.done, of: event.of });
      else return;
      onProgress({ ...progress });
    });
    const end = (): void => handle.kill();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      const measured = (await handle.finished) as Pick<GateEvaluation, 'results' | 'engine'>;
      const evaluation = { pack: pack.number, ...measured, seconds: (performance.now() - started) / 1000, at: now() };
      insertGate(this.#context.store, model.hash, evaluation);
      return evaluation;
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  /** {@link evaluate} as events, the result in the last. */
  async *follow(request: Request, signal?: AbortSignal): AsyncGenerator<GateEvent, void> {
    const work = followWork<Progress, GateEvaluation>((onProgress, ended) => this.evaluate(request, onProgress, ended), signal);
    for await (const event of work) {
      if ('progress' in event) yield { ...event.progress, evaluation: null };
      else yield { activity: '', done: 1, of: 1, evaluation: event.result };
    }
  }

  #datasetsOf(
    { newDatasets, oldDatasets }: Request,
    model: StoredModel,
    learned: readonly { role: Role; hash: string; name: string }[],
  ): { dataset: StoredDataset; role: Role }[] {
    const present = listDatasets(this.#context.store);
    const of = (role: Role, named: readonly string[] | undefined): { dataset: StoredDataset; role: Role }[] => {
      if (named) return named.map((reference) => ({ dataset: this.#datasets.find(reference), role }));
      const hashes = learned.flatMap((each) => (each.role === role ? [each.hash] : []));
      return present.filter(({ hash }) => hashes.includes(hash)).map((dataset) => ({ dataset, role }));
    };
    const found = [...of('new', newDatasets), ...of('old', oldDatasets)];
    if (found.length > 0) return found;
    throw new StrataError('BAD_INPUT', 'There are no data to evaluate the gate on.', {
      found:
        learned.length > 0
          ? `${learned.map(({ name }) => `"${name}"`).join(', ')} are not in the workspace any more`
          : `"${model.name}" does not say what its pack learned`,
      allowed: 'one or more datasets with held-out documents',
      hint: 'Name texts that should go through the pack with --new, and others with --old.',
    });
  }

  async #heldOut(model: StoredModel, datasets: readonly { dataset: StoredDataset; role: Role }[]): Promise<GateJob['datasets']> {
    const encoder = await loadContentEncoder(model.path);
    const jobs: GateJob['datasets'] = [];
    for (const { dataset, role } of datasets) {
      const { heldOutPath } = await buildTokenShards(dataset.path, encoder, { name: dataset.name, needsDocuments: true });
      jobs.push({ name: dataset.name, role, heldOutPath });
    }
    return jobs;
  }
}
