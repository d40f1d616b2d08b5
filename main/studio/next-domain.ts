import type { NextDomain } from '../../shared/contract/lines.ts';
import { heldOutHash } from '../../shared/domain/dataset-sample.ts';
import { methodAgain } from '../../shared/domain/method-again.ts';
import { FAR_REPLAY } from '../../shared/domain/distance.ts';
import type { RunConfiguration } from '../../shared/domain/run.ts';
import type { AdvancedSettings } from '../../shared/domain/settings.ts';
import { StrataError } from '../../shared/errors.ts';
import { words } from '../../shared/words/words.ts';
import type { StoredDataset } from '../store/datasets.ts';
import { listModels, type StoredModel } from '../store/models.ts';
import type { StoredRun } from '../store/runs.ts';
import type { StudioContext } from './context.ts';
import type { DatasetTokens } from './dataset-tokens.ts';
import type { Datasets } from './datasets.ts';
import type { Runs } from './runs.ts';
import { DEFAULTS } from './train-request.ts';

/** A sample is offered of what has several times as many tokens as are likely to be replayed. */
const WORTH_SAMPLING = 4;
/** Of what is likely to be replayed, a sample has so many times as much: the next run may be longer. */
const SAMPLE_SPARE = 2;

/** Today's new is tomorrow's old: the request that begins where a run ended. */
export class NextDomains {
  readonly #context: StudioContext;
  readonly #runs: Runs;
  readonly #datasets: Datasets;
  readonly #tokens: DatasetTokens;

  constructor(context: StudioContext, runs: Runs, datasets: Datasets, tokens: DatasetTokens) {
    this.#context = context;
    this.#runs = runs;
    this.#datasets = datasets;
    this.#tokens = tokens;
  }

  /**
   * What to learn next is left open; all else is as before or follows from it, and says why.
   * @throws StrataError CONFLICT when the run has made no model, NOT_FOUND when that is gone.
   */
  async after({ run: reference }: { run: string }): Promise<NextDomain> {
    const run = this.#runs.find(reference);
    const model = this.#resultOf(run);
    const { configuration } = run;
    const byRole = (role: 'new' | 'old'): RunConfiguration['datasets'] => configuration.datasets.filter((dataset) => dataset.role === role);
    const kept = this.#present([...byRole('new'), ...byRole('old'), ...(configuration.past ?? [])]);
    const again = methodAgain(configuration.method, configuration.importance !== undefined);
    const isChosenShare = configuration.replayReason === words('said.replayChosen');
    const length = configuration.steps * configuration.batch * configuration.context;
    const names = (datasets: readonly { name: string }[]): string => datasets.map(({ name }) => `“${name}”`).join(', ');
    return {
      request: {
        model: model.id,
        newDatasets: [],
        oldDatasets: kept.found.map(({ id }) => id),
        ...(isChosenShare && byRole('old').length > 0 ? { replayShare: configuration.replayShare } : {}),
        ...(configuration.rendering ? { rendering: configuration.rendering } : {}),
        method: configuration.method.name,
        ...again.request,
        batch: configuration.batch,
        context: configuration.context,
        learningRate: configuration.learningRate,
        seed: configuration.seed,
        engine: configuration.engine,
        ...(configuration.guard ? { guard: configuration.guard } : {}),
        advanced: changedSettings(configuration),
      },
      reasons: [
        words('said.beginsFrom', { model: model.name, run: run.name }),
        words('said.nowOld', { names: names(byRole('new')) }),
        ...(kept.found.length > byRole('new').length ? [words('said.keptStays')] : []),
        ...kept.samples.map(({ name, of }) => words('said.sampleLeft', { name: of, sample: name })),
        again.reason,
        isChosenShare && byRole('old').length > 0 ? words('said.shareAsBefore') : words('said.shareAnew'),
        words('said.restAsBefore'),
      ],
      missing: kept.missing,
      samples: await this.#samples(this.#present(byRole('new')).found, model, length * likelyShare(configuration)),
    };
  }

  #resultOf(run: StoredRun): StoredModel {
    if (run.model === null) {
      throw new StrataError('CONFLICT', 'The run has not made a model yet.', {
        found: `run "${run.name}" is ${run.status}`,
        hint: 'Wait until it is done, or resume it.',
      });
    }
    const model = listModels(this.#context.store).find(({ id }) => id === run.model);
    if (model) return model;
    throw new StrataError('NOT_FOUND', 'The model that this run made is no longer in the workspace.', {
      found: run.model,
      hint: 'Import it again from an export, or go on from another run.',
    });
  }

  /** Of the datasets those that are in the workspace, each held-out part once; a sample where the original is gone. */
  #present(datasets: readonly { name: string; hash: string; heldOutHash?: string | undefined }[]): {
    found: StoredDataset[];
    samples: { name: string; of: string }[];
    missing: NextDomain['missing'];
  } {
    const found = new Map<string, StoredDataset>();
    const samples: { name: string; of: string }[] = [];
    const missing: NextDomain['missing'] = [];
    for (const { name, hash, heldOutHash: ofSample } of datasets) {
      const key = ofSample ?? hash;
      if (found.has(key)) continue;
      const stored = this.#datasets.withHash(hash) ?? this.#datasets.withHeldOut(key);
      if (!stored) missing.push({ name, reason: words('said.notAnyMore') });
      else {
        found.set(heldOutHash(stored), stored);
        if (stored.hash !== hash && stored.sampleOf) samples.push({ name: stored.name, of: name });
      }
    }
    return { found: [...found.values()], samples, missing };
  }

  /** @param replayed tokens that the next run is likely to replay in all. */
  async #samples(learned: readonly StoredDataset[], model: StoredModel, replayed: number): Promise<NextDomain['samples']> {
    const samples: NextDomain['samples'] = [];
    for (const { id, name, sampleOf } of learned) {
      if (sampleOf) continue;
      const { tokens: has } = await this.#tokens.count({ dataset: id, model: model.id });
      const tokens = Math.ceil((SAMPLE_SPARE * replayed) / learned.length / 1000) * 1000;
      if (has >= WORTH_SAMPLING * tokens) samples.push({ dataset: id, name, has, tokens });
    }
    return samples;
  }
}

/** Of the next run's tokens: as in the run before, where that had old data, otherwise what is replayed of data far from the new. */
function likelyShare({ replayShare }: RunConfiguration): number {
  return replayShare > 0 ? replayShare : FAR_REPLAY;
}

/** Settings that are not what a run has where nobody says anything. Those that follow from a run's length are left to the next. */
function changedSettings(configuration: RunConfiguration): AdvancedSettings {
  const { schedule, learningRateFactors, evaluation } = configuration;
  const settings: AdvancedSettings = {};
  if (configuration.microBatch !== configuration.batch) settings.microBatch = configuration.microBatch;
  // Chosen by hand, it has no other amount at the ends.
  if (evaluation.tokensAtEnds === undefined) settings.evaluationTokens = evaluation.tokens;
  if (configuration.packing !== DEFAULTS.packing) settings.packing = configuration.packing;
  if (schedule.name !== DEFAULTS.schedule) settings.schedule = schedule.name;
  if (schedule.name === 'wsd') {
    settings.decay = schedule.decay;
    settings.decayShape = schedule.shape;
  }
  for (const name of ['warmup', 'finalLearningRate', 'weightDecay', 'beta1', 'beta2', 'epsilon', 'clipNorm'] as const) {
    if (configuration[name] !== DEFAULTS[name]) settings[name] = configuration[name];
  }
  for (const [group, factor] of Object.entries(learningRateFactors) as [keyof typeof learningRateFactors, number][]) {
    if (factor !== DEFAULTS.learningRateFactors[group]) settings[`lr.${group}`] = factor;
  }
  return settings;
}
