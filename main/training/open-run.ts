import { planOf, replacesBase, roleOfTarget, trainabilityOf } from '../../shared/domain/method.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import { freshGuardState } from '../../shared/domain/guard-rule.ts';
import { learningRateFactor } from '../../shared/domain/tensor-groups.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { openTokenShard } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { Optimizer } from '../llama/optimizer.ts';
import { disposeLlama, type Llama, loadLlama, parametersOf, withoutAdapters, withoutInserted } from '../llama/parameters.ts';
import { type ModelFolder, openModelFolder } from '../models/model-folder.ts';
import { loadTokenizer, type TextTokenizer } from '../models/tokenizer.ts';
import { type CheckpointState, configurationHash, type RestoredCheckpoint, restoreCheckpoint } from './checkpoint.ts';
import { HeldOut, type MeasuredPart } from './held-out.ts';
import { memoryPlanOf } from './memory-plan.ts';
import type { TrainerEvent, TrainJob } from './messages.ts';
import type { RunShards } from './windows.ts';

/** What a training session works with, from its first step to its last. */
export interface OpenRun {
  job: TrainJob;
  configuration: RunConfiguration;
  engine: Engine;
  /** Of the base. */
  folder: ModelFolder;
  shards: readonly RunShards[];
  heldOut: HeldOut;
  tokenizer: TextTokenizer;
  model: Llama;
  /** What the run started from: the model without what was added, or with frozen copies of what is trained. */
  base: Llama;
  optimizer: Optimizer;
  /** How far the run is; changed as it goes on, and written into its checkpoints. */
  state: CheckpointState;
  /** The checkpoint that the run goes on from; null at its beginning. */
  restored: RestoredCheckpoint | null;
  /** What does not fit into memory is computed again in the backward pass, with the same result. */
  recomputes: boolean;
  /** When this session began, as `performance.now()` says it. */
  started: number;
}

/**
 * Loads the base with what the method adds, opens the data, and puts the last checkpoint's values into the model if there is one. The caller
 * ends it with {@link closeRun}; where it throws, files are closed.
 * @throws StrataError BAD_INPUT when the plan is not one for the base, or nothing can be measured; CORRUPT when no checkpoint can be used.
 */
export async function openRun(job: TrainJob, engine: Engine, emit: (event: TrainerEvent) => void): Promise<OpenRun> {
  const started = performance.now();
  const { configuration } = job;
  emit({ type: 'activity', text: words('said.loadingBase') });
  const folder = await openModelFolder(job.baseModelDirectory);
  const shards: RunShards[] = [];
  try {
    checkPlanFits(configuration, folder);
    const { keepsActivations } = memoryPlanOf(configuration, folder);
    const { model, base } = await loadModels(job, engine, folder);
    for (const { datasetId, role, trainPath, heldOutPath } of job.shards) {
      shards.push({ datasetId, role, train: await openTokenShard(trainPath), heldOut: await openTokenShard(heldOutPath) });
    }
    const tokenizer = await loadTokenizer(job.baseModelDirectory);
    const heldOut = await openHeldOut(job, shards, tokenizer);
    const { method, learningRateFactors } = configuration;
    const optimizer = new Optimizer(engine, parametersOf(model), {
      ...configuration,
      learningRateFactor: (name) => learningRateFactor(name, method, learningRateFactors),
    });
    const restored = await restoreCheckpoint(job.runDirectory, configuration, engine, optimizer);
    return {
      job,
      configuration,
      engine,
      folder,
      shards,
      heldOut,
      tokenizer,
      model,
      base,
      optimizer,
      state: restored?.state ?? stateBeforeStep1(configuration),
      restored,
      recomputes: !keepsActivations,
      started,
    };
  } catch (error) {
    await closeFiles(folder, shards);
    throw error;
  }
}

/** Closes the run's files and frees its tensors. */
export async function closeRun({ folder, shards, optimizer, configuration, base, model }: OpenRun): Promise<void> {
  await closeFiles(folder, shards);
  optimizer.dispose();
  if (replacesBase(configuration.method) && base !== model) disposeLlama(base);
  disposeLlama(model);
}

/** The model that is trained, and its base: of the same tensors as far as these stay as they are. */
async function loadModels(
  { configuration, past = [] }: TrainJob,
  engine: Engine,
  folder: ModelFolder,
): Promise<{ model: Llama; base: Llama }> {
  const { method, seed, datasets } = configuration;
  const load = { config: folder.config, read: (name: string) => folder.readTensor(name), isCompact: true };
  const model = await loadLlama(engine, {
    ...load,
    plan: planOf(method),
    isTrainable: trainabilityOf(method),
    lora: method.name === 'lora' ? { ...method, targets: method.targets.map(roleOfTarget), seed } : null,
  });
  if (!replacesBase(method)) return { model, base: withoutAdapters(withoutInserted(model)) };
  const measuresDrift = past.length > 0 || datasets.some(({ role }) => role === 'old');
  // Without drift to measure the model is all that is needed: before step 1 it is the base.
  return { model, base: measuresDrift ? await loadLlama(engine, { ...load, shared: model }) : model };
}

/** The held-out windows of the run's datasets and of what its base has learned before. */
async function openHeldOut(
  { configuration, past = [] }: TrainJob,
  shards: readonly RunShards[],
  { byteLength }: TextTokenizer,
): Promise<HeldOut> {
  const measured = shards.map(({ datasetId, role, heldOut }): MeasuredPart => {
    const { name, hash, heldOutHash } = configuration.datasets.find((dataset) => dataset.id === datasetId && dataset.role === role)!;
    return { datasetId, name, hash: heldOutHash ?? hash, role, heldOut };
  });
  const ofPast: MeasuredPart[] = [];
  try {
    for (const { datasetId, heldOutPath } of past) {
      const { name, hash } = configuration.past!.find(({ id }) => id === datasetId)!;
      ofPast.push({ datasetId, name, hash, role: 'past', heldOut: await openTokenShard(heldOutPath) });
    }
    return new HeldOut([...measured, ...ofPast], configuration, byteLength);
  } finally {
    for (const { heldOut } of ofPast) await heldOut.close(); // its windows are in memory
  }
}

function stateBeforeStep1(configuration: RunConfiguration): CheckpointState {
  return {
    schemaVersion: 2,
    configurationHash: configurationHash(configuration),
    step: 0,
    seconds: 0,
    trainingSeconds: 0,
    measuringSeconds: 0,
    samplingSeconds: 0,
    samples: null,
    baseline: { new: { loss: NaN, tokens: 0 }, old: null, drift: null },
    baselineDocuments: [],
    watchedBaseline: null,
    guard: freshGuardState(),
    identityDifference: null,
    recent: [],
  };
}

async function closeFiles(folder: ModelFolder, shards: readonly RunShards[]): Promise<void> {
  for (const { train, heldOut } of shards) {
    await train.close();
    await heldOut.close();
  }
  await folder.close();
}

function checkPlanFits(configuration: RunConfiguration, folder: ModelFolder): void {
  const planned = planOf(configuration.method)?.baseBlocks;
  if (planned !== undefined && planned !== folder.config.blocks) {
    throw new StrataError('BAD_INPUT', 'The plan does not fit the model.', {
      found: `a plan for ${planned} blocks; the model has ${folder.config.blocks}`,
      allowed: 'a plan made for this model',
    });
  }
}
