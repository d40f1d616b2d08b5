import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importDataset } from '../../main/datasets/import-dataset.ts';
import { buildTokenShards } from '../../main/datasets/token-shard.ts';
import { engineDirectory } from '../../main/engine/engine-directory.ts';
import { type EngineName, loadEngine } from '../../main/engine/load-engine.ts';
import { modelHash } from '../../main/models/model-folder.ts';
import { loadContentEncoder } from '../../main/models/content-encoder.ts';
import type { Control, TrainerEvent, TrainJob, TrainResult } from '../../main/training/messages.ts';
import { train } from '../../main/training/train.ts';
import { planExpansion } from '../../shared/domain/plan.ts';
import type { MetricPoint, RunConfiguration } from '../../shared/domain/run.ts';
import { fastEngine } from './engines.ts';
import { type TinySources, writeTinySources } from './workspace.ts';

/** The tiny model and both texts as a trainer meets them: imported, split and tokenised, but without studio or database. */
export interface TinyTraining {
  directory: string;
  sources: TinySources;
  /** Folders of the imported datasets. */
  datasets: { new: string; old: string };
  /** A job with folders of its own for checkpoints and model; a second job of the same name goes on where the first one ended. */
  job(name: string, changes?: Partial<RunConfiguration>): TrainJob;
  remove(): Promise<void>;
}

export async function prepareTinyTraining(): Promise<TinyTraining> {
  const directory = await mkdtemp(join(tmpdir(), 'strata-training-'));
  const sources = await writeTinySources(directory);
  const datasets = { new: join(directory, 'dataset-new'), old: join(directory, 'dataset-old') };
  const encoder = await loadContentEncoder(sources.model);
  const hashes = {
    new: (await importDataset([sources.newText], datasets.new)).hash,
    old: (await importDataset([sources.oldText], datasets.old)).hash,
  };
  const shards: TrainJob['shards'] = [];
  for (const role of ['new', 'old'] as const) {
    const { trainPath, heldOutPath } = await buildTokenShards(datasets[role], encoder);
    shards.push({ datasetId: role === 'new' ? 'code' : 'stories', role, trainPath, heldOutPath });
  }
  const configuration: RunConfiguration = {
    baseModel: { id: 'tiny', name: 'tiny', hash: await modelHash(sources.model) },
    method: { name: 'expand', plan: planExpansion(4, 2, 'even') },
    datasets: [
      { id: 'code', name: 'code', role: 'new', hash: hashes.new },
      { id: 'stories', name: 'stories', role: 'old', hash: hashes.old },
    ],
    replayShare: 0.3,
    steps: 8,
    batch: 4,
    microBatch: 4,
    context: 32,
    packing: 'plain',
    learningRate: 0.01,
    learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
    warmup: 0.1,
    schedule: { name: 'cosine' },
    finalLearningRate: 0.1,
    weightDecay: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    clipNorm: 1,
    seed: 1,
    evaluation: { everySteps: 3, tokens: 300 },
    checkpointEverySteps: 3,
    engine: fastEngine,
  };
  return {
    directory,
    sources,
    datasets,
    job: (name, changes = {}) => ({
      kind: 'train',
      configuration: { ...configuration, ...changes },
      baseModelDirectory: sources.model,
      shards,
      runDirectory: join(directory, 'runs', name),
      modelDirectory: join(directory, 'models', name),
    }),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

export interface TrainedHere {
  result: TrainResult;
  events: TrainerEvent[];
}

/** Trains in this process, which has loaded the engine; `onEvent` may answer with what is asked of the trainer from then on. */
export async function trainHere(job: TrainJob, onEvent: (event: TrainerEvent) => Control | void = () => undefined): Promise<TrainedHere> {
  const engine = await loadEngine(job.configuration.engine as EngineName, engineDirectory());
  const events: TrainerEvent[] = [];
  let requested: Control | null = null;
  const emit = (event: TrainerEvent): void => {
    events.push(event);
    requested = onEvent(event) ?? requested;
  };
  return { result: await train(job, engine, emit, () => requested), events };
}

/** Asks for something once so many steps are done: the first message about progress comes after step 1, others at their time. */
export const after = (isTime: (event: TrainerEvent) => boolean, control: Control): ((event: TrainerEvent) => Control | undefined) => {
  return (event) => (isTime(event) ? control : undefined);
};

/** Points of all progress messages and measurements, by step and series, without speed and memory, which no two runs share. */
export function measurementsOf(events: readonly TrainerEvent[]): Record<string, number> {
  const points = new Map<string, number>();
  const add = ({ step, series, value }: MetricPoint): void => {
    if (series !== 'tokensPerSecond' && series !== 'memory') points.set(`${step} ${series}`, value);
  };
  for (const event of events) {
    if (event.type === 'progress') event.points.forEach(add);
    if (event.type !== 'evaluation') continue;
    const { step, evaluation } = event;
    add({ step, series: 'loss.new', value: evaluation.new.loss });
    if (evaluation.old) add({ step, series: 'loss.old', value: evaluation.old.loss });
    if (evaluation.drift !== null) add({ step, series: 'drift', value: evaluation.drift });
  }
  return Object.fromEntries([...points].sort(([a], [b]) => a.localeCompare(b)));
}

/** The bytes of every tensor of a safetensors file, read by hand. */
export async function tensorBytes(path: string): Promise<Map<string, Buffer>> {
  const file = await readFile(path);
  const dataStart = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, dataStart)) as Record<string, { data_offsets: [number, number] }>;
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(
    tensors.map(
      ([
        name,
        {
          data_offsets: [begin, end],
        },
      ]) => [name, file.subarray(dataStart + begin, dataStart + end)],
    ),
  );
}

/** The weights of a trained job's model. */
export const weightsFile = (job: TrainJob): Promise<Buffer> => readFile(join(job.modelDirectory, 'model.safetensors'));
