import { z } from 'zod';
import { allowedBy } from '../../shared/allowed.ts';
import type { TrainPreview, trainRequestSchema } from '../../shared/contract/training.ts';
import type { LlamaConfig } from '../../shared/domain/llama-config.ts';
import type { Importance } from '../../shared/domain/importance.ts';
import { chooseMethod, needsImportance, planOf } from '../../shared/domain/method.ts';
import type { ReplayDefault } from '../../shared/domain/distance.ts';
import { curveOf, parseSchedule } from '../../shared/domain/mixture-curve.ts';
import { capShares, resolveShares } from '../../shared/domain/mixture-shares.ts';
import { MixtureStream } from '../../shared/domain/mixture-stream.ts';
import { repeatedShareOf } from '../../shared/domain/mixture.ts';
import { type BudgetRequest, planEvaluation } from '../../shared/domain/evaluation-budget.ts';
import type { Guard } from '../../shared/domain/guard.ts';
import { heldOutHash } from '../../shared/domain/dataset-sample.ts';
import { outlookOf } from '../../shared/domain/plan-summary.ts';
import { DEFAULT_RENDERING, type Rendering } from '../../shared/domain/rendering.ts';
import { type Role, type RunConfiguration, runConfigurationSchema } from '../../shared/domain/run.ts';
import type { Schedule } from '../../shared/domain/schedule.ts';
import { isSelfReplay } from '../../shared/domain/self-replay.ts';
import type { AdvancedSettings } from '../../shared/domain/settings.ts';
import { plannedSampling, SAMPLE_TOKENS, type SampleSettings } from '../../shared/domain/text-samples.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import { readManifest } from '../datasets/dataset-manifest.ts';
import { describeLeftOut } from '../datasets/left-out.ts';
import { buildTokenShards, trainingWindows } from '../datasets/token-shard.ts';
import { parseEngineName } from '../engine/load-engine.ts';
import { openModelFolder } from '../models/model-folder.ts';
import { loadContentEncoder } from '../models/content-encoder.ts';
import { loadTokenizer } from '../models/tokenizer.ts';
import type { StoredDataset } from '../store/datasets.ts';
import type { StoredModel } from '../store/models.ts';
import { promptIdsOf } from '../training/continuation.ts';
import type { TrainJob } from '../training/messages.ts';
import type { Datasets } from './datasets.ts';
import type { Models } from './models.ts';
import { describeMissing, pastOf } from './past-data.ts';
import { planRunMemory } from './run-memory.ts';

/** What a run does where its request says nothing. */
export const DEFAULTS = {
  context: 256,
  batch: 8,
  replaySchedule: 'constant',
  /** Fresh blocks and adapters bear, and need, a higher rate than weights that know something already. */
  learningRate: { expand: 2e-3, lora: 2e-3, full: 3e-4, freeze: 3e-4 },
  learningRateFactors: { embeddings: 1, norms: 1, attention: 1, mlp: 1, inserted: 1, adapters: 1 },
  schedule: 'cosine',
  /** Of the schedule wsd: what Hägele et al. (arXiv 2405.18392) found to be enough. */
  decay: 0.2,
  decayShape: '1-sqrt',
  packing: 'plain',
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
  checkpoints: 10,
} as const;

/** A longer run's windows are not counted one by one before it starts: its shares say how many they are, give or take one. */
const MOST_COUNTED = 2 ** 20;

/** Windows of the stream that a preview shows. */
const SHOWN_WINDOWS = 64;

export type ParsedTrainRequest = z.output<typeof trainRequestSchema>;

export interface ResolvedRequest {
  configuration: RunConfiguration;
  /** Everything but the time it takes, which the history of runs tells. */
  preview: Omit<TrainPreview, 'time' | 'mixture'> & { mixture: Omit<TrainPreview['mixture'][number], 'seconds'>[] };
  mixture: MixtureStream;
  shards: TrainJob['shards'];
  base: StoredModel;
  /** The base's. */
  modelConfig: LlamaConfig;
  /** Of the run's windows, the share that has been there before. */
  repeatedShare: number;
  past: TrainJob['past'];
  /** Held-out tokens that there are of each role. */
  heldOut: BudgetRequest['heldOut'];
}

/** What only a workspace knows. */
export interface Measurements {
  /** What the base's blocks matter for old data, for a request that places new blocks by it; throws when that is not known. */
  importanceOf: (base: StoredModel, old: readonly StoredDataset[], rendering: Rendering) => Importance;
  /** How much is replayed where nobody says. */
  replayDefault: (sides: Record<Role, readonly StoredDataset[]>) => Promise<ReplayDefault>;
}

/**
 * Turns what a person chose into everything a run is: datasets tokenised, blocks placed, amounts counted, defaults filled in.
 * @throws StrataError BAD_INPUT for anything that cannot be; nothing has been started then.
 */
export async function resolveRequest(
  request: ParsedTrainRequest,
  models: Models,
  datasets: Datasets,
  { importanceOf, replayDefault }: Measurements,
): Promise<ResolvedRequest> {
  const base = models.find(request.model);
  const chosen = chooseDatasets(request, datasets);
  const hasOld = chosen.some(({ role }) => role === 'old');
  const heights = parseSchedule(request.replaySchedule ?? DEFAULTS.replaySchedule);
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
  const of = (wanted: Role): StoredDataset[] => chosen.flatMap(({ dataset, role }) => (role === wanted ? [dataset] : []));
  const sides = { new: of('new'), old: of('old') };
  const rendering = request.rendering ?? DEFAULT_RENDERING;
  const importance = needsImportance(request) ? importanceOf(base, sides.old, rendering) : null;
  const method = chooseMethod(request, folder.config, importance?.blocks ?? null);
  const advanced = request.advanced ?? {};
  const packing = advanced.packing ?? DEFAULTS.packing;
  const encoder = await loadContentEncoder(base.path, rendering);
  const shards: (TrainJob['shards'][number] & { windows: number; name: string })[] = [];
  const heldOut = { new: 0, old: 0 };
  const warnings: string[] = [];
  for (const { dataset, role } of chosen) {
    await refuseOnlyChoices(dataset);
    const built = await buildTokenShards(dataset.path, encoder, { needsDocuments: true, name: dataset.name });
    if (built.leftOut) warnings.push(describeLeftOut(dataset.name, built.leftOut));
    const windows = trainingWindows(built.trainTokens, context);
    if (windows === 0 || built.heldOutTokens < 2) {
      throw new StrataError('BAD_INPUT', `The dataset "${dataset.name}" is too short.`, {
        found: `${built.trainTokens} training tokens and ${built.heldOutTokens} held-out tokens`,
        allowed: `more than ${context} training tokens (one window) and at least 2 held-out tokens`,
        hint: 'Import more text into it, or use a shorter context.',
      });
    }
    heldOut[role] += built.heldOutTokens;
    shards.push({ datasetId: dataset.id, role, trainPath: built.trainPath, heldOutPath: built.heldOutPath, windows, name: dataset.name });
  }

  const inRun = new Set(chosen.map(({ dataset }) => heldOutHash(dataset)));
  const past = await pastOf(folder.expansion, inRun, datasets, encoder);
  warnings.push(...past.missing.map(describeMissing));

  const batch = request.batch ?? DEFAULTS.batch;
  const replay = await replayOf(request, sides, replayDefault);
  const shares = resolveShares(shards, {
    replayShare: request.replayShare ?? replay.replayShare,
    weighting: request.weights,
    temperature: request.temperature,
    shares: request.shares && byId(request.shares, chosen, datasets),
  });
  const { replayShare } = shares;
  const curve = curveOf(heights, replayShare);
  const isLearned = ({ datasetId, role }: (typeof shards)[number]): boolean => role === 'new' && shares.weights[datasetId]! > 0;
  const newWindows = shards.filter(isLearned).reduce((sum, { windows }) => sum + windows, 0);
  const steps = countSteps(request, batch, context, newWindows, replayShare);
  const maxRepeats = request.maxRepeats ?? null;
  const { weights, shortfall } = capShares(shards, shares, steps * batch, maxRepeats, context);
  const seed = request.seed ?? DEFAULTS.seed;
  const measuring = {
    ...{ config: folder.config, method, context, steps, batch },
    heldOut: { new: heldOut.new, kept: [heldOut.old, past.heldOutTokens] },
  };
  const evaluation = evaluationOf(advanced, measuring);
  const samples = samplesOf(advanced, { steps, batch, context, evaluateEvery: evaluation.everySteps });
  if (samples?.prompts) {
    const tokenizer = await loadTokenizer(base.path);
    for (const prompt of samples.prompts) promptIdsOf(tokenizer, folder.config, prompt);
  }
  const configuration = checkConfiguration({
    baseModel: { id: base.id, name: base.name, hash: base.hash },
    method,
    ...(importance ? { importance } : {}),
    datasets: chosen.map(({ dataset, role }) => ({
      id: dataset.id,
      name: dataset.name,
      role,
      hash: dataset.hash,
      ...(dataset.sampleOf ? { heldOutHash: dataset.sampleOf.hash } : {}),
      ...(isSelfReplay(dataset.source) ? { origin: 'self-replay' as const } : {}),
    })),
    replayShare,
    replayReason: replay.reason,
    rendering,
    mixture: {
      version: 2,
      weighting: shares.weighting,
      temperature: shares.temperature,
      maxRepeats,
      schedule: request.replaySchedule ?? DEFAULTS.replaySchedule,
      curve,
      weights,
    },
    steps,
    batch,
    microBatch: advanced.microBatch ?? batch,
    context,
    packing,
    learningRate: request.learningRate ?? DEFAULTS.learningRate[method.name],
    learningRateFactors: factorsOf(advanced),
    warmup: advanced.warmup ?? DEFAULTS.warmup,
    schedule: scheduleOf(advanced),
    finalLearningRate: advanced.finalLearningRate ?? DEFAULTS.finalLearningRate,
    weightDecay: advanced.weightDecay ?? DEFAULTS.weightDecay,
    beta1: advanced.beta1 ?? DEFAULTS.beta1,
    beta2: advanced.beta2 ?? DEFAULTS.beta2,
    epsilon: advanced.epsilon ?? DEFAULTS.epsilon,
    clipNorm: advanced.clipNorm ?? DEFAULTS.clipNorm,
    seed,
    evaluation,
    ...(samples ? { samples } : {}),
    ...(past.past.length > 0 ? { past: past.past.map(({ id, name, hash }) => ({ id, name, hash })) } : {}),
    ...(request.guard ? { guard: checkGuard(request.guard, hasOld) } : {}),
    checkpointEverySteps: advanced.checkpointEvery ?? Math.max(10, Math.round(steps / DEFAULTS.checkpoints)),
    engine: request.engine ?? 'auto',
  });

  const windows = steps * batch;
  const mixture = new MixtureStream(shards, configuration.mixture!, windows, seed);
  const counts =
    windows <= MOST_COUNTED ? mixture.countsBefore(windows) : shards.map((_, index) => Math.round(mixture.planned(index, windows)));
  const memory = planRunMemory(configuration, folder);
  const preview: ResolvedRequest['preview'] = {
    ...outlookOf(method, folder.config, await models.companionsOf(base)),
    method,
    plan: planOf(method),
    importance,
    steps,
    batch,
    microBatch: configuration.microBatch,
    context,
    learningRate: configuration.learningRate,
    tokens: steps * batch * context,
    mixture: shards.map(({ datasetId, name, role, windows: held }, index) => ({
      datasetId,
      name,
      role,
      share: mixture.planned(index, windows) / windows,
      windows: counts[index]!,
      tokens: counts[index]! * context,
      epochs: counts[index]! / held,
      shortfall: Math.round((shortfall[datasetId] ?? 0) * context),
    })),
    replayShare,
    replayReason: replay.reason,
    replayBasis: replay.basis,
    replayCurve: curve,
    stream: Array.from({ length: Math.min(SHOWN_WINDOWS, windows) }, (_, position) =>
      shards.findIndex(({ datasetId }) => datasetId === mixture.at(position).datasetId),
    ),
    memory,
    warnings,
  };
  return {
    configuration,
    preview,
    shards: shards.map(({ windows: _windows, name: _name, ...shard }) => shard),
    base,
    modelConfig: folder.config,
    repeatedShare: repeatedShareOf(counts, shards),
    mixture,
    past: past.shards,
    heldOut: measuring.heldOut,
  };
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

/** Shares by the ids of chosen datasets, however they were named. */
function byId(
  shares: Readonly<Record<string, number>>,
  chosen: readonly { dataset: StoredDataset }[],
  datasets: Datasets,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [reference, share] of Object.entries(shares)) {
    const { id, name } = datasets.find(reference);
    if (!chosen.some(({ dataset }) => dataset.id === id) || id in found) {
      throw new StrataError('BAD_INPUT', id in found ? 'A dataset has two shares.' : 'A dataset has a share and no role.', {
        found: name,
        allowed: 'one share for a dataset that is new or old',
      });
    }
    found[id] = share;
  }
  return found;
}

/** How much is replayed and why; the share is absent where the request says it, directly or by shares of datasets. */
async function replayOf(
  { replayShare, shares }: ParsedTrainRequest,
  sides: Record<Role, readonly StoredDataset[]>,
  replayDefault: Measurements['replayDefault'],
): Promise<Pick<ReplayDefault, 'basis' | 'reason'> & { replayShare?: number }> {
  if (sides.old.length === 0) return { basis: 'no-old-data', reason: words('said.replayNoOld') };
  if (replayShare !== undefined || Object.keys(shares ?? {}).length > 0) return { basis: 'chosen', reason: words('said.replayChosen') };
  return replayDefault(sides);
}

/** @throws StrataError BAD_INPUT for a dataset of nothing but questions with choices. */
async function refuseOnlyChoices({ name, path }: StoredDataset): Promise<void> {
  const { kinds, documents } = await readManifest(path);
  if (documents === 0 || kinds.choice !== documents) return;
  throw new StrataError('BAD_INPUT', `The dataset "${name}" has only questions with choices, which are for evaluation.`, {
    found: `${documents} questions with choices`,
    allowed: 'datasets with texts, prompts with completions, or conversations',
    hint: 'Take it out of the run, or import its files with another mapping, such as a question and its answer.',
  });
}

function factorsOf(advanced: AdvancedSettings): RunConfiguration['learningRateFactors'] {
  return {
    embeddings: advanced['lr.embeddings'] ?? DEFAULTS.learningRateFactors.embeddings,
    norms: advanced['lr.norms'] ?? DEFAULTS.learningRateFactors.norms,
    attention: advanced['lr.attention'] ?? DEFAULTS.learningRateFactors.attention,
    mlp: advanced['lr.mlp'] ?? DEFAULTS.learningRateFactors.mlp,
    inserted: advanced['lr.inserted'] ?? DEFAULTS.learningRateFactors.inserted,
    adapters: advanced['lr.adapters'] ?? DEFAULTS.learningRateFactors.adapters,
  };
}

function scheduleOf({ schedule = DEFAULTS.schedule, decay, decayShape }: AdvancedSettings): Schedule {
  if (schedule === 'wsd') return { name: 'wsd', decay: decay ?? DEFAULTS.decay, shape: decayShape ?? DEFAULTS.decayShape };
  if (decay === undefined && decayShape === undefined) return { name: schedule };
  throw new StrataError('BAD_INPUT', `The schedule ${schedule} has no part in which the rate decays.`, {
    found: decay === undefined ? `decayShape = ${decayShape}` : `decay = ${decay}`,
    allowed: 'decay and decayShape with schedule=wsd',
    hint: 'Leave them out, or set schedule=wsd.',
  });
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
  // A last step beyond the end of the data would break a cap on repeats.
  const whole = request.maxRepeats === undefined ? Math.ceil : Math.floor;
  if (request.epochs !== undefined) return Math.max(1, whole(request.epochs * stepsPerEpoch));
  return Math.min(DEFAULTS.mostSteps, Math.max(1, whole(DEFAULTS.epochs * stepsPerEpoch)));
}

/** How often and on how much is measured: by the budget, or as the settings say. */
function evaluationOf(advanced: AdvancedSettings, request: BudgetRequest): RunConfiguration['evaluation'] {
  const planned = planEvaluation(request);
  const everySteps = advanced.evaluateEvery ?? Math.max(1, Math.round(request.steps / planned.evaluations));
  if (advanced.evaluationTokens !== undefined) return { everySteps, tokens: advanced.evaluationTokens, order: 'spread' };
  return { everySteps, tokens: planned.tokens, tokensAtEnds: planned.tokensAtEnds, order: 'spread' };
}

/** Which samples of text are written: as the settings say, or none where nobody asked and they would cost more than little. */
function samplesOf(
  { sampleEverySteps, samplePrompts }: AdvancedSettings,
  run: Parameters<typeof plannedSampling>[0],
): SampleSettings | null {
  const everySteps = sampleEverySteps ?? plannedSampling(run) ?? (samplePrompts ? run.evaluateEvery : 0);
  if (everySteps === 0) return null;
  return { everySteps, tokens: SAMPLE_TOKENS, ...(samplePrompts ? { prompts: samplePrompts } : {}) };
}

/** @throws StrataError BAD_INPUT where there is nothing whose forgetting could be limited. */
function checkGuard(guard: Guard, hasOld: boolean): Guard {
  if (hasOld) return guard;
  throw new StrataError('BAD_INPUT', 'A limit on forgetting needs old data to measure it on.', {
    found: 'a limit and no old dataset',
    allowed: 'at least one old dataset',
    hint: 'Add what must be kept as old data (--old), or leave the limit out.',
  });
}

/** What can be computed with; a configuration as such may hold any number. */
const possibleSchema = runConfigurationSchema
  .extend({
    // Computed in 32 bits, where what lies beyond these becomes 1, 0 or infinite.
    beta1: z.number().min(0).max(0.9999999),
    beta2: z.number().min(0).max(0.9999999),
    epsilon: z.number().min(1e-30).max(1e6),
    weightDecay: z.number().min(0).max(1e6),
    clipNorm: z.number().refine((norm) => norm === 0 || (norm >= 1e-10 && norm <= 1e30), '0, or from 1e-10 to 1e30'),
    learningRate: z.number().min(1e-30).max(1e38),
  })
  .superRefine(({ batch, microBatch, warmup, schedule, learningRateFactors }, context) => {
    for (const [group, factor] of Object.entries(learningRateFactors)) {
      if (factor > 1e6) context.addIssue({ code: 'custom', path: ['learningRateFactors', group], message: 'at most 1e6' });
    }
    if (microBatch > batch)
      context.addIssue({ code: 'custom', path: ['microBatch'], message: `a whole number from 1 to the batch of ${batch}` });
    if (schedule.name === 'wsd' && warmup + schedule.decay > 1) {
      context.addIssue({ code: 'custom', path: ['schedule', 'decay'], message: `at most 1 together with the warm-up of ${warmup}` });
    }
  });

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
  // The first complaint about each value says what is needed.
  const wrong = [...new Map(parsed.error.issues.toReversed().map((issue) => [issue.path.join('.'), issue]))];
  throw new StrataError('BAD_INPUT', 'A setting of the run is not possible.', {
    found: wrong.map(([name, { path }]) => `${name} = ${String(valueAt(configuration, path))}`).join(', '),
    allowed: wrong.map(([name, issue]) => `${name}: ${allowedBy(issue)}`).join('; '),
  });
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
