import { join } from 'node:path';
import { gainAndForgetting, type Evaluation, type MetricPoint, type RunConfiguration } from '../../shared/domain/run.ts';
import { countParameters, planOf, replacesBase, roleOfTarget, trainabilityOf } from '../../shared/domain/method.ts';
import { openMixture } from '../../shared/domain/mixture-open.ts';
import type { Mixture } from '../../shared/domain/mixture.ts';
import { learningRateFactor } from '../../shared/domain/tensor-groups.ts';
import { StrataError } from '../../shared/errors.ts';
import { openTokenShard, trainingWindows } from '../datasets/token-shard.ts';
import type { Engine } from '../engine/engine.ts';
import { largestLogitDifference, type MeasuredWindow } from '../llama/measure.ts';
import type { Gradients } from '../llama/gradients.ts';
import { lowestTrainedBlock } from '../llama/model.ts';
import { Optimizer } from '../llama/optimizer.ts';
import { disposeLlama, type Llama, loadLlama, parametersOf, withoutAdapters, withoutInserted } from '../llama/parameters.ts';
import { learningRateAt } from '../llama/schedule.ts';
import { type ModelFolder, openModelFolder } from '../models/model-folder.ts';
import { type CheckpointState, configurationHash, restoreCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { explainDivergence } from './divergence.ts';
import { evaluationPoints, measureLoss } from './evaluation.ts';
import { memoryPlanOf } from './memory-plan.ts';
import type { Control, TrainerEvent, TrainJob, TrainResult } from './messages.ts';
import { PrefixCache } from './prefix-cache.ts';
import { peakMemory } from './process-memory.ts';
import { lockRun } from './run-lock.ts';
import { saveTrainedModel } from './save-model.ts';
import { lossAndGradientsOfStep } from './step.ts';
import { heldOutWindows, microBatches, type RunShards, tokensByDataset, trainingBatch, windowKeys } from './windows.ts';

/** Messages about progress are at most so far apart, and no closer. */
const PROGRESS_INTERVAL_MS = 200;

/** Measurements that a checkpoint repeats: those of some hundred steps. */
const RECENT_POINTS = 1000;

/** In the run's folder, while it is trained: what frozen blocks make of its windows. */
const PREFIX_FILE = 'prefix.cache';

/** Windows of real text on which identity is proved before step 1. */
const IDENTITY_WINDOWS = 4;

/**
 * One training session: from the start or the last checkpoint to the end, or to the pause, stop or interruption that
 * `requested` asks for. Whatever happens, the base's files are only read.
 */
export async function train(
  job: TrainJob,
  engine: Engine,
  emit: (event: TrainerEvent) => void,
  requested: () => Control | null,
): Promise<TrainResult> {
  const release = await lockRun(job.runDirectory, () => emit({ type: 'activity', text: 'waiting until the earlier trainer has saved' }));
  try {
    const session = await Session.open(job, engine, emit);
    try {
      return await session.run(requested);
    } finally {
      await session.close();
    }
  } finally {
    await release();
  }
}

class Session {
  readonly #job: TrainJob;
  readonly #configuration: RunConfiguration;
  readonly #engine: Engine;
  readonly #emit: (event: TrainerEvent) => void;
  readonly #folder: ModelFolder;
  readonly #shards: RunShards[];
  readonly #model: Llama;
  /** What the run started from: the model without what was added, or with frozen copies of what is trained. */
  readonly #base: Llama;
  readonly #optimizer: Optimizer;
  readonly #mixture: Mixture;
  readonly #windows: { new: MeasuredWindow[]; old: MeasuredWindow[] };
  /** What does not fit into memory is computed again in the backward pass, with the same result. */
  readonly #recomputes: boolean;
  /** While steps are trained, where windows come again and blocks below the first trained one are frozen. */
  #prefixes: PrefixCache | null = null;
  readonly #started: number;
  #state: CheckpointState;
  /** Measured since the last message about progress. */
  readonly #points: MetricPoint[] = [];
  #evaluationSeconds = 0;
  #evaluations = 0;

  private constructor(
    job: TrainJob,
    engine: Engine,
    emit: (event: TrainerEvent) => void,
    parts: {
      started: number;
      folder: ModelFolder;
      shards: RunShards[];
      model: Llama;
      base: Llama;
      optimizer: Optimizer;
      state: CheckpointState;
      recomputes: boolean;
    },
  ) {
    const { context, evaluation } = job.configuration;
    this.#job = job;
    this.#configuration = job.configuration;
    this.#engine = engine;
    this.#emit = emit;
    this.#started = parts.started;
    this.#folder = parts.folder;
    this.#shards = parts.shards;
    this.#model = parts.model;
    this.#base = parts.base;
    this.#optimizer = parts.optimizer;
    this.#state = parts.state;
    this.#recomputes = parts.recomputes;
    const sources = parts.shards.map(({ datasetId, role, train }) => ({
      datasetId,
      role,
      windows: trainingWindows(train.length, context),
    }));
    this.#mixture = openMixture(job.configuration, sources);
    this.#windows = {
      new: heldOutWindows(parts.shards, 'new', context, evaluation.tokens),
      old: heldOutWindows(parts.shards, 'old', context, evaluation.tokens),
    };
  }

  static async open(job: TrainJob, engine: Engine, emit: (event: TrainerEvent) => void): Promise<Session> {
    const started = performance.now();
    const { configuration } = job;
    emit({ type: 'activity', text: 'loading the base' });
    const folder = await openModelFolder(job.baseModelDirectory);
    const shards: RunShards[] = [];
    try {
      checkPlanFits(configuration, folder);
      const { keepsActivations } = memoryPlanOf(configuration, folder);
      const load = { config: folder.config, read: (name: string) => folder.readTensor(name), isCompact: true };
      const { method } = configuration;
      const model = await loadLlama(engine, {
        ...load,
        plan: planOf(method),
        isTrainable: trainabilityOf(method),
        lora: method.name === 'lora' ? { ...method, targets: method.targets.map(roleOfTarget), seed: configuration.seed } : null,
      });
      const hasOld = configuration.datasets.some(({ role }) => role === 'old');
      const base = replacesBase(method)
        ? hasOld
          ? await loadLlama(engine, { ...load, shared: model })
          : model // before step 1 it is the base, and later there is no drift to measure
        : withoutAdapters(withoutInserted(model));
      for (const { datasetId, role, trainPath, heldOutPath } of job.shards) {
        shards.push({ datasetId, role, train: await openTokenShard(trainPath), heldOut: await openTokenShard(heldOutPath) });
      }
      const optimizer = new Optimizer(engine, parametersOf(model), {
        ...configuration,
        learningRateFactor: (name) => learningRateFactor(name, method, configuration.learningRateFactors),
      });
      const restored = await restoreCheckpoint(job.runDirectory, configuration, engine, optimizer);
      const saved = restored?.state;
      const fresh: CheckpointState = {
        schemaVersion: 2,
        configurationHash: configurationHash(configuration),
        step: 0,
        seconds: 0,
        trainingSeconds: 0,
        baseline: { new: { loss: NaN, tokens: 0 }, old: null, drift: null },
        identityDifference: null,
        recent: [],
      };
      const session = new Session(job, engine, emit, {
        started,
        folder,
        shards,
        model,
        base,
        optimizer,
        state: saved ?? fresh,
        recomputes: !keepsActivations,
      });
      if (saved) {
        if (restored.refused) emit({ type: 'warning', text: refusal(restored.refused, saved.step) });
        emit({ type: 'activity', text: `going on from step ${saved.step}` });
        emit({ type: 'baseline', evaluation: saved.baseline });
      } else {
        await session.#measureAndProve();
      }
      session.#announce();
      session.#emitProgress(saved?.recent);
      return session;
    } catch (error) {
      await closeFiles(folder, shards);
      throw error;
    }
  }

  /** Before step 1: the losses everything is compared with, and the proof that the new blocks change nothing yet. */
  async #measureAndProve(): Promise<void> {
    this.#emit({ type: 'activity', text: 'measuring the base' });
    this.#state.baseline = await this.#evaluate(this.#base, false);
    this.#emit({ type: 'baseline', evaluation: this.#state.baseline });
    if (replacesBase(this.#configuration.method)) return;
    this.#emit({ type: 'activity', text: 'proving that what was added changes nothing yet' });
    const windows = [...this.#windows.old, ...this.#windows.new].slice(0, IDENTITY_WINDOWS).map(({ tokens }) => tokens);
    const difference = await largestLogitDifference(this.#engine, this.#base, this.#model, windows);
    this.#state.identityDifference = difference;
    if (difference !== 0) {
      throw new StrataError('INTERNAL', 'The model does not compute the same as its base before it is trained; nothing was trained.', {
        found: `a largest logit difference of ${difference}`,
        allowed: '0',
        hint: 'The base may hold infinite or undefined weights. Please report this with the model.',
      });
    }
  }

  #announce(): void {
    const trainable = parametersOf(this.#model).filter((parameter) => parameter.variable !== null);
    this.#emit({
      type: 'prepared',
      engine: this.#engine.name,
      trainableTensors: trainable.map((parameter) => parameter.name),
      trainableParameters: trainable.reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0),
      addedParameters: countParameters(this.#configuration.method, this.#folder.config).added,
      identityDifference: this.#state.identityDifference,
      step: this.#state.step,
    });
  }

  async run(requested: () => Control | null): Promise<TrainResult> {
    this.#emit({ type: 'activity', text: 'training' });
    let control: Control | null;
    try {
      this.#prefixes = this.#openPrefixes();
      control = await this.#trainUntil(requested);
    } finally {
      this.#prefixes?.close();
      this.#emitProgress(); // however it ended, what was measured up to there belongs to the run's history
    }
    if (control === null || control === 'stop') return this.#finish();
    await this.#checkpoint();
    return this.#result(control === 'pause' ? 'paused' : 'interrupted', null, false);
  }

  /** Whether windows repeat follows from the configuration alone, so a resumed run computes as the undisturbed one. */
  #openPrefixes(): PrefixCache | null {
    const { steps, batch } = this.#configuration;
    if (this.#mixture.repeatedShare(steps * batch) === 0 || lowestTrainedBlock(this.#model) === 0) return null;
    return new PrefixCache(this.#engine, this.#model, join(this.#job.runDirectory, PREFIX_FILE));
  }

  /** Trains step after step: to the end (null), or to what was asked for in between. */
  async #trainUntil(requested: () => Control | null): Promise<Control | null> {
    const { steps, batch, context, evaluation, checkpointEverySteps } = this.#configuration;
    let lastProgress = 0;
    while (this.#state.step < steps) {
      const control = requested();
      if (control !== null) return control;

      const step = this.#state.step + 1;
      const started = performance.now();
      const { loss, gradientNorm, learningRate } = await this.#step(step);
      const seconds = (performance.now() - started) / 1000;
      this.#state.step = step;
      this.#state.trainingSeconds += seconds;
      const points: MetricPoint[] = [
        { step, series: 'loss.train', value: loss },
        { step, series: 'learningRate', value: learningRate },
        { step, series: 'gradientNorm', value: gradientNorm },
        { step, series: 'tokensPerSecond', value: (batch * context) / seconds },
      ];
      this.#points.push(...points);
      this.#remember(points);
      if (performance.now() - lastProgress >= PROGRESS_INTERVAL_MS) {
        this.#emitProgress();
        lastProgress = performance.now();
      }
      if (step % evaluation.everySteps === 0 && step < steps) {
        const measured = await this.#evaluate(this.#model, true);
        this.#emit({ type: 'evaluation', step, evaluation: measured });
        this.#remember(evaluationPoints(step, measured));
      }
      if (step % checkpointEverySteps === 0 && step < steps) await this.#checkpoint();
      // Control messages arrive between turns of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return null;
  }

  async #step(step: number): Promise<{ loss: number; gradientNorm: number; learningRate: number }> {
    const { context, packing } = this.#configuration;
    const engine = this.#engine;
    const pieces = microBatches(step - 1, this.#configuration);
    const batches = pieces.map((range) => trainingBatch(this.#mixture, this.#shards, range, context, packing));
    const prefixes = this.#prefixes;
    const prefixOf = prefixes && ((piece: number) => prefixes.prefixOf(batches[piece]!, windowKeys(this.#mixture, pieces[piece]!)));
    const { loss, gradients } = await lossAndGradientsOfStep(engine, this.#model, batches, this.#recomputes, prefixOf);
    const learningRate = learningRateAt(step, this.#configuration);
    try {
      const lossValue = (await engine.read(loss))[0]!;
      // What is wrong in the forward pass shows here first, with the gradients still at hand to say where.
      if (!Number.isFinite(lossValue)) {
        const message = `Training diverged at step ${step}: the loss is not finite.`;
        throw await this.#explain(message, `a training loss of ${lossValue}`, this.#model, gradients);
      }
      const gradientNorm = await this.#optimizer.update(gradients, learningRate, step).catch(async (error: unknown) => {
        if (!(error instanceof StrataError) || error.code !== 'DIVERGED') throw error;
        throw await this.#explain(error.message, error.found!, this.#model, gradients);
      });
      return { loss: lossValue, gradientNorm, learningRate };
    } finally {
      engine.dispose(loss, ...gradients.values());
    }
  }

  /** A divergence with the tensor that is to blame. Nothing of the step was applied, and no checkpoint is touched. */
  #explain(message: string, found: string, model: Llama, gradients: Gradients | null): Promise<StrataError> {
    return explainDivergence(this.#engine, model, { message, found, gradients }, this.#configuration);
  }

  /** A last measurement, then the model's folder. The checkpoint stays until the folder is complete. */
  async #finish(): Promise<TrainResult> {
    const isComplete = this.#state.step === this.#configuration.steps;
    await this.#checkpoint();
    this.#emit({ type: 'activity', text: 'measuring the result' });
    const final = await this.#evaluate(this.#model, true);
    this.#emit({ type: 'evaluation', step: this.#state.step, evaluation: final });
    this.#emit({ type: 'activity', text: 'saving the model' });
    await saveTrainedModel({
      engine: this.#engine,
      folder: this.#folder,
      model: this.#model,
      configuration: this.#configuration,
      destination: this.#job.modelDirectory,
      run: this.#job.run ?? null,
      training: {
        steps: this.#state.step,
        tokens: this.#tokens().byDataset,
        ...gainAndForgetting(this.#state.baseline, final),
      },
    });
    return this.#result(isComplete ? 'done' : 'stopped', final, true);
  }

  async #evaluate(model: Llama, withDrift: boolean): Promise<Evaluation> {
    const started = performance.now();
    const reference = withDrift ? this.#base : null;
    const onNew = await measureLoss(this.#engine, model, this.#windows.new);
    const onOld = this.#windows.old.length > 0 ? await measureLoss(this.#engine, model, this.#windows.old, reference) : null;
    this.#evaluationSeconds += (performance.now() - started) / 1000;
    this.#evaluations++;
    const evaluation: Evaluation = {
      new: { loss: onNew.loss, tokens: onNew.tokens },
      old: onOld && { loss: onOld.loss, tokens: onOld.tokens },
      drift: onOld && withDrift ? onOld.drift : null,
    };
    if (![onNew.loss, onOld?.loss ?? 0, onOld?.drift ?? 0].every(Number.isFinite)) {
      const found = `loss on new ${onNew.loss}, on old ${onOld?.loss ?? 'none'}, drift ${onOld?.drift ?? 'none'}`;
      throw await this.#explain(`A held-out loss could not be measured ${this.#moment()}.`, found, model, null);
    }
    return evaluation;
  }

  #moment(): string {
    return this.#state.step === 0 ? 'before step 1' : `after step ${this.#state.step}`;
  }

  #remember(points: readonly MetricPoint[]): void {
    this.#state.recent = [...this.#state.recent, ...points].slice(-RECENT_POINTS);
  }

  async #checkpoint(): Promise<void> {
    this.#emitProgress(); // what a checkpoint has behind it is not measured again, so it must have been told
    const seconds = this.#secondsSoFar();
    await writeCheckpoint(this.#job.runDirectory, this.#engine, this.#optimizer, { ...this.#state, seconds });
    this.#emit({ type: 'checkpoint', step: this.#state.step });
  }

  #emitProgress(points: readonly MetricPoint[] = this.#points.splice(0)): void {
    if (points.length === 0) return;
    const { steps, evaluation } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    const evaluationsLeft = Math.floor(steps / evaluation.everySteps) - Math.floor(step / evaluation.everySteps) + 1;
    const secondsEach = this.#evaluations > 0 ? this.#evaluationSeconds / this.#evaluations : 0;
    this.#emit({
      type: 'progress',
      step,
      points: [...points],
      tokensPerSecond: this.#tokensPerSecond(),
      secondsLeft: (trainingSeconds / step) * (steps - step) + secondsEach * evaluationsLeft,
    });
  }

  #tokensPerSecond(): number {
    const { batch, context } = this.#configuration;
    const { step, trainingSeconds } = this.#state;
    return trainingSeconds > 0 ? (step * batch * context) / trainingSeconds : 0;
  }

  #secondsSoFar(): number {
    return this.#state.seconds + (performance.now() - this.#started) / 1000;
  }

  #tokens(): TrainResult['tokens'] {
    const { batch, context } = this.#configuration;
    const windows = this.#state.step * batch;
    return { total: windows * context, byDataset: tokensByDataset(this.#mixture, windows, context) };
  }

  #result(outcome: TrainResult['outcome'], final: Evaluation | null, saved: boolean): TrainResult {
    return {
      outcome,
      stepsDone: this.#state.step,
      tokens: this.#tokens(),
      seconds: this.#secondsSoFar(),
      tokensPerSecond: this.#tokensPerSecond(),
      repeatedShare: this.#mixture.repeatedShare(this.#state.step * this.#configuration.batch),
      peakMemory: peakMemory(),
      final,
      saved,
    };
  }

  async close(): Promise<void> {
    await closeFiles(this.#folder, this.#shards);
    this.#optimizer.dispose();
    if (replacesBase(this.#configuration.method) && this.#base !== this.#model) disposeLlama(this.#base);
    disposeLlama(this.#model);
  }
}

async function closeFiles(folder: ModelFolder, shards: readonly RunShards[]): Promise<void> {
  for (const { train, heldOut } of shards) {
    await train.close();
    await heldOut.close();
  }
  await folder.close();
}

function refusal(found: string, step: number): string {
  return `The newest checkpoint was damaged, so the run went on from the one before it, of step ${step}; the steps since then were trained again. Found: ${found}.`;
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
