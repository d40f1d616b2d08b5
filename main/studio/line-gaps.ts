import { DEFAULT_RENDERING } from '../../shared/domain/rendering.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { words } from '../../shared/words/words.ts';
import { buildTokenShards } from '../datasets/token-shard.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { insertLineMeasure, type Manner } from '../store/line-measures.ts';
import type { TextEvaluation } from '../training/evaluate-job.ts';
import type { EvaluateJob } from '../training/messages.ts';
import { now, type StudioContext } from './context.ts';
import type { FoundMeasure } from './line-sources.ts';
import type { Models } from './models.ts';
import { DEFAULTS } from './train-request.ts';

/** Of a held-out part that nobody measured yet, at most so many tokens are read. */
const MOST_TOKENS = 131_072;

/** Something of a line that is not measured, and can be. */
export interface Gap {
  /** Id of the model. */
  model: string;
  dataset: { hash: string; name: string; stored: StoredDataset };
  /** Another measurement of the same column, whose windows are read; null where there is none yet. */
  example: FoundMeasure | null;
  /** Then as this run read its data. */
  likeRun: Pick<RunConfiguration, 'context' | 'rendering'> | null;
}

export interface MeasureProgress {
  activity: string;
  done: number;
  of: number;
}

/** Measures gaps, model by model, and keeps each result as it comes. */
export async function measureGaps(
  context: StudioContext,
  models: Models,
  gaps: readonly Gap[],
  { engine, onProgress, signal }: { engine: string; onProgress: (progress: MeasureProgress) => void; signal?: AbortSignal | undefined },
): Promise<void> {
  let done = 0;
  for (const [id, ofModel] of groupBy(gaps, ({ model }) => model)) {
    const model = models.find(id);
    await models.checkUnchanged(model);
    for (const [text, alike] of groupBy(ofModel, (gap) => JSON.stringify(mannerOf(gap, model.contextLength)))) {
      if (signal?.aborted) return;
      const names = alike.map(({ dataset }) => dataset.name).join(', ');
      onProgress({ activity: words('said.measuringOn', { model: model.name, names }), done, of: gaps.length });
      const manner = JSON.parse(text) as Manner;
      const evaluation = await evaluate(context, { engine, modelDirectory: model.path, gaps: alike, manner }, signal);
      for (const [index, { dataset }] of alike.entries()) {
        const [measure, documents] = [evaluation.datasets[index]!, evaluation.documents![index]!];
        insertLineMeasure(context.store, model.hash, { datasetHash: dataset.hash, manner, measure, documents }, now());
      }
      done += alike.length;
    }
  }
  onProgress({ activity: '', done, of: gaps.length });
}

function mannerOf({ example, likeRun }: Gap, contextLength: number): Manner {
  if (example) return example.manner;
  const { completions, learn } = likeRun?.rendering ?? DEFAULT_RENDERING;
  return { context: Math.min(contextLength, likeRun?.context ?? DEFAULTS.context), completions, learn, order: 'spread' };
}

async function evaluate(
  { executor }: StudioContext,
  { engine, modelDirectory, gaps, manner }: { engine: string; modelDirectory: string; gaps: readonly Gap[]; manner: Manner },
  signal?: AbortSignal,
): Promise<TextEvaluation> {
  const { context, order, ...rendering } = manner;
  const encoder = await loadContentEncoder(modelDirectory, rendering);
  const datasets: NonNullable<EvaluateJob['datasets']> = [];
  for (const { dataset, example } of gaps) {
    const { stored, hash, name } = dataset;
    const { heldOutPath, heldOutTokens } = await buildTokenShards(stored.path, encoder, { needsDocuments: true, name });
    // The example read the first part of the same tokens, window by window.
    const tokens = example ? Math.round(example.measure.coverage * heldOutTokens) : MOST_TOKENS;
    datasets.push({ datasetId: stored.id, name, hash, heldOutPath, tokens });
  }
  const job: EvaluateJob = {
    kind: 'evaluate',
    engine,
    modelDirectory,
    files: [],
    datasets,
    withDocuments: true,
    context,
    ...(order && { order }),
  };
  const handle = executor.start(job, () => undefined);
  const end = (): void => handle.kill();
  if (signal?.aborted) end();
  signal?.addEventListener('abort', end, { once: true });
  try {
    return (await handle.finished) as TextEvaluation;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
