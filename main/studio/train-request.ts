import { totalmem } from 'node:os';
import { z } from 'zod';
import { type TrainPreview, type trainRequestSchema } from '../../shared/contract/contract.ts';
import { blockParameters, type LlamaConfig, modelParameters } from '../../shared/domain/llama-config.ts';
import { estimateTrainingMemory } from '../../shared/domain/memory.ts';
import { checkShare, DEFAULT_REPLAY_SHARE, Mixture } from '../../shared/domain/mixture.ts';
import { type ExpansionPlan, parsePlace, planExpansion } from '../../shared/domain/plan.ts';
import { type Role, type RunConfiguration, runConfigurationSchema } from '../../shared/domain/run.ts';
import { StrataError } from '../../shared/errors.ts';
import { buildTokenShards, trainingWindows } from '../datasets/token-shard.ts';
import { parseEngineName } from '../engine/load-engine.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { expectedTensors } from '../models/tensor-names.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import type { StoredDataset } from '../store/datasets.ts';
import type { StoredModel } from '../store/models.ts';
import type { TrainJob } from '../training/messages.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';

/** What a run does where its request says nothing. */
const DEFAULTS = {
  context: 256,
  batch: 8,
  replayShare: DEFAULT_REPLAY_SHARE,
  /** Fresh blocks bear, and need, a higher rate than weights that know something already. */
  learningRate: { expand: 2e-3, full: 3e-4 },
  warmup: 0.06,
  finalLearningRate: 0.1,
  weightDecay: 0.01,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  clipNorm: 1,
  seed: 1,
  /** One time through the new data, but not more than so many steps. */
  epochs: 1,
  mostSteps: 600,
  /** Held-out tokens a role and measurement, and how many measurements: what they cost stays small beside the training. */
  evaluationTokens: 8192,
  evaluations: { least: 5, most: 20, shareOfTokens: 0.25 },
  checkpoints: 10,
} as const;

/** Settings that `--set key=value` may change beyond what a request names. */
export const ADVANCED_SETTINGS = [
  'warmup',
  'finalLearningRate',
  'weightDecay',
  'beta1',
  'beta2',
  'epsilon',
  'clipNorm',
  'evaluateEvery',
  'evaluationTokens',
  'checkpointEvery',
] as const;
export type AdvancedSettings = Partial<Record<(typeof ADVANCED_SETTINGS)[number], number>>;

export type ParsedTrainRequest = z.output<typeof trainRequestSchema> & { advanced?: AdvancedSettings };

export interface ResolvedRequest {
  configuration: RunConfiguration;
  preview: TrainPreview;
  shards: TrainJob['shards'];
  base: StoredModel;
}

/**
 * Turns what a person chose into everything a run is: datasets tokenised, blocks placed, amounts counted, defaults filled in.
 * @throws StrataError BAD_INPUT for anything that cannot be; nothing has been started then.
 */
export async function resolveRequest(request: ParsedTrainRequest, models: Models, datasets: Datasets): Promise<ResolvedRequest> {
  const base = models.find(request.model);
  const chosen = chooseDatasets(request, datasets);
  const hasOld = chosen.some(({ role }) => role === 'old');
  const replayShare = request.replayShare ?? (hasOld ? DEFAULTS.replayShare : 0);
  checkShare(replayShare, hasOld);
  parseEngineName(request.engine ?? 'auto');

  const folder = await openModelFolder(base.path);
  await folder.close();
  const context = request.context ?? Math.min(folder.config.contextLength, DEFAULTS.context);
  if (context > folder.config.contextLength) {
    throw new StrataError('BAD_INPUT', 'The context is longer than the model was made for.', {
      found: `${context} tokens`,
      allowed: `2 to ${folder.config.contextLength} tokens`,
    });
  }
  const plan = planFor(request, folder.config.blocks);
  const tokenizer = await loadTokenizer(base.path);
  const shards: (TrainJob['shards'][number] & { windows: number; name: string })[] = [];
  for (const { dataset, role } of chosen) {
    const built = await buildTokenShards(dataset.path, tokenizer);
    const windows = trainingWindows(built.trainTokens, context);
    if (windows === 0 || built.heldOutTokens < 2) {
      throw new StrataError('BAD_INPUT', `The dataset "${dataset.name}" is too short.`, {
        found: `${built.trainTokens} training tokens and ${built.heldOutTokens} held-out tokens`,
        allowed: `more than ${context} training tokens (one window) and at least 2 held-out tokens`,
        hint: 'Import more text into it, or use a shorter context.',
      });
    }
    shards.push({ datasetId: dataset.id, role, trainPath: built.trainPath, heldOutPath: built.heldOutPath, windows, name: dataset.name });
  }

  const batch = request.batch ?? DEFAULTS.batch;
  const newWindows = shards.filter(({ role }) => role === 'new').reduce((sum, { windows }) => sum + windows, 0);
  const steps = countSteps(request, batch, context, newWindows, replayShare);
  const seed = request.seed ?? DEFAULTS.seed;
  const advanced = request.advanced ?? {};
  const configuration = checkConfiguration({
    baseModel: { id: base.id, name: base.name, hash: base.hash },
    method: request.method,
    plan,
    datasets: chosen.map(({ dataset, role }) => ({ id: dataset.id, name: dataset.name, role, hash: dataset.hash })),
    replayShare,
    steps,
    batch,
    context,
    learningRate: request.learningRate ?? DEFAULTS.learningRate[request.method],
    warmup: advanced.warmup ?? DEFAULTS.warmup,
    finalLearningRate: advanced.finalLearningRate ?? DEFAULTS.finalLearningRate,
    weightDecay: advanced.weightDecay ?? DEFAULTS.weightDecay,
    beta1: advanced.beta1 ?? DEFAULTS.beta1,
    beta2: advanced.beta2 ?? DEFAULTS.beta2,
    epsilon: advanced.epsilon ?? DEFAULTS.epsilon,
    clipNorm: advanced.clipNorm ?? DEFAULTS.clipNorm,
    seed,
    evaluation: {
      everySteps: advanced.evaluateEvery ?? Math.max(1, Math.round(steps / countEvaluations(steps * batch * context, hasOld))),
      tokens: advanced.evaluationTokens ?? DEFAULTS.evaluationTokens,
    },
    checkpointEverySteps: advanced.checkpointEvery ?? Math.max(10, Math.round(steps / DEFAULTS.checkpoints)),
    engine: request.engine ?? 'auto',
  });

  const mixture = new Mixture(shards, replayShare, seed);
  const inserted = plan?.inserted ?? [];
  refuseWhatDoesNotFit(configuration, folder.config);
  const added = inserted.length * blockParameters(folder.config);
  const total = modelParameters(folder.config) + added;
  const expanded = { ...folder.config, blocks: folder.config.blocks + inserted.length };
  const isTrained = (name: string): boolean =>
    request.method === 'full' || inserted.some(({ position }) => name.startsWith(`model.layers.${position}.`));
  const preview: TrainPreview = {
    plan,
    steps,
    batch,
    context,
    learningRate: configuration.learningRate,
    tokens: steps * batch * context,
    mixture: mixture.repeats(steps * batch).map(({ datasetId, role, windows, epochs }) => ({
      datasetId,
      name: shards.find((shard) => shard.datasetId === datasetId)!.name,
      role,
      tokens: Math.round(windows * context),
      epochs,
    })),
    replayShare,
    addedParameters: added,
    trainableParameters: request.method === 'full' ? total : added,
    totalParameters: total,
    trainableTensors: expectedTensors(expanded)
      .map(({ name }) => name)
      .filter(isTrained),
  };
  return { configuration, preview, shards: shards.map(({ windows: _windows, name: _name, ...shard }) => shard), base };
}

function chooseDatasets(request: ParsedTrainRequest, datasets: Datasets): { dataset: StoredDataset; role: Role }[] {
  const chosen = [
    ...request.newDatasets.map((reference) => ({ dataset: datasets.find(reference), role: 'new' as const })),
    ...request.oldDatasets.map((reference) => ({ dataset: datasets.find(reference), role: 'old' as const })),
  ];
  const twice = chosen.find(({ dataset }, index) => chosen.findIndex((other) => other.dataset.id === dataset.id) !== index);
  if (twice) {
    throw new StrataError('BAD_INPUT', 'A dataset was chosen twice.', {
      found: twice.dataset.name,
      allowed: 'each dataset once, either as new or as old',
      hint: 'What is learned cannot at the same time measure what is kept.',
    });
  }
  return chosen;
}

function planFor(request: ParsedTrainRequest, baseBlocks: number): ExpansionPlan | null {
  if (request.method === 'expand') return planExpansion(baseBlocks, request.blocks, parsePlace(request.place));
  if (request.blocks !== undefined) {
    throw new StrataError('BAD_INPUT', `The method ${request.method} adds no blocks.`, {
      found: `${request.blocks} blocks`,
      hint: 'Leave the number of blocks out, or use the method expand.',
    });
  }
  return null;
}

function countSteps(request: ParsedTrainRequest, batch: number, context: number, newWindows: number, replayShare: number): number {
  const given = (['steps', 'tokens', 'epochs'] as const).filter((name) => request[name] !== undefined);
  if (given.length > 1) {
    throw new StrataError('BAD_INPUT', 'The length of the run was given more than once.', {
      found: given.join(' and '),
      allowed: 'one of steps, tokens, epochs',
    });
  }
  if (request.steps !== undefined) return request.steps;
  if (request.tokens !== undefined) return Math.max(1, Math.ceil(request.tokens / (batch * context)));
  const stepsPerEpoch = newWindows / (1 - replayShare) / batch;
  if (request.epochs !== undefined) return Math.max(1, Math.ceil(request.epochs * stepsPerEpoch));
  return Math.min(DEFAULTS.mostSteps, Math.max(1, Math.ceil(DEFAULTS.epochs * stepsPerEpoch)));
}

/** Enough measurements for a curve, but in a short run no more than the least: each reads held-out tokens of every role. */
function countEvaluations(trainedTokens: number, hasOld: boolean): number {
  const { least, most, shareOfTokens } = DEFAULTS.evaluations;
  const tokensEach = DEFAULTS.evaluationTokens * (hasOld ? 2 : 1);
  return Math.min(most, Math.max(least, Math.floor((shareOfTokens * trainedTokens) / tokensEach)));
}

/** What the optimizer can compute with; a configuration as such may hold any number. */
const possibleSchema = runConfigurationSchema.extend({
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: z.number().positive(),
});

/** A run that needs more memory than the machine has would take everything else down with it. */
function refuseWhatDoesNotFit({ plan, method, batch, context }: RunConfiguration, config: LlamaConfig): void {
  const inserted = plan?.inserted ?? [];
  const blocks = config.blocks + inserted.length;
  const addedParameters = inserted.length * blockParameters(config);
  const needed = estimateTrainingMemory({
    config,
    tracedBlocks: method === 'full' ? blocks : blocks - inserted[0]!.position,
    addedBlocks: inserted.length,
    trainableParameters: method === 'full' ? modelParameters(config) : addedParameters,
    holdsBase: method === 'full',
    batch,
    context,
  });
  if (needed <= totalmem()) return;
  throw new StrataError('BAD_INPUT', 'The run needs more memory than this machine has.', {
    found: `about ${gigabytes(needed)} for ${blocks} blocks and ${batch} windows of ${context} tokens`,
    allowed: `${gigabytes(totalmem())}`,
    hint: 'Use a smaller batch or context, fewer new blocks, or blocks nearer to the top.',
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function checkConfiguration(configuration: RunConfiguration): RunConfiguration {
  const { steps, batch, context } = configuration;
  if (!Number.isSafeInteger(steps * batch * context)) {
    throw new StrataError('BAD_INPUT', 'The run is longer than can be counted.', {
      found: `${steps} steps of ${batch} windows of ${context} tokens`,
      allowed: `up to ${Number.MAX_SAFE_INTEGER} tokens`,
    });
  }
  const parsed = possibleSchema.safeParse(configuration);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => ({ name: path.join('.'), value: valueAt(configuration, path), message }));
  throw new StrataError('BAD_INPUT', 'A setting of the run is not possible.', {
    found: wrong.map(({ name, value }) => `${name} = ${String(value)}`).join(', '),
    allowed: wrong.map(({ name, message }) => `${name}: ${message}`).join('; '),
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
