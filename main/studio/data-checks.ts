import { stat } from 'node:fs/promises';
import { basename, resolve as absolutePath } from 'node:path';
import type { DataCheckEvent, DataCheckRequest, DistanceEvent, DistanceRequest } from '../../shared/contract/dataset-checks.ts';
import type { DatasetInfo } from '../../shared/contract/datasets.ts';
import type { DataCheckReport } from '../../shared/domain/data-check.ts';
import type { DistanceReport, LossGap } from '../../shared/domain/distance.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import type { CheckedDataset, CheckRequest } from '../datasets/checks/check-datasets.ts';
import { textsOfFile } from '../datasets/checks/evaluation-file.ts';
import { withoutDocuments } from '../datasets/checks/without-documents.ts';
import { checkInBackground, type ComparisonProgress } from '../datasets/comparison.ts';
import { summaryOf } from '../datasets/dataset-summary.ts';
import { type HeldOutTexts, lossSideOf, readHeldOut } from '../datasets/distance/held-out-loss.ts';
import { listDatasets, type StoredDataset } from '../store/datasets.ts';
import type { TextEvaluation } from '../training/evaluate-job.ts';
import { folderOf, makeFolder, newId, type StudioContext } from './context.ts';
import type { Datasets } from './datasets.ts';
import type { Distances } from './distances.ts';
import { followWork } from './follow-work.ts';
import { infoOf, registerDataset } from './register-dataset.ts';
import type { Text } from './text.ts';

/** Bytes of each held-out part that a model reads for the loss gap: about 20,000 tokens. */
const LOSS_BYTES = 80_000;
/** Tokens of a window at most: documents are seldom longer, and a longer one takes memory. */
const LOSS_CONTEXT = 512;
/** Chooses which held-out documents a model reads. */
const SEED = 1;

/** Use cases that compare datasets before anything is trained. */
export class DataChecks {
  readonly #context: StudioContext;
  readonly #datasets: Datasets;
  readonly #distances: Distances;
  readonly #text: Text;

  constructor(context: StudioContext, datasets: Datasets, distances: Distances, text: Text) {
    this.#context = context;
    this.#datasets = datasets;
    this.#distances = distances;
    this.#text = text;
  }

  /**
   * What datasets have in common, and which held-out and evaluation texts stand in their training parts.
   * @throws StrataError NOT_FOUND for an evaluation that is neither a dataset nor a file; BAD_INPUT for one that is trained on.
   */
  async check(
    request: DataCheckRequest,
    onProgress: (progress: ComparisonProgress) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<DataCheckReport> {
    const datasets = distinct(request.datasets.map((reference) => this.#datasets.find(reference)));
    const evaluations: CheckRequest['evaluations'] = [];
    for (const reference of new Set(request.evaluations)) evaluations.push(await this.#evaluation(reference, datasets));
    return checkInBackground({ datasets: datasets.map(folderOfDataset), evaluations }, { onProgress, ...(signal ? { signal } : {}) });
  }

  /** {@link check} as events, the report in the last. */
  async *followCheck(request: DataCheckRequest, signal?: AbortSignal): AsyncGenerator<DataCheckEvent, void> {
    const work = followWork<ComparisonProgress, DataCheckReport>((onProgress, ended) => this.check(request, onProgress, ended), signal);
    for await (const event of work) {
      if ('progress' in event) yield { ...event.progress, report: null };
      else yield { activity: '', done: null, of: null, report: event.result };
    }
  }

  /**
   * A new dataset with the documents of another but for some; those that stay keep their part. The other dataset stays as it is.
   * @throws StrataError BAD_INPUT when a document does not exist, or nothing would be left to train or measure on.
   */
  async drop({ dataset: reference, documents, name }: { dataset: string; documents: number[]; name?: string }): Promise<DatasetInfo> {
    const source = this.#datasets.find(reference);
    const dropped = new Set(documents).size;
    const id = newId(name ?? source.name);
    const path = folderOf(this.#context, 'datasets', id);
    return makeFolder(this.#context, path, async () => {
      const about = {
        name: name ?? `${source.name} (${dropped} dropped)`,
        source: `${source.name} (${source.id}) without ${dropped} ${dropped === 1 ? 'document' : 'documents'}`,
      };
      const manifest = await withoutDocuments(source.path, path, documents, { ...about, parent: source.id });
      return infoOf(registerDataset(this.#context, { id, path }, summaryOf(manifest)));
    });
  }

  /**
   * How far new data are from old; with a model also how much harder they are for it. What was measured without a model is kept.
   * @throws StrataError BAD_INPUT when a dataset is on both sides, or a side has too little text.
   */
  async distance(
    request: DistanceRequest,
    onProgress: (progress: { activity: string }) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<DistanceReport> {
    const started = performance.now();
    const sides = {
      new: distinct(request.newDatasets.map((reference) => this.#datasets.find(reference))),
      old: distinct(request.oldDatasets.map((reference) => this.#datasets.find(reference))),
    };
    refuseBothSides(sides);
    const model = request.model === undefined ? null : this.#text.modelOf(request.model);
    const seed = request.seed ?? SEED;
    const texts = await this.#distances.measure(sides, { seed: request.seed, onProgress, signal });
    let lossGap: LossGap | null = null;
    if (model) {
      onProgress({ activity: words('said.measuringLossOf', { model: model.name }) });
      const bytes = request.lossBytes ?? LOSS_BYTES;
      const read = async (side: readonly StoredDataset[]): Promise<HeldOutTexts> => readHeldOut(side.map(folderOfDataset), bytes, seed);
      lossGap = await this.#lossGap(model, { new: await read(sides.new), old: await read(sides.old) }, request.engine, signal);
    }
    return { ...texts, lossGap, seconds: (performance.now() - started) / 1000 };
  }

  /** {@link distance} as events, the report in the last. */
  async *followDistance(request: DistanceRequest, signal?: AbortSignal): AsyncGenerator<DistanceEvent, void> {
    const work = followWork<{ activity: string }, DistanceReport>((onProgress, ended) => this.distance(request, onProgress, ended), signal);
    for await (const event of work) {
      if ('progress' in event) yield { activity: event.progress.activity, report: null };
      else yield { activity: '', report: event.result };
    }
  }

  async #lossGap(
    model: { id: string; name: string; path: string; contextLength: number },
    texts: { new: HeldOutTexts; old: HeldOutTexts },
    engine = 'auto',
    signal?: AbortSignal,
  ): Promise<LossGap> {
    const job = {
      kind: 'evaluate' as const,
      engine,
      modelDirectory: model.path,
      files: [],
      texts: [...texts.new, ...texts.old],
      context: Math.min(model.contextLength, LOSS_CONTEXT),
    };
    const handle = this.#context.executor.start(job, () => undefined);
    const end = (): void => handle.kill();
    if (signal?.aborted) end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      const { parts } = (await handle.finished) as TextEvaluation;
      const sides = { new: lossSideOf(parts.slice(0, texts.new.length)), old: lossSideOf(parts.slice(texts.new.length)) };
      const errors = [sides.new.standardError, sides.old.standardError];
      return {
        model: { id: model.id, name: model.name },
        ...sides,
        gap: sides.new.bitsPerByte - sides.old.bitsPerByte,
        standardError: errors[0] === null || errors[1] === null ? null : Math.hypot(errors[0]!, errors[1]!),
      };
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }

  /** A dataset by its id or name; otherwise a file. */
  async #evaluation(reference: string, trained: readonly StoredDataset[]): Promise<CheckRequest['evaluations'][number]> {
    const known = listDatasets(this.#context.store);
    if (known.some(({ id, name }) => id === reference || name === reference)) {
      const dataset = this.#datasets.find(reference);
      if (!trained.some(({ id }) => id === dataset.id)) return folderOfDataset(dataset);
      throw new StrataError('BAD_INPUT', 'A dataset cannot be trained on and be the evaluation set.', {
        found: `"${dataset.name}" as both`,
        allowed: 'each dataset once; the held-out part of what is trained on is checked anyway',
        hint: 'Take it out of one of the two.',
      });
    }
    const path = absolutePath(reference);
    const file = await stat(path).catch(() => null);
    if (file?.isFile()) return { file: path, name: basename(path), texts: await textsOfFile(path) };
    throw new StrataError('NOT_FOUND', `There is no dataset and no file "${reference}".`, {
      found: file ? `${path} is a folder` : path,
      allowed:
        known.length > 0
          ? `a file, or one of ${known
              .map(({ name }) => name)
              .slice(0, 20)
              .join(', ')}`
          : 'a file: there are no datasets yet',
      hint: 'Import it first, or give the path of one file.',
    });
  }
}

function folderOfDataset({ id, name, path }: StoredDataset): CheckedDataset {
  return { id, name, directory: path };
}

function distinct(datasets: readonly StoredDataset[]): StoredDataset[] {
  return datasets.filter(({ id }, index) => datasets.findIndex((other) => other.id === id) === index);
}

function refuseBothSides(sides: { new: readonly StoredDataset[]; old: readonly StoredDataset[] }): void {
  const both = sides.new.find(({ id }) => sides.old.some((other) => other.id === id));
  if (!both) return;
  throw new StrataError('BAD_INPUT', 'A dataset cannot be new and old at once.', {
    found: `"${both.name}" on both sides`,
    allowed: 'each dataset on one side',
    hint: 'Take it out of one of the two.',
  });
}
